//! What the two ends of a TCP connection say to each other: the protocol, and the names in it.

use std::borrow::Cow;

use crate::flow::Host;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::Request;
use crate::flow::SeenPayload;

use super::captured::Application;
use super::captured::NameOrigin;
use super::captured::Note;
use super::names::Shown;
use super::names::dns;
use super::names::first::Awaits;
use super::names::first::First;
use super::names::first::Match;
use super::names::first::Place;
use super::names::first::Ports;
use super::names::first::awaits;
use super::names::first::first;
use super::names::http;
use super::names::http::RequestSeen;
use super::names::http2;
use super::names::tds;
use super::names::tls;
use super::names::tls::ClientHello;
use super::names::tls::Hello;
use super::names::tls::Hidden;
use super::stream::Piece;

/// Bytes that are held back before they are taken for no known protocol; a request line may be long.
const MOST_UNSETTLED_BYTES: usize = http::MOST_HEAD_BYTES;
/// Segments of a connection that are looked at for TLS which begins later than at the start.
const MOST_LATER_TRIES: u8 = 64;
/// Segments of a connection caught in the middle that are looked at for the start of a message.
const MOST_TRIES: u8 = 32;

/// What was heard in a dialogue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Heard<'a> {
    /// One end speaks this protocol.
    Application(Application),
    /// A hello or request is complete.
    Opening(SeenPayload, Option<(Host, NameOrigin)>),
    /// A name was shown that no question to the firewall goes with.
    Name(Host, NameOrigin),
    /// Something else that a reader of the flow has to know.
    Note(Note),
    /// The first bytes of an end are no known protocol.
    Unknown,
    /// An end speaks a protocol that it may not have begun with: what came before is not known.
    Behind,
    /// A DNS message.
    Dns(&'a [u8]),
    /// Bytes are missing that a name could have stood in.
    Incomplete,
    /// The end of a request is missing, behind its host.
    Cut,
    /// A request asks for another protocol on this connection (RFC 9110 §7.8).
    AsksToUpgrade,
    /// What follows such a request is no other: it is of that protocol, or was not understood.
    Upgraded,
    /// A request asks for a tunnel (RFC 9110 §9.3.6).
    AsksForTunnel,
    /// What follows such a request.
    BehindTunnel(Behind),
    /// Bytes are missing that a DNS message could have stood in.
    DnsLost,
}

/// What comes behind a request for a tunnel: in it, or to the server that refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Behind {
    /// Another request, which is told next.
    Request,
    /// A hello of TLS: whoever says it took the tunnel for granted.
    Hello,
    /// Something else, behind which requests are not found.
    Other,
    /// Bytes that are missing.
    Missing,
}

/// Listens to one end of a connection.
#[derive(Debug)]
pub(super) enum Listener {
    /// The protocol is not known yet, and what has to come for that; so many segments or gaps were
    /// passed over. `is_answer` tells whether the other end spoke before.
    Start { held: Vec<u8>, awaits: Awaits, place: Place, tries: u8, is_answer: bool },
    /// TLS, up to the ClientHello.
    Tls(tls::HelloReader),
    /// The same behind bytes that are missing, or were no start of a message: what the connection began
    /// with is not known.
    TlsBehind(tls::HelloReader),
    /// HTTP/1, request by request.
    Http(http::RequestReader),
    /// HTTP/1 after loss, up to the next segment that begins with a request.
    HttpAfterLoss,
    /// HTTP/2, request by request. Few connections are of it or of TDS, and every one has room for
    /// the longest of these.
    Http2(Box<http2::RequestReader>),
    /// TDS, up to the login.
    Tds(Box<tds::LoginReader>),
    /// DNS, message by message.
    Dns(dns::StreamReader),
    /// Something else, or a tunnel behind a request, up to the segment that begins with TLS: after
    /// STARTTLS, `CONNECT` and the like. Its first bytes, as far as they came.
    Later { held: Vec<u8>, tries: u8 },
    /// The ClientHello of such TLS.
    LaterTls(tls::HelloReader),
    /// There is nothing more to hear.
    Done,
}

impl Listener {
    /// A listener to an end of which the first byte was captured, or was not.
    pub(super) fn new(from_start: bool) -> Listener {
        let place = if from_start { Place::Start } else { Place::Middle };
        Listener::start(place, 0, false)
    }

    /// A listener to an end that is known to have said something before, which was not captured.
    pub(super) fn behind() -> Listener {
        Listener::start(Place::Middle, 1, false)
    }

    /// A listener to an end of which the first byte was not captured, and that the other end spoke before.
    pub(super) fn answering() -> Listener {
        Listener::start(Place::Middle, 0, true)
    }

    /// A listener for TLS behind something else, of which so many segments were looked at.
    fn later_from(tries: u8) -> Listener {
        Listener::Later { held: Vec::new(), tries }
    }

    fn start(place: Place, tries: u8, is_answer: bool) -> Listener {
        Listener::Start { held: Vec::new(), awaits: Awaits::default(), place, tries, is_answer }
    }

    /// Whether there is nothing more to hear.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Listener::Done)
    }

    /// Whether no byte was heard, nor missed.
    pub(super) fn has_heard_nothing(&self) -> bool {
        matches!(self, Listener::Start { held, place: Place::Start, tries: 0, .. } if held.is_empty())
    }

    /// Bytes held back.
    #[inline]
    pub(super) fn held(&self) -> usize {
        match self {
            Listener::Start { held, .. } => held.len(),
            Listener::Tls(reader) | Listener::TlsBehind(reader) | Listener::LaterTls(reader) => {
                reader.held()
            }
            Listener::Http(reader) => reader.held(),
            Listener::Http2(reader) => reader.held(),
            Listener::Tds(reader) => reader.held(),
            Listener::Dns(reader) => reader.held(),
            // Too few to count.
            Listener::HttpAfterLoss | Listener::Later { .. } | Listener::Done => 0,
        }
    }

    /// Takes the next piece of what this end says.
    pub(super) fn take(&mut self, piece: Piece<'_>, ports: Ports, out: &mut impl FnMut(Heard)) {
        match piece {
            Piece::Bytes(bytes) => self.bytes(bytes, ports, out),
            Piece::Lost(count) => self.lost(count, Heard::Incomplete, out),
            Piece::Cut(count) => self.lost(count, Heard::Cut, out),
        }
    }

    /// Ends the listening; bytes that are still unsettled are told.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(Heard)) {
        if self.has_heard_nothing() {
            return;
        }
        match self {
            Listener::Start { held, .. } if !held.is_empty() => {
                out(Heard::Opening(SeenPayload::Unknown, None));
            }
            Listener::Http(reader) => {
                if let Some(request) = reader.unfinished() {
                    if reader.asks_for_tunnel() {
                        out(Heard::BehindTunnel(Behind::Request));
                    }
                    let has_host = request.has_host();
                    hear_request(request, NameOrigin::Host, out);
                    out(if has_host { Heard::Cut } else { Heard::Incomplete });
                }
            }
            Listener::Http2(reader) => {
                if reader.is_unfinished() {
                    out(Heard::Incomplete);
                }
            }
            Listener::TlsBehind(_) => out(Heard::Behind),
            Listener::Start { .. }
            | Listener::Tls(_)
            | Listener::HttpAfterLoss
            | Listener::Tds(_)
            | Listener::Dns(_)
            | Listener::Later { .. }
            | Listener::LaterTls(_)
            | Listener::Done => {}
        }
        *self = Listener::Done;
    }

    fn bytes(&mut self, bytes: &[u8], ports: Ports, out: &mut impl FnMut(Heard)) {
        match std::mem::replace(self, Listener::Done) {
            Listener::Start { mut held, awaits, place, tries, is_answer } => {
                // Most first segments tell the protocol, and need not be copied for that.
                let held = if held.is_empty() {
                    Cow::Borrowed(bytes)
                } else {
                    held.extend_from_slice(bytes);
                    if !awaits.is_met_by(bytes) && held.len() <= MOST_UNSETTLED_BYTES {
                        *self = Listener::Start { held, awaits, place, tries, is_answer };
                        return;
                    }
                    Cow::Owned(held)
                };
                *self = settle(held, bytes, place, (tries, is_answer), ports, out);
            }
            Listener::Tls(mut reader) => match reader.push(bytes) {
                Hello::Unsettled => *self = Listener::Tls(reader),
                // What a firewall makes of such records is not known.
                Hello::Client(hello) if reader.has_empty_records() => {
                    let kind = SeenPayload::Kind(PayloadKind::Tls);
                    hello_opening_of(kind, hello, out);
                }
                Hello::Client(hello) => {
                    let tls = |name| Payload::Tls { name, inner: None };
                    hello_opening(hello, NameOrigin::Sni, PayloadKind::Tls, tls, out);
                }
                Hello::Unreadable => out(kind(PayloadKind::Tls)),
                Hello::None => {}
            },
            Listener::Http(reader) => self.requests(reader, bytes, ports, out),
            Listener::Later { held, tries } => {
                let whole = [&held, bytes].concat();
                // What was held may have been something else, and a hello comes now.
                let from = match tls::begins_client_hello(&whole) {
                    Match::No => held.len(),
                    Match::Yes | Match::Unsettled => 0,
                };
                let begins = whole.get(from..).unwrap_or_default();
                match tls::begins_client_hello(begins) {
                    Match::Yes => {
                        *self = Listener::LaterTls(tls::HelloReader::default());
                        self.bytes(begins, ports, out);
                    }
                    Match::Unsettled => *self = Listener::Later { held: begins.to_vec(), tries },
                    Match::No if http2::begins(bytes) == Match::Yes => {
                        *self = Listener::Http2(Box::default());
                        self.bytes(bytes, ports, out);
                    }
                    Match::No if tries < MOST_LATER_TRIES => {
                        *self = Listener::later_from(tries + 1);
                    }
                    Match::No => {}
                }
            }
            Listener::TlsBehind(mut reader) => match reader.push(bytes) {
                Hello::Unsettled => *self = Listener::TlsBehind(reader),
                Hello::Client(hello) => {
                    out(Heard::Opening(SeenPayload::Unknown, None));
                    later_hello(hello, out);
                }
                Hello::Unreadable => out(Heard::Opening(SeenPayload::Unknown, None)),
                Hello::None => out(Heard::Behind),
            },
            Listener::LaterTls(mut reader) => match reader.push(bytes) {
                Hello::Unsettled => *self = Listener::LaterTls(reader),
                Hello::Client(hello) => later_hello(hello, out),
                Hello::Unreadable | Hello::None => {}
            },
            Listener::HttpAfterLoss => {
                if http::begins_request(bytes) == Match::Yes {
                    *self = Listener::Http(http::RequestReader::default());
                    self.bytes(bytes, ports, out);
                } else {
                    *self = Listener::HttpAfterLoss;
                }
            }
            Listener::Http2(mut reader) => {
                let hear = |request| hear_request(request, NameOrigin::Authority, out);
                if reader.push(bytes, hear) {
                    *self = Listener::Http2(reader);
                }
            }
            Listener::Tds(mut reader) => match reader.push(bytes) {
                Hello::Unsettled => *self = Listener::Tds(reader),
                Hello::Client(hello) => {
                    let tds = |name| Payload::Mssql { name };
                    hello_opening(hello, NameOrigin::TdsSni, PayloadKind::Mssql, tds, out);
                }
                Hello::None => {}
                Hello::Unreadable => out(kind(PayloadKind::Mssql)),
            },
            Listener::Dns(mut reader) => {
                reader.push(bytes, |message| out(Heard::Dns(message)));
                *self = Listener::Dns(reader);
            }
            Listener::Done => {}
        }
    }

    /// Goes on with requests of HTTP/1.
    fn requests(
        &mut self,
        mut reader: http::RequestReader,
        bytes: &[u8],
        ports: Ports,
        out: &mut impl FnMut(Heard),
    ) {
        let mut is_new = false;
        let end = reader.push(bytes, |told| match told {
            http::Told::Request(request) => {
                is_new = true;
                hear_request(request, NameOrigin::Host, out);
            }
            http::Told::AsksForTunnel => out(Heard::AsksForTunnel),
            http::Told::BehindTunnel => out(Heard::BehindTunnel(Behind::Request)),
        });
        if is_new && reader.asks_to_upgrade() {
            out(Heard::AsksToUpgrade);
        }
        match end {
            None => *self = Listener::Http(reader),
            Some(http::End::Over) => *self = Listener::later_from(0),
            Some(http::End::Tunnel(rest)) => {
                let behind = match tls::begins_client_hello(&rest) {
                    Match::Yes => Behind::Hello,
                    Match::Unsettled | Match::No => Behind::Other,
                };
                out(Heard::BehindTunnel(behind));
                self.later(&rest, ports, out);
            }
            Some(http::End::Upgraded(rest)) => {
                out(Heard::Upgraded);
                self.later(&rest, ports, out);
            }
            Some(http::End::Lost) => {
                out(Heard::Incomplete);
                *self = Listener::HttpAfterLoss;
            }
        }
    }

    /// Goes on with `rest`, which is no request.
    fn later(&mut self, rest: &[u8], ports: Ports, out: &mut impl FnMut(Heard)) {
        *self = Listener::later_from(0);
        if !rest.is_empty() {
            self.bytes(rest, ports, out);
        }
    }

    /// Goes over bytes that are missing. `behind_host` is what that means behind the host of a
    /// request: the rest of it is cut, or others may have followed.
    fn lost(&mut self, count: u32, behind_host: Heard<'static>, out: &mut impl FnMut(Heard)) {
        match self {
            Listener::Start { .. } => {
                out(Heard::Incomplete);
                *self = Listener::behind();
            }
            Listener::Tls(_) | Listener::Tds(_) => {
                out(Heard::Incomplete);
                *self = Listener::Done;
            }
            Listener::TlsBehind(_) => {
                out(Heard::Incomplete);
                out(Heard::Behind);
                *self = Listener::Done;
            }
            Listener::Http2(reader) => {
                if !reader.lose(count) {
                    out(Heard::Incomplete);
                    *self = Listener::Done;
                }
            }
            Listener::Http(reader) => {
                if !reader.lose(count.into()) {
                    let unfinished = reader.unfinished();
                    if reader.asks_for_tunnel() {
                        let is_missing = unfinished.is_none();
                        let behind = if is_missing { Behind::Missing } else { Behind::Request };
                        out(Heard::BehindTunnel(behind));
                        if unfinished.is_none() {
                            *self = Listener::later_from(0);
                            return;
                        }
                    }
                    let has_host = unfinished.as_ref().is_some_and(RequestSeen::has_host);
                    if let Some(request) = unfinished {
                        hear_request(request, NameOrigin::Host, out);
                    }
                    out(if has_host { behind_host } else { Heard::Incomplete });
                    *self = Listener::HttpAfterLoss;
                }
            }
            Listener::Dns(_) => {
                out(Heard::DnsLost);
                *self = Listener::new(false);
            }
            Listener::LaterTls(_) => *self = Listener::Done,
            Listener::Later { held, .. } => held.clear(),
            Listener::HttpAfterLoss | Listener::Done => {}
        }
    }
}

/// Tells the protocol of the first bytes and hands them to its reader. `latest` are the last of
/// `held`, and the start of a segment.
fn settle<'a>(
    held: Cow<'a, [u8]>,
    latest: &'a [u8],
    place: Place,
    (tries, is_answer): (u8, bool),
    ports: Ports,
    out: &mut impl FnMut(Heard),
) -> Listener {
    let mut found = first(&held, place, ports);
    let mut held = held;
    let mut is_behind = tries > 0;
    if found == First::Other && place == Place::Middle && held.len() > latest.len() {
        held = Cow::Borrowed(latest);
        found = first(&held, place, ports);
        is_behind = true;
    }
    let (application, mut listener) = match found {
        // STARTTLS, `CONNECT` and TDS turn to TLS as well, on ports of theirs.
        First::Tls if place == Place::Middle && !tls::may_begin_hello(&held) => {
            if !ports.are_of_https() {
                out(Heard::Behind);
            }
            (Application::Tls, Listener::Done)
        }
        // Of a connection that begins with TLS, the client speaks first.
        First::Tls if is_behind || is_answer => {
            (Application::Tls, Listener::TlsBehind(tls::HelloReader::default()))
        }
        First::Http2 if is_behind => {
            out(Heard::Behind);
            (Application::Http, Listener::Done)
        }
        First::Tls => (Application::Tls, Listener::Tls(tls::HelloReader::default())),
        First::HttpRequest => (Application::Http, Listener::Http(http::RequestReader::default())),
        First::Http2 => (Application::Http, Listener::Http2(Box::default())),
        First::HttpResponse => (Application::Http, Listener::Done),
        First::Tds => (Application::Mssql, Listener::Tds(Box::default())),
        First::Dns => (Application::Dns, Listener::Dns(dns::StreamReader::default())),
        First::Unsettled if held.len() <= MOST_UNSETTLED_BYTES => {
            let awaits = awaits(&held, place, ports);
            return Listener::Start { held: held.into_owned(), awaits, place, tries, is_answer };
        }
        First::Unsettled | First::Other => {
            if place == Place::Start {
                out(Heard::Unknown);
                return Listener::later_from(0);
            }
            return match tries.checked_add(1) {
                Some(tries) if tries <= MOST_TRIES => Listener::start(place, tries, is_answer),
                Some(_) | None => Listener::Done,
            };
        }
    };
    out(Heard::Application(application));
    listener.bytes(&held, ports, out);
    listener
}

fn kind(kind: PayloadKind) -> Heard<'static> {
    Heard::Opening(SeenPayload::Kind(kind), None)
}

/// Tells of a ClientHello what it opens. A name that cannot be read leaves only the kind known: it
/// is neither a name nor the lack of one.
pub(super) fn hello_opening(
    hello: ClientHello,
    origin: NameOrigin,
    unread: PayloadKind,
    payload: impl FnOnce(Option<Host>) -> Payload,
    out: &mut impl FnMut(Heard),
) {
    if let Some(hidden) = hello.hidden {
        out(Heard::Note(hidden.note()));
    }
    out(match hello.name {
        Shown::Nothing => Heard::Opening(SeenPayload::Exactly(payload(None)), None),
        Shown::Host(host) => {
            let seen = SeenPayload::Exactly(payload(Some(host.clone())));
            Heard::Opening(seen, Some((host, origin)))
        }
        Shown::Unreadable => kind(unread),
    });
}

/// Tells of a ClientHello whose name is shown and may not be read by others.
fn hello_opening_of(seen: SeenPayload, hello: ClientHello, out: &mut impl FnMut(Heard)) {
    if let Some(hidden) = hello.hidden {
        out(Heard::Note(hidden.note()));
    }
    let name = match hello.name {
        Shown::Host(host) => Some((host, NameOrigin::Sni)),
        Shown::Nothing | Shown::Unreadable => None,
    };
    out(Heard::Opening(seen, name));
}

/// Tells of a ClientHello that the connection did not begin with: no rule goes by its name.
fn later_hello(hello: ClientHello, out: &mut impl FnMut(Heard)) {
    if let Shown::Host(name) = hello.name {
        out(Heard::Name(name, NameOrigin::LaterSni));
    }
    if let Some(hidden) = hello.hidden {
        out(Heard::Note(hidden.note()));
    }
}

impl Hidden {
    pub(super) fn note(self) -> Note {
        match self {
            Hidden::Ech => Note::EncryptedClientHello,
            Hidden::Esni => Note::EncryptedServerName,
        }
    }
}

/// Tells of a request what it opens, and of its target where that names another host.
fn hear_request(request: RequestSeen, origin: NameOrigin, out: &mut impl FnMut(Heard)) {
    let opening = |request: Request| {
        let name = request.host.clone().map(|host| (host, origin));
        Heard::Opening(SeenPayload::Exactly(Payload::Http(request)), name)
    };
    match request {
        RequestSeen::Whole(request) => out(opening(request)),
        RequestSeen::Twofold(request, target) => {
            out(opening(request));
            out(Heard::Name(target, NameOrigin::Target));
        }
        RequestSeen::Target(target) => {
            out(kind(PayloadKind::Http));
            out(Heard::Name(target, NameOrigin::Target));
        }
        RequestSeen::Damaged(host) => {
            let name = host.map(|host| (host, origin));
            out(Heard::Opening(SeenPayload::Kind(PayloadKind::Http), name));
        }
        RequestSeen::Unreadable => out(kind(PayloadKind::Http)),
    }
}
