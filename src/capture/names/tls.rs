//! TLS: the ClientHello and the server name in it (RFC 8446 §4.1.2, RFC 6066 §3).

use super::Shown;
use super::cursor::Cursor;
use super::first::Match;
use super::first::Place;

/// The longest ClientHello that is put together. Extensions alone can take 64 KiB; no client sends
/// a quarter of that.
pub(in crate::capture) const MOST_HELLO_BYTES: usize = 64 * 1024;

/// The longest record, with what encryption may add in TLS 1.2 (RFC 5246 §6.2.3).
const MOST_RECORD_BYTES: usize = (1 << 14) + 2048;

/// Records of no bytes that are passed over; OpenSSL takes 32.
const MOST_EMPTY_RECORDS: usize = 32;

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const HEARTBEAT: u8 = 24;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
/// draft-ietf-tls-esni-25 §5.
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// draft-ietf-tls-esni-02 §8.1.
const ENCRYPTED_SERVER_NAME: u16 = 0xffce;
const HOST_NAME: u8 = 0;

/// Whether `bytes` begin with a record of SSL 3 or TLS, or a hello in the form of SSL 2.
pub(in crate::capture) fn begins(bytes: &[u8], place: Place) -> Match {
    let bytes = if place == Place::Start { behind_empty_records(bytes) } else { bytes };
    match bytes {
        [0x80..=0xff, ..] if place == Place::Start => begins_v2(bytes),
        [kind, ..] if !(CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(kind) => Match::No,
        [_, major, ..] if *major != 3 => Match::No,
        [_, _, minor, ..] if *minor > 4 => Match::No,
        [kind, _, _, l0, l1, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            if length == 0 || length > MOST_RECORD_BYTES {
                return Match::No;
            }
            match (kind, place, rest.first()) {
                // Later handshake messages may be encrypted, the first one is not.
                (&HANDSHAKE, Place::Start, None) => Match::Unsettled,
                (&HANDSHAKE, Place::Start, Some(message)) if *message > 24 => Match::No,
                (_, Place::Start, _) => Match::Yes,
                (_, Place::Middle, _) => next_record(length, rest),
            }
        }
        _ => Match::Unsettled,
    }
}

/// `bytes` without records of no bytes before the first message: nobody may send them (RFC 8446 §5.1), and
/// there are servers that pass over them.
fn behind_empty_records(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    for _ in 0..MOST_EMPTY_RECORDS {
        match rest {
            [HANDSHAKE, 3, 0..=4, 0, 0, behind @ ..] => rest = behind,
            _ => break,
        }
    }
    rest
}

/// Whether `bytes` begin with a record that begins with a ClientHello, beyond doubt.
pub(in crate::capture) fn begins_client_hello(bytes: &[u8]) -> Match {
    const BEGIN: usize = 11;
    let fits = |(place, byte): (usize, &u8)| match place {
        0 => *byte == HANDSHAKE,
        5 => *byte == CLIENT_HELLO,
        6 => *byte == 0,
        1 | 9 => *byte == 3,
        2 | 10 => *byte <= 4,
        // The lengths of record and message.
        _ => true,
    };
    let bytes = behind_empty_records(bytes);
    match bytes.iter().take(BEGIN).enumerate().all(fits) {
        false => Match::No,
        true if bytes.len() < BEGIN => Match::Unsettled,
        true => Match::Yes,
    }
}

/// Whether records that `bytes` begin with may begin with a ClientHello, as far as they go.
pub(in crate::capture) fn may_begin_hello(bytes: &[u8]) -> bool {
    let bytes = behind_empty_records(bytes);
    let message = bytes.get(5).copied();
    bytes.first().is_none_or(|kind| *kind == HANDSHAKE)
        && message.is_none_or(|message| message == CLIENT_HELLO)
}

/// In the middle of a stream one record may be chance; if there is another, it must fit as well.
fn next_record(length: usize, rest: &[u8]) -> Match {
    match rest.get(length..) {
        Some([kind, ..]) if !(CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(kind) => Match::No,
        Some([_, major, ..]) if *major != 3 => Match::No,
        Some(_) | None => Match::Yes,
    }
}

/// A ClientHello in the form of SSL 2 (RFC 5246 Appendix E.2).
fn begins_v2(bytes: &[u8]) -> Match {
    match bytes {
        [_] | [_, _] | [_, _, CLIENT_HELLO] | [_, _, CLIENT_HELLO, 0 | 3] => Match::Unsettled,
        [_, _, CLIENT_HELLO, 0, 2, ..] | [_, _, CLIENT_HELLO, 3, 0..=3, ..] => Match::Yes,
        _ => Match::No,
    }
}

/// What a ClientHello is sent over, which decides its form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) enum Over {
    Stream,
    /// With a cookie (RFC 6347 §4.2.1).
    Datagrams,
}

/// How a ClientHello may ask for another name than the one it shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) enum Hidden {
    /// An encrypted ClientHello (draft-ietf-tls-esni-25 §5), or an extension that only looks like
    /// one: to whoever cannot decrypt it they are the same.
    Ech,
    /// An encrypted server name, as drafts had it before that.
    Esni,
}

/// What a ClientHello shows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::capture) struct ClientHello {
    pub(in crate::capture) name: Shown,
    pub(in crate::capture) hidden: Option<Hidden>,
}

impl ClientHello {
    /// A hello of which nothing but the name is known.
    pub(in crate::capture) fn named(name: Shown) -> ClientHello {
        ClientHello { name, hidden: None }
    }
}

/// What a stream of records has shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::capture) enum Hello {
    /// More bytes are needed.
    Unsettled,
    /// A ClientHello.
    Client(ClientHello),
    /// The stream begins with something else: a server's messages, or encrypted ones.
    None,
    /// A ClientHello that is longer than [`MOST_HELLO_BYTES`] or contradicts itself.
    Unreadable,
}

/// Puts a ClientHello together that is spread over records and segments.
#[derive(Debug, Default)]
pub(in crate::capture) struct HelloReader {
    /// The record header, as far as it was read.
    header: Vec<u8>,
    /// Bytes that are left of the current record.
    record: usize,
    /// Whether the stream is a hello in the form of SSL 2.
    v2: bool,
    /// Whether a record had no bytes.
    has_empty: bool,
    /// Handshake bytes so far.
    message: Vec<u8>,
}

impl HelloReader {
    /// Bytes held back.
    pub(in crate::capture) fn held(&self) -> usize {
        self.message.len()
    }

    /// Whether there were records of no bytes.
    pub(in crate::capture) fn has_empty_records(&self) -> bool {
        self.has_empty
    }

    /// Takes the next bytes of the stream.
    pub(in crate::capture) fn push(&mut self, bytes: &[u8]) -> Hello {
        let mut rest = bytes;
        if self.header.is_empty() && self.message.is_empty() && self.record == 0 {
            // No name fits in a hello of SSL 2.
            self.v2 = matches!(rest.first(), Some(0x80..));
        }
        if self.v2 {
            return Hello::Client(ClientHello::named(Shown::Nothing));
        }
        while !rest.is_empty() {
            if self.record == 0 {
                let (taken, after) = rest.split_at(rest.len().min(5 - self.header.len()));
                self.header.extend_from_slice(taken);
                rest = after;
                let [kind, 3, _, l0, l1] = *self.header.as_slice() else {
                    if self.header.len() < 5 {
                        return Hello::Unsettled;
                    }
                    return Hello::None;
                };
                if kind != HANDSHAKE {
                    return Hello::None;
                }
                self.header.clear();
                self.record = u16::from_be_bytes([l0, l1]).into();
                self.has_empty |= self.record == 0;
            }
            let (taken, after) = rest.split_at(rest.len().min(self.record));
            self.record -= taken.len();
            self.message.extend_from_slice(taken);
            rest = after;
            match message(&self.message) {
                Hello::Unsettled if self.message.len() > MOST_HELLO_BYTES => {
                    return Hello::Unreadable;
                }
                Hello::Unsettled => {}
                settled => return settled,
            }
        }
        Hello::Unsettled
    }
}

/// Reads the first handshake message.
pub(in crate::capture) fn message(bytes: &[u8]) -> Hello {
    let mut cursor = Cursor(bytes);
    match cursor.u8() {
        None => return Hello::Unsettled,
        Some(CLIENT_HELLO) => {}
        Some(_) => return Hello::None,
    }
    let Some(length) = cursor.u24() else { return Hello::Unsettled };
    if length > MOST_HELLO_BYTES {
        return Hello::Unreadable;
    }
    match cursor.take(length) {
        None => Hello::Unsettled,
        Some(body) => client_hello(body, Over::Stream).map_or(Hello::Unreadable, Hello::Client),
    }
}

/// A ClientHello without its message header; `None` where it contradicts itself before its name.
pub(in crate::capture) fn client_hello(body: &[u8], over: Over) -> Option<ClientHello> {
    let mut cursor = Cursor(body);
    let _version = cursor.u16()?;
    let _random = cursor.take(32)?;
    let _session = cursor.vector8()?;
    if over == Over::Datagrams {
        let _cookie = cursor.vector8()?;
    }
    let _cipher_suites = cursor.vector16()?;
    let _compressions = cursor.vector8()?;
    if cursor.is_empty() {
        return Some(ClientHello::named(Shown::Nothing));
    }
    extensions(cursor.vector16()?)
}

/// The extensions of a ClientHello, up to one that does not fit where that stands behind the name.
fn extensions(mut rest: Cursor<'_>) -> Option<ClientHello> {
    let (mut name, mut hidden) = (None, None);
    while !rest.is_empty() {
        let extension = rest.u16().and_then(|kind| Some((kind, rest.vector16()?)));
        let Some((kind, mut value)) = extension else {
            return name.map(|name| ClientHello { name, hidden });
        };
        match kind {
            // A server's answer has the extension without a list; some clients send that as well.
            // Which of two a server takes is not known (RFC 8446 §4.2 forbids them).
            SERVER_NAME if name.is_some() => return None,
            SERVER_NAME if !value.is_empty() => {
                name = Some(server_name(value.vector16()?)?);
            }
            ENCRYPTED_CLIENT_HELLO => hidden = Some(Hidden::Ech),
            ENCRYPTED_SERVER_NAME => hidden = Some(Hidden::Esni),
            _ => {}
        }
    }
    Some(ClientHello { name: name.unwrap_or(Shown::Nothing), hidden })
}

/// The host name of a list of server names, up to an entry that does not fit where that stands behind
/// the name. Which of two a server takes is not known (RFC 6066 §3 forbids them).
fn server_name(mut names: Cursor<'_>) -> Option<Shown> {
    let mut found: Option<&[u8]> = None;
    while !names.is_empty() {
        let entry = names.u8().and_then(|kind| Some((kind, names.vector16()?.0)));
        match (entry, found) {
            (Some((HOST_NAME, name)), Some(found)) if name != found => return None,
            (Some((HOST_NAME, name)), _) => found = Some(name),
            (Some(_), _) => {}
            (None, Some(_)) => break,
            (None, None) => return None,
        }
    }
    Some(found.map_or(Shown::Nothing, Shown::read))
}
