//! The ClientHello in the Initials of a client, put together from the datagrams of a flow.

use super::super::tls;
use super::super::tls::ClientHello;
use super::super::tls::Hello;
use super::google;
use crate::quic::InitialKeys;
use crate::quic::LongHeader;
use crate::quic::PacketType;
use crate::quic::Version;
use crate::quic::read_varint;

/// Packets of one datagram that are looked at (RFC 9000 §12.2); a client joins three at most.
const MOST_PACKETS: usize = 8;
/// Initials that no key opened before a flow is given up: those of the server, of other versions,
/// and damaged ones.
const MOST_FAILURES: u8 = 32;
/// Where the random bytes of a hello end, which no two have in common (RFC 8446 §4.1.2).
const END_OF_RANDOM: usize = 4 + 2 + 32;
/// Connections of which hellos are put together at a time.
const MOST_CONNECTIONS: usize = 4;
/// Pieces of a hello that wait for what lies before them.
const MOST_PIECES: usize = 256;

/// Bytes of a hello that are remembered after it was read, to be held against what comes later.
const MOST_REMEMBERED_BYTES: usize = 4 * 1024;

const PADDING: u64 = 0x00;
const PING: u64 = 0x01;
const ACK: u64 = 0x02;
const ACK_ECN: u64 = 0x03;
const CRYPTO: u64 = 0x06;
/// What Google's versions have for it.
const GOOGLE_CRYPTO: u64 = 0x08;

/// What was heard in a datagram.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::capture) enum Heard {
    /// Nothing that tells more.
    Nothing,
    /// A ClientHello is complete.
    Hello(ClientHello),
    /// A ClientHello that is too long or contradicts itself.
    Unreadable,
}

/// Reads the hellos of a flow: of the first connection, and of each other between the same ends.
#[derive(Debug, Default)]
pub(in crate::capture) struct HelloReader {
    /// The connections that were last opened, the latest at the end. A client may have two at a time, and
    /// what it sent before a Retry may come behind what it sent after.
    connections: Vec<Connection>,
    /// Whether a hello was given up that may be another than those that were read.
    has_lost: bool,
    /// The last hello: a client repeats it to a server that asks where the client is.
    last: Option<ClientHello>,
    /// Whether a name was read that stands there in the clear.
    is_named: bool,
    failures: u8,
    /// The keys that were tried last beside those of the connections.
    tried: Option<Box<Tried>>,
}

/// A connection of which an Initial was opened.
#[derive(Debug)]
struct Connection {
    keys: InitialKeys,
    crypto: Crypto,
    /// Whether its hello is complete.
    is_settled: bool,
}

impl Connection {
    /// Whether all that came of its hello is in that of `other`, which is complete, and that is enough to
    /// tell it from others: its random bytes are among it.
    fn is_repeated_by(&self, other: &Connection) -> bool {
        let Crypto { message, pieces, .. } = &self.crypto;
        let pieces = pieces.iter().map(|(offset, bytes)| (*offset, bytes.as_slice()));
        let mut all = std::iter::once((0, message.as_slice())).chain(pieces);
        let length = other.crypto.message.len();
        other.is_settled
            && message.len() >= END_OF_RANDOM
            && all.all(|(offset, bytes)| {
                offset + bytes.len() <= length && !other.crypto.is_contradicted_by(offset, bytes)
            })
    }
}

/// The keys that a client would have of a connection. A server sends several Initials to one
/// connection id, and to derive keys takes longer than to see that they are not those.
#[derive(Debug)]
struct Tried {
    version: Version,
    destination_id: Vec<u8>,
    /// Those of the first suites of the version, as far as any were derived.
    keys: Vec<Option<InitialKeys>>,
}

impl Tried {
    fn of(packet: &LongHeader<'_>) -> Tried {
        let LongHeader { version, destination_id, .. } = *packet;
        Tried { version, destination_id: destination_id.to_vec(), keys: Vec::new() }
    }

    /// What an Initial of this connection protects, and its keys.
    fn open(&mut self, packet: &LongHeader<'_>) -> Option<(InitialKeys, Vec<u8>)> {
        let open = |keys: InitialKeys| Some((keys, keys.open(packet)?));
        if let Some(opened) = self.keys.iter().copied().flatten().find_map(open) {
            return Some(opened);
        }
        let derived = self.keys.len();
        self.version.suites().iter().skip(derived).find_map(|suite| {
            let keys = InitialKeys::client(suite, &self.destination_id);
            self.keys.push(keys);
            open(keys?)
        })
    }

    fn are_of(&self, packet: &LongHeader<'_>) -> bool {
        self.version == packet.version && self.destination_id == packet.destination_id
    }
}

impl HelloReader {
    /// Bytes held back.
    pub(in crate::capture) fn held(&self) -> usize {
        self.connections.iter().map(|connection| connection.crypto.held()).sum()
    }

    /// Whether part of a hello was seen, and not all of it.
    pub(in crate::capture) fn is_waiting(&self) -> bool {
        self.has_lost || self.connections.iter().any(|connection| !self.is_read(connection))
    }

    /// Whether the hello of a connection was read, or what came of it is what another repeated.
    fn is_read(&self, connection: &Connection) -> bool {
        connection.is_settled
            || self.connections.iter().any(|other| connection.is_repeated_by(other))
    }

    /// Whether nothing more can be heard.
    pub(in crate::capture) fn is_done(&self) -> bool {
        self.failures >= MOST_FAILURES
    }

    /// Takes the next datagram, of either end: only what a client sends opens with the keys of a
    /// client.
    pub(in crate::capture) fn push(&mut self, datagram: &[u8]) -> Heard {
        if self.is_done() {
            return Heard::Nothing;
        }
        let is_read = self.is_named || self.connections.iter().any(|one| one.is_settled);
        if !is_read && let Some(name) = google::hello_in_the_clear(datagram) {
            self.is_named = true;
            return Heard::Hello(ClientHello::named(name));
        }
        let mut rest = datagram;
        for _ in 0..MOST_PACKETS {
            let Some((packet, following)) = LongHeader::read(rest) else { break };
            rest = following;
            if packet.kind != PacketType::Initial {
                continue;
            }
            match self.initial(&packet) {
                Heard::Nothing => {}
                heard => return heard,
            }
        }
        Heard::Nothing
    }

    fn initial(&mut self, packet: &LongHeader<'_>) -> Heard {
        let Some((payload, connection)) = self.open(packet) else {
            self.failures = self.failures.saturating_add(1);
            return Heard::Nothing;
        };
        let Connection { crypto, is_settled, .. } = connection;
        let was_settled = *is_settled;
        if was_settled && crypto.message.is_empty() {
            return Heard::Nothing;
        }
        let carries = if packet.version.google().is_some() { GOOGLE_CRYPTO } else { CRYPTO };
        let heard = crypto.frames(&payload, carries);
        if heard == Heard::Nothing {
            return heard;
        }
        *is_settled = true;
        if heard == Heard::Unreadable || crypto.message.len() > MOST_REMEMBERED_BYTES {
            *crypto = Crypto::default();
        }
        match heard {
            Heard::Hello(_) if was_settled => Heard::Nothing,
            Heard::Hello(hello) if self.last.as_ref() == Some(&hello) => Heard::Nothing,
            Heard::Hello(hello) => {
                self.last = Some(hello.clone());
                Heard::Hello(hello)
            }
            Heard::Nothing | Heard::Unreadable => heard,
        }
    }

    /// What an Initial protects, if a client sent it, and its connection: one that is known, or the
    /// first one, the first behind a Retry, or another.
    fn open(&mut self, packet: &LongHeader<'_>) -> Option<(Vec<u8>, &mut Connection)> {
        let mut known = self.connections.iter().enumerate().rev();
        let opened = known.find_map(|(place, one)| Some((place, one.keys.open(packet)?)));
        if let Some((place, payload)) = opened {
            self.failures = 0;
            return Some((payload, self.connections.get_mut(place)?));
        }
        let tried = match &mut self.tried {
            Some(tried) if tried.are_of(packet) => tried,
            tried => tried.insert(Box::new(Tried::of(packet))),
        };
        let (keys, payload) = tried.open(packet)?;
        self.tried = None;
        self.failures = 0;
        if self.connections.len() >= MOST_CONNECTIONS {
            self.has_lost |= self.connections.first().is_some_and(|oldest| !self.is_read(oldest));
            self.connections.remove(0);
        }
        self.connections.push(Connection { keys, crypto: Crypto::default(), is_settled: false });
        Some((payload, self.connections.last_mut()?))
    }
}

/// The stream of handshake bytes (RFC 9000 §7.5), whose pieces come in any order.
#[derive(Debug, Default)]
struct Crypto {
    /// The bytes from the start on, without a gap.
    message: Vec<u8>,
    /// What lies behind a gap, ascending by its place.
    pieces: Vec<(usize, Vec<u8>)>,
    held: usize,
    contradicts: bool,
}

impl Crypto {
    fn held(&self) -> usize {
        self.message.len() + self.held
    }

    /// Takes the frames of an Initial, up to the first that none may have (RFC 9000 §12.4).
    /// `crypto` is the type of those that carry the stream.
    fn frames(&mut self, payload: &[u8], crypto: u64) -> Heard {
        let mut rest = payload;
        while let Some(next) = self.frame(rest, crypto) {
            rest = next;
        }
        self.hello()
    }

    /// Takes the frame at the front, and gives what follows it.
    fn frame<'a>(&mut self, bytes: &'a [u8], crypto: u64) -> Option<&'a [u8]> {
        let (kind, rest) = read_varint(bytes)?;
        match kind {
            // A client fills its first datagram, mostly with these.
            PADDING => Some(behind_padding(rest)),
            PING => Some(rest),
            ACK | ACK_ECN => {
                let (_largest, rest) = read_varint(rest)?;
                let (_delay, rest) = read_varint(rest)?;
                let (ranges, mut rest) = read_varint(rest)?;
                let counts = if kind == ACK_ECN { 3 } else { 0 };
                for _ in 0..ranges.saturating_mul(2).saturating_add(1 + counts) {
                    rest = read_varint(rest)?.1;
                }
                Some(rest)
            }
            _ if kind == crypto => {
                let (offset, rest) = read_varint(rest)?;
                let (length, rest) = read_varint(rest)?;
                let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                self.take(usize::try_from(offset).ok()?, bytes);
                Some(rest)
            }
            _ => None,
        }
    }

    fn take(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset.saturating_add(bytes.len());
        self.contradicts |= self.is_contradicted_by(offset, bytes);
        if end > tls::MOST_HELLO_BYTES || end <= self.message.len() {
            return;
        }
        if self.pieces.len() >= MOST_PIECES || self.held > tls::MOST_HELLO_BYTES {
            return;
        }
        let place = self.pieces.partition_point(|(before, _)| *before <= offset);
        self.pieces.insert(place, (offset, bytes.to_vec()));
        self.held += bytes.len();
        while let Some((offset, _)) = self.pieces.first()
            && *offset <= self.message.len()
        {
            let (offset, bytes) = self.pieces.remove(0);
            self.held -= bytes.len();
            let known = self.message.len() - offset;
            self.message.extend_from_slice(bytes.get(known..).unwrap_or_default());
        }
    }

    /// Whether other bytes were at one of these places before, which no client sends
    /// (RFC 9000 §2.2).
    fn is_contradicted_by(&self, offset: usize, bytes: &[u8]) -> bool {
        let message = std::iter::once((0, self.message.as_slice()));
        let pieces = self.pieces.iter().map(|(offset, bytes)| (*offset, bytes.as_slice()));
        message.chain(pieces).any(|(start, known)| {
            let from = start.max(offset);
            let ours = bytes.get(from - offset..).unwrap_or_default();
            let theirs = known.get(from - start..).unwrap_or_default();
            let common = ours.len().min(theirs.len());
            ours.get(..common) != theirs.get(..common)
        })
    }

    fn hello(&self) -> Heard {
        if self.contradicts {
            return Heard::Unreadable;
        }
        if let Some(name) = google::hello(&self.message) {
            return Heard::Hello(ClientHello::named(name));
        }
        match tls::message(&self.message) {
            Hello::Client(hello) => Heard::Hello(hello),
            Hello::Unreadable => Heard::Unreadable,
            // A client's Initials carry nothing else, so that there is nothing to hear in these.
            Hello::None | Hello::Unsettled => Heard::Nothing,
        }
    }
}

/// What follows padding: zeros, which are looked at eight at a time.
fn behind_padding(bytes: &[u8]) -> &[u8] {
    let (eights, _) = bytes.as_chunks::<8>();
    let padding = 8 * eights.iter().take_while(|eight| **eight == [0; 8]).count();
    let rest = bytes.get(padding..).unwrap_or_default();
    let padding = rest.iter().take_while(|byte| **byte == 0).count();
    rest.get(padding..).unwrap_or_default()
}
