//! HTTP/1: request heads one after another on a connection (RFC 9112).

use crate::flow::Host;
use crate::flow::Request;

use super::Shown;
use super::first::Awaits;
use super::first::Match;
use super::tls;

/// The longest request head that is put together; servers accept 8 to 64 KiB.
pub(in crate::capture) const MOST_HEAD_BYTES: usize = 64 * 1024;
/// The most header fields of a request; servers accept about 100.
const MOST_FIELDS: usize = 256;
/// The longest method that is taken for one; the longest registered one has 17 letters.
const MOST_METHOD_BYTES: usize = 24;

/// Bytes of empty lines before a first request that are looked over; those of clients are 2.
const MOST_EMPTY_LINES: usize = 16;
/// The longest line that gives the size of a chunk, or is a field behind the last; both are short.
const MOST_CHUNK_LINE_BYTES: usize = 4096;

/// Whether `bytes` begin with a request line.
pub(in crate::capture) fn begins_request(bytes: &[u8]) -> Match {
    let bytes = behind_empty_lines(bytes);
    let method = bytes.iter().take_while(|byte| is_token(**byte)).count();
    if method > MOST_METHOD_BYTES {
        return Match::No;
    }
    let rest = match bytes.get(method..) {
        None | Some([]) => return Match::Unsettled,
        Some([b' ', rest @ ..]) if method > 0 => rest,
        Some(_) => return Match::No,
    };
    let target = rest.iter().take_while(|byte| is_target(**byte)).count();
    let strict = match rest.get(target..) {
        None | Some([]) if target > MOST_HEAD_BYTES => Match::No,
        None | Some([]) => Match::Unsettled,
        Some([b' ', version @ ..]) if target > 0 => Match::prefix_of_version(version),
        Some([b'\r' | b'\n', ..]) if is_version_0(bytes) => Match::Yes,
        Some(_) => Match::No,
    };
    if strict == Match::No { begins_damaged_request(bytes, rest) } else { strict }
}

/// `bytes` without the empty lines before a first request, which servers skip (RFC 9112 §2.2).
fn behind_empty_lines(bytes: &[u8]) -> &[u8] {
    let ends = bytes.iter().take(MOST_EMPTY_LINES).take_while(|byte| matches!(byte, b'\r' | b'\n'));
    bytes.get(ends.count()..).unwrap_or_default()
}

/// Whether a line that is no request line is one to servers that are not strict: of a method that
/// all know, and with the version at its end, whatever stands between (RFC 9112 §3).
fn begins_damaged_request(bytes: &[u8], behind_method: &[u8]) -> Match {
    const METHODS: &[&[u8]] =
        &[b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"CONNECT ", b"OPTIONS ", b"PATCH "];
    if !METHODS.iter().any(|method| bytes.starts_with(method)) {
        return Match::No;
    }
    let Some(end) = behind_method.iter().position(|byte| *byte == b'\n') else {
        let is_long = behind_method.len() > MOST_HEAD_BYTES;
        return if is_long { Match::No } else { Match::Unsettled };
    };
    let line = behind_method.get(..end).unwrap_or_default().trim_ascii_end();
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    let is_version = matches!(version, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0' | b'1']);
    if is_version { Match::Yes } else { Match::No }
}

/// What has to come before more is known of `bytes`, which may begin with a request line.
pub(in crate::capture) fn awaits(bytes: &[u8]) -> Awaits {
    let bytes = behind_empty_lines(bytes);
    let method = bytes.iter().take_while(|byte| is_token(**byte)).count();
    let Some(rest) = bytes.get(method + 1..) else { return Awaits::Anything };
    let target = rest.iter().take_while(|byte| is_target(**byte)).count();
    match rest.get(target + 1..) {
        None => Awaits::EndOfTarget,
        Some(version) if b"HTTP/1.".starts_with(version) => Awaits::Anything,
        Some(_) => Awaits::LineFeed,
    }
}

impl Awaits {
    /// Whether `bytes` are, or have, what was awaited.
    pub(in crate::capture) fn is_met_by(self, bytes: &[u8]) -> bool {
        match self {
            Awaits::Anything => true,
            Awaits::EndOfTarget => !bytes.iter().all(|byte| is_target(*byte)),
            Awaits::LineFeed => memchr::memchr(b'\n', bytes).is_some(),
        }
    }
}

/// Whether `bytes` begin with a status line.
pub(in crate::capture) fn begins_response(bytes: &[u8]) -> Match {
    Match::prefix_of_version(bytes)
}

impl Match {
    fn prefix_of_version(bytes: &[u8]) -> Match {
        let version = bytes.get(..7).unwrap_or(bytes);
        Match::prefix(version, b"HTTP/1.")
    }
}

/// Whether a request line without a version is one of HTTP/0.9 (RFC 1945 §5.1).
fn is_version_0(bytes: &[u8]) -> bool {
    bytes.starts_with(b"GET /")
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// What httparse lets stand in a target: anything visible, and bytes beyond ASCII.
fn is_target(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f
}

/// A request as its head shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::capture) enum RequestSeen {
    /// Its host, port and path.
    Whole(Request),
    /// The same of a request whose target names this other host, or one that no field names.
    Twofold(Request, Host),
    /// A request whose first line is damaged, with the host that a field names. What it asks of
    /// that host is the server's to guess.
    Damaged(Option<Host>),
    /// A request of which the end is missing, with the host of its target: no field has named one so far.
    Target(Host),
    /// A request whose host cannot be read.
    Unreadable,
}

/// What a client says, as its bytes are read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::capture) enum Told {
    Request(RequestSeen),
    /// The last request asks for a tunnel (RFC 9110 §9.3.6).
    AsksForTunnel,
    /// A request comes behind one that asks for a tunnel: the server refused, or it lies in the tunnel.
    BehindTunnel,
}

/// What the last request asks for that may come behind it, if the server agrees.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Asks {
    #[default]
    Nothing,
    /// Another protocol (RFC 9110 §7.8).
    Upgrade,
    /// A tunnel (RFC 9110 §9.3.6).
    Tunnel,
}

/// What to do with the bytes that come next.
#[derive(Debug)]
enum State {
    /// A request head, as far as it was read.
    Head {
        held: Vec<u8>,
        /// How much of it was searched for the end of the head.
        searched: usize,
    },
    /// A body of so many bytes, which the client may keep back if the server does not want it
    /// (RFC 9110 §10.1.1).
    Expected(u64),
    /// A body of so many bytes.
    Body(u64),
    /// A body in chunks (RFC 9112 §7.1).
    Chunks(Chunks),
    /// There are no more requests.
    Ended,
    /// It is not known where the next request begins.
    Lost,
}

/// The place in a chunked body.
#[derive(Debug)]
enum Chunks {
    /// In a line that gives the size of a chunk.
    Size(Vec<u8>),
    /// In a chunk that has so many bytes yet.
    Data(u64),
    /// In the line end behind a chunk, of which this is still to come.
    LineEnd(&'static [u8]),
    /// In the trailer, in a line that has these bytes yet.
    Trailer(Vec<u8>),
}

/// Reads requests out of the client's direction of a connection.
#[derive(Debug)]
pub(in crate::capture) struct RequestReader {
    state: State,
    asks: Asks,
}

impl Default for RequestReader {
    fn default() -> RequestReader {
        RequestReader { state: State::head(), asks: Asks::Nothing }
    }
}

impl State {
    fn head() -> State {
        State::Head { held: Vec::new(), searched: 0 }
    }
}

/// How the reading of requests ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::capture) enum End {
    /// A request of HTTP/0.9 was the last.
    Over,
    /// These bytes, which come behind a request for a tunnel, are no request (RFC 9110 §9.3.6).
    Tunnel(Vec<u8>),
    /// They are, if the server agreed to what the last request asked for (RFC 9110 §7.8); else requests
    /// may follow that are not found.
    Upgraded(Vec<u8>),
    /// Requests may follow that are not found.
    Lost,
}

impl RequestSeen {
    /// Whether its host was read.
    pub(in crate::capture) fn has_host(&self) -> bool {
        matches!(self, RequestSeen::Whole(_) | RequestSeen::Twofold(..))
    }
}

impl RequestReader {
    /// Bytes held back.
    pub(in crate::capture) fn held(&self) -> usize {
        match &self.state {
            State::Head { held, .. } => held.len(),
            State::Chunks(Chunks::Size(line) | Chunks::Trailer(line)) => line.len(),
            State::Expected(_) | State::Body(_) | State::Chunks(_) | State::Ended | State::Lost => {
                0
            }
        }
    }

    /// Whether the last request asked for another protocol, which may come instead of the next.
    pub(in crate::capture) fn asks_to_upgrade(&self) -> bool {
        self.asks == Asks::Upgrade
    }

    /// Whether the last request asked for a tunnel, and nothing is known yet of what comes behind it.
    pub(in crate::capture) fn asks_for_tunnel(&self) -> bool {
        self.asks == Asks::Tunnel
    }

    /// The request that has begun and is not complete, as far as its whole lines go.
    pub(in crate::capture) fn unfinished(&self) -> Option<RequestSeen> {
        let State::Head { held, .. } = &self.state else { return None };
        if begins_request(held) != Match::Yes {
            return None;
        }
        let lines = held.iter().rposition(|byte| *byte == b'\n').and_then(|end| held.get(..=end));
        let mut head = lines.unwrap_or_default().to_vec();
        head.extend_from_slice(b"\r\n");
        let Some(Head { request, has_host, .. }) = read_head(&head) else {
            return Some(RequestSeen::Unreadable);
        };
        Some(match request {
            request if has_host => request,
            // The field may have stood in a line that is missing.
            RequestSeen::Twofold(_, target)
            | RequestSeen::Whole(Request { host: Some(target), .. }) => RequestSeen::Target(target),
            RequestSeen::Damaged(host) => RequestSeen::Damaged(host),
            RequestSeen::Whole(_) | RequestSeen::Target(_) | RequestSeen::Unreadable => {
                RequestSeen::Unreadable
            }
        })
    }

    /// Goes over `bytes` that were lost; tells whether the reader still knows where it is.
    pub(in crate::capture) fn lose(&mut self, bytes: u64) -> bool {
        match &mut self.state {
            State::Body(left) | State::Chunks(Chunks::Data(left)) if *left >= bytes => {
                *left -= bytes;
                true
            }
            State::Head { .. }
            | State::Expected(_)
            | State::Body(_)
            | State::Chunks(_)
            | State::Ended
            | State::Lost => false,
        }
    }

    /// Takes the next bytes of the stream and gives each request that they complete to `tell`; tells
    /// how the reading ends, if it does.
    pub(in crate::capture) fn push(
        &mut self,
        bytes: &[u8],
        mut tell: impl FnMut(Told),
    ) -> Option<End> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let state = std::mem::replace(&mut self.state, State::Ended);
            (self.state, rest) = match state {
                State::Head { held, searched } => {
                    match head(held, searched, &mut self.asks, rest, &mut tell) {
                        Ok(next) => next,
                        Err(end) => return Some(end),
                    }
                }
                // A server that refuses it gets the next request in its place.
                State::Expected(left) if may_be_refused(left, rest) => (State::Lost, rest),
                State::Expected(left) => (State::Body(left), rest),
                State::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let left = left - u64::try_from(here).unwrap_or(left);
                    let next = if left == 0 { State::head() } else { State::Body(left) };
                    (next, rest.get(here..).unwrap_or_default())
                }
                State::Chunks(chunks) => chunks.take(rest),
                State::Ended => return Some(End::Over),
                State::Lost => return Some(End::Lost),
            };
        }
        match self.state {
            State::Ended => Some(End::Over),
            State::Lost => Some(End::Lost),
            State::Head { .. } | State::Expected(_) | State::Body(_) | State::Chunks(_) => None,
        }
    }
}

/// Whether `bytes` may be a request in place of a body of so many. They are the body where they end with it
/// and are none: whatever comes next is no rest of a request line, or the same request.
fn may_be_refused(left: u64, bytes: &[u8]) -> bool {
    match begins_request(bytes) {
        Match::Yes => true,
        Match::Unsettled => u64::try_from(bytes.len()) != Ok(left),
        Match::No => false,
    }
}

/// Takes bytes into a head; when it is complete, reads it and tells what follows it.
fn head<'a>(
    mut held: Vec<u8>,
    searched: usize,
    asks: &mut Asks,
    bytes: &'a [u8],
    tell: &mut impl FnMut(Told),
) -> Result<(State, &'a [u8]), End> {
    let before = held.len();
    let bytes = if before == 0 {
        // Empty lines before a request are ignored (RFC 9112 §2.2).
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        bytes.get(blank..).unwrap_or_default()
    } else {
        bytes
    };
    let room = MOST_HEAD_BYTES.saturating_sub(before).min(bytes.len());
    held.extend_from_slice(bytes.get(..room).unwrap_or_default());
    let first_line = memchr::memchr(b'\n', &held).filter(|end| *end >= before);
    let request = first_line.and_then(|end| version_0(held.get(..end)?));
    if let Some(request) = request.filter(|_| *asks != Asks::Tunnel) {
        tell(Told::Request(request));
        return Ok((State::Ended, &[]));
    }
    let end = head_end(&held, searched);
    let is_request = if end.is_some() || is_worth_a_look(&held, before) {
        begins_request(&held)
    } else {
        Match::Unsettled
    };
    // A hello in the tunnel may come in small pieces.
    if *asks == Asks::Tunnel && tls::begins_client_hello(&held) == Match::Unsettled {
        return Ok((State::Head { held, searched }, &[]));
    }
    let is_full = held.len() >= MOST_HEAD_BYTES;
    if is_request == Match::No || is_request == Match::Unsettled && (end.is_some() || is_full) {
        let surplus = bytes.get(room..).unwrap_or_default();
        return Err(match asks {
            Asks::Tunnel => End::Tunnel([&held, surplus].concat()),
            Asks::Upgrade if is_request == Match::No => End::Upgraded([&held, surplus].concat()),
            Asks::Upgrade | Asks::Nothing => {
                if is_full {
                    tell(Told::Request(RequestSeen::Unreadable));
                }
                End::Lost
            }
        });
    }
    if end.is_none() && !is_full {
        let searched = held.len().saturating_sub(3);
        return Ok((State::Head { held, searched }, &[]));
    }
    if *asks == Asks::Tunnel {
        tell(Told::BehindTunnel);
    }
    let Some(end) = end else {
        tell(Told::Request(RequestSeen::Unreadable));
        return Err(End::Lost);
    };
    let rest = bytes.get(end.saturating_sub(before)..).unwrap_or_default();
    let Some(Head { request, body, asks: asks_now, .. }) =
        read_head(held.get(..end).unwrap_or(&held))
    else {
        tell(Told::Request(RequestSeen::Unreadable));
        return Err(End::Lost);
    };
    tell(Told::Request(request));
    if asks_now == Asks::Tunnel {
        tell(Told::AsksForTunnel);
    }
    *asks = asks_now;
    Ok((body, rest))
}

/// Whether bytes that came after the first `before` can tell more of a request line: a line has
/// ended, or there are twice as many, so that a head is not read again for each of its bytes.
fn is_worth_a_look(held: &[u8], before: usize) -> bool {
    let fresh = held.get(before..).unwrap_or_default();
    before < MOST_METHOD_BYTES
        || memchr::memchr(b'\n', fresh).is_some()
        || before.next_power_of_two() != held.len().next_power_of_two()
}

/// A request of HTTP/0.9: one line, and no host.
fn version_0(line: &[u8]) -> Option<RequestSeen> {
    let target = line.trim_ascii_end().strip_prefix(b"GET ")?;
    if !target.starts_with(b"/") || target.contains(&b' ') {
        return None;
    }
    let path = String::from_utf8_lossy(target).into_owned();
    Some(RequestSeen::Whole(Request { host: None, port: None, path }))
}

/// The position behind the empty line that ends a head.
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let searched = bytes.get(from..)?;
    memchr::memchr_iter(b'\n', searched).find_map(|at| match searched.get(at + 1..)? {
        [b'\r', b'\n', ..] => Some(from + at + 3),
        [b'\n', ..] => Some(from + at + 2),
        _ => None,
    })
}

/// A complete head.
struct Head {
    request: RequestSeen,
    /// Whether a `Host` field stands in it.
    has_host: bool,
    /// What kind of body follows it.
    body: State,
    asks: Asks,
}

/// Reads a complete head.
///
/// A value that goes on in the next line is joined first: it is obsolete, but servers accept it
/// (RFC 9112 §5.2), and httparse does not.
fn read_head(bytes: &[u8]) -> Option<Head> {
    let damaged = || {
        let request = read_damaged(bytes)?;
        let has_host = matches!(request, RequestSeen::Damaged(Some(_)));
        Some(Head { request, has_host, body: State::Lost, asks: Asks::Nothing })
    };
    read_lines(bytes)
        .or_else(|| unfolded(bytes).and_then(|bytes| read_lines(&bytes)))
        .or_else(damaged)
}

/// Reads a head whose first line is damaged.
fn read_damaged(bytes: &[u8]) -> Option<RequestSeen> {
    let line = bytes.iter().position(|byte| *byte == b'\n')?;
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let parsed = httparse::parse_headers(bytes.get(line + 1..)?, &mut fields).ok()?;
    let httparse::Status::Complete((_, fields)) = parsed else { return None };
    let host = fields.iter().find(|field| field.name.eq_ignore_ascii_case("host"));
    match host.map(|field| host_and_port(field.value.trim_ascii()).0) {
        Some(Shown::Host(host)) => Some(RequestSeen::Damaged(Some(host))),
        Some(Shown::Unreadable) => None,
        Some(Shown::Nothing) | None => Some(RequestSeen::Damaged(None)),
    }
}

/// The head with each line that begins with white space joined to the one before it, if there is
/// such a line.
fn unfolded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut head: Vec<u8> = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if matches!(line, [b' ' | b'\t', ..]) {
            head.truncate(head.trim_ascii_end().len());
        }
        head.extend_from_slice(line);
    }
    (head.len() < bytes.len()).then_some(head)
}

fn read_lines(bytes: &[u8]) -> Option<Head> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    if !head.parse(bytes).ok()?.is_complete() {
        return None;
    }
    let target = head.path?;
    let mut host: Option<&[u8]> = None;
    let mut length: Option<u64> = None;
    let mut chunked: Option<bool> = None;
    let is_connect = head.method == Some("CONNECT");
    let (mut is_upgrade, mut is_expected) = (false, false);
    for field in head.headers.iter() {
        if field.name.eq_ignore_ascii_case("host") {
            // Which of two a server takes is not known (RFC 9112 §3.2 has it refuse them).
            if host.is_some_and(|host| host != field.value) {
                return None;
            }
            host = Some(field.value);
        } else if field.name.eq_ignore_ascii_case("content-length") {
            let says = number(field.value, 10)?;
            // RFC 9112 §6.3.
            if length.is_some_and(|length| length != says) {
                return None;
            }
            length = Some(says);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            let last = field.value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
            chunked = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
        } else if field.name.eq_ignore_ascii_case("upgrade") {
            is_upgrade = true;
        } else if field.name.eq_ignore_ascii_case("expect") {
            is_expected = true;
        }
    }
    let body = match (chunked, length) {
        // It has no body; of one that it announces, a server that refuses may make something.
        (Some(_), _) | (None, Some(1..)) if is_connect => State::Lost,
        (None, Some(0) | None) if is_connect => State::head(),
        (Some(true), None) if head.version != Some(0) => State::Chunks(Chunks::Size(Vec::new())),
        // How long such a body is cannot be told: which of two lengths a server goes by, or whether it
        // knows of chunks (RFC 9112 §6.1, §6.3).
        (Some(_), _) => State::Lost,
        (None, Some(length @ 1..)) if is_expected => State::Expected(length),
        (None, Some(length @ 1..)) => State::Body(length),
        (None, Some(0) | None) => State::head(),
    };
    let asks = match (is_connect, is_upgrade) {
        (true, _) => Asks::Tunnel,
        (false, true) => Asks::Upgrade,
        (false, false) => Asks::Nothing,
    };
    let request = request(is_connect, target, host);
    Some(Head { request, has_host: host.is_some(), body, asks })
}

fn request(is_connect: bool, target: &str, host: Option<&[u8]>) -> RequestSeen {
    let (authority, path) = split_target(target);
    // The Host field is what a firewall filters by; the target's authority stands in for it.
    let (shown, port) = match host.map(<[u8]>::trim_ascii) {
        Some(host) if !host.is_empty() => host_and_port(host),
        Some(_) | None => host_and_port(authority.as_bytes()),
    };
    let host = match shown {
        Shown::Nothing => None,
        Shown::Host(host) => Some(host),
        Shown::Unreadable => return RequestSeen::Unreadable,
    };
    // To a proxy the target counts (RFC 9112 §3.2.2).
    let named = if is_connect { target } else { authority };
    let named = Shown::read(split_port(named.as_bytes()).0);
    let request = Request { host, port, path: path.to_owned() };
    match named {
        Shown::Host(named) if request.host.as_ref() != Some(&named) => {
            RequestSeen::Twofold(request, named)
        }
        Shown::Host(_) | Shown::Nothing | Shown::Unreadable => RequestSeen::Whole(request),
    }
}

/// The authority of a target in absolute form, if it is in that form, and its path.
fn split_target(target: &str) -> (&str, &str) {
    let Some((_, rest)) = target.split_once("://").filter(|(scheme, _)| !scheme.contains('/'))
    else {
        let path = if target.starts_with('/') { target } else { "/" };
        return ("", path);
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.rsplit('@').next().unwrap_or_default();
    (authority, if path.starts_with('/') { path } else { "/" })
}

/// A number of digits alone: a sign before them makes it none to some and the same to others, who then
/// find the next request elsewhere.
fn number(text: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    let is_number = text.chars().all(|digit| digit.is_digit(radix));
    u64::from_str_radix(text, radix).ok().filter(|_| is_number)
}

/// Splits `host:port` (RFC 9110 §7.2: no user stands before it). Of a host whose port cannot be read, a
/// server may read another.
pub(in crate::capture) fn host_and_port(host: &[u8]) -> (Shown, Option<u16>) {
    let (name, port) = split_port(host);
    let Some(port) = port.filter(|port| !port.is_empty()) else { return (Shown::read(name), None) };
    match number(port, 10).and_then(|port| u16::try_from(port).ok()) {
        Some(port) => (Shown::read(name), Some(port)),
        None => (Shown::Unreadable, None),
    }
}

/// Splits `host:port` where a port is written, however it is.
fn split_port(host: &[u8]) -> (&[u8], Option<&[u8]>) {
    let in_brackets = host.first() == Some(&b'[');
    let colon = host.iter().rposition(|byte| *byte == b':').filter(|colon| {
        let inside = in_brackets && host.get(*colon..).is_some_and(|rest| rest.contains(&b']'));
        // Colons without brackets are an IPv6 address, against RFC 3986 but seen.
        let first = host.iter().position(|byte| *byte == b':');
        let bare = !in_brackets && first != Some(*colon);
        !inside && !bare
    });
    match colon.and_then(|colon| host.split_at_checked(colon)) {
        Some((name, [_, port @ ..])) => (name, Some(port)),
        Some((_, [])) | None => (host, None),
    }
}

impl Chunks {
    fn take(self, bytes: &[u8]) -> (State, &[u8]) {
        match self {
            Chunks::Size(line) => {
                let (line, rest) = match whole_line(line, bytes) {
                    Line::Whole(line, rest) => (line, rest),
                    Line::Begun(line) => return (State::Chunks(Chunks::Size(line)), &[]),
                    Line::Unreadable => return (State::Lost, &[]),
                };
                let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
                match number(digits, 16) {
                    Some(0) => (State::Chunks(Chunks::Trailer(Vec::new())), rest),
                    Some(size) => (State::Chunks(Chunks::Data(size)), rest),
                    None => (State::Lost, rest),
                }
            }
            Chunks::Data(left) => {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left - u64::try_from(here).unwrap_or(left);
                let rest = bytes.get(here..).unwrap_or_default();
                let next = if left == 0 { Chunks::LineEnd(LINE_END) } else { Chunks::Data(left) };
                (State::Chunks(next), rest)
            }
            // Of bytes that should not stand there, servers make different things: one takes them for
            // what follows, another does not look at them.
            Chunks::LineEnd(expected) => match (expected, bytes) {
                ([wanted, more @ ..], [byte, rest @ ..]) if wanted == byte => {
                    let next = if more.is_empty() {
                        Chunks::Size(Vec::new())
                    } else {
                        Chunks::LineEnd(more)
                    };
                    (State::Chunks(next), rest)
                }
                (_, rest) => (State::Lost, rest),
            },
            Chunks::Trailer(line) => match whole_line(line, bytes) {
                Line::Whole(line, rest) if line.is_empty() => (State::head(), rest),
                Line::Whole(_, rest) => (State::Chunks(Chunks::Trailer(Vec::new())), rest),
                Line::Begun(line) => (State::Chunks(Chunks::Trailer(line)), &[]),
                Line::Unreadable => (State::Lost, &[]),
            },
        }
    }
}

/// RFC 9112 §2.2. A line feed alone ends a line between chunks for some servers and not for others.
const LINE_END: &[u8] = b"\r\n";

/// A line, as far as it has come.
enum Line<'a> {
    /// Without its end, and what follows it.
    Whole(Vec<u8>, &'a [u8]),
    Begun(Vec<u8>),
    /// It is too long, or where it ends depends on who reads it.
    Unreadable,
}

/// Goes on with `line`.
fn whole_line(mut line: Vec<u8>, bytes: &[u8]) -> Line<'_> {
    let end = memchr::memchr(b'\n', bytes);
    let (here, rest) = bytes.split_at(end.map_or(bytes.len(), |at| at + 1));
    if line.len() + here.len() > MOST_CHUNK_LINE_BYTES {
        return Line::Unreadable;
    }
    line.extend_from_slice(here);
    if end.is_none() {
        return Line::Begun(line);
    }
    match line.strip_suffix(LINE_END) {
        Some(text) if !text.contains(&b'\r') => Line::Whole(text.to_vec(), rest),
        Some(_) | None => Line::Unreadable,
    }
}
