//! Which protocol the first bytes of a stream are.

use super::dns;
use super::http;
use super::http2;
use super::tds;
use super::tls;

/// What the first bytes that one end sent are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) enum First {
    /// Too few to tell.
    Unsettled,
    /// TLS records.
    Tls,
    /// An HTTP/1 request.
    HttpRequest,
    /// An HTTP/1 response.
    HttpResponse,
    /// The preface of HTTP/2 without TLS.
    Http2,
    /// TDS packets.
    Tds,
    /// DNS messages with their lengths.
    Dns,
    /// None of these.
    Other,
}

/// Where in a stream the bytes lie, which decides how much they must show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) enum Place {
    /// At its start.
    Start,
    /// At the start of some segment; what came before was not captured.
    Middle,
}

/// What the ports of a connection let expect. They never name a protocol alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) struct Ports(pub(in crate::capture) [u16; 2]);

impl Ports {
    const DNS: &[u16] = &[53];
    const MSSQL: &[u16] = &[1433];
    const HTTPS: &[u16] = &[443];

    fn include(self, ports: &[u16]) -> bool {
        self.0.iter().any(|port| ports.contains(port))
    }

    /// Whether one is the port of HTTP over TLS.
    pub(in crate::capture) fn are_of_https(self) -> bool {
        self.include(Ports::HTTPS)
    }

    /// Whether one is the port of DNS.
    pub(in crate::capture) fn are_of_dns(self) -> bool {
        self.include(Ports::DNS)
    }
}

/// Tells the protocol that `bytes` begin with.
pub(in crate::capture) fn first(bytes: &[u8], place: Place, ports: Ports) -> First {
    let mut unsettled = bytes.is_empty();
    for (recognise, found) in RECOGNISERS {
        match recognise(bytes, place, ports) {
            Match::Yes => return *found,
            Match::No => {}
            Match::Unsettled => unsettled = true,
        }
    }
    if unsettled { First::Unsettled } else { First::Other }
}

/// What has to come before more can be told of bytes that are not settled, so that a long line is not
/// looked at again for each of its bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::capture) enum Awaits {
    /// Any byte may tell more.
    #[default]
    Anything,
    /// One that ends the target of a request line.
    EndOfTarget,
    /// The end of the line.
    LineFeed,
}

/// What has to come before more is known of `bytes`, which are not settled.
pub(in crate::capture) fn awaits(bytes: &[u8], place: Place, ports: Ports) -> Awaits {
    let is_open = |(recognise, found): &(Recognise, First)| {
        *found != First::HttpRequest && recognise(bytes, place, ports) == Match::Unsettled
    };
    if RECOGNISERS.iter().any(is_open) { Awaits::Anything } else { http::awaits(bytes) }
}

/// Whether bytes begin as a protocol does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) enum Match {
    Yes,
    No,
    /// As far as they go.
    Unsettled,
}

impl Match {
    /// Whether `bytes` begin with `prefix`, or may when there are more.
    pub(in crate::capture) fn prefix(bytes: &[u8], prefix: &[u8]) -> Match {
        if bytes.starts_with(prefix) {
            Match::Yes
        } else if prefix.starts_with(bytes) {
            Match::Unsettled
        } else {
            Match::No
        }
    }
}

type Recognise = fn(&[u8], Place, Ports) -> Match;

const RECOGNISERS: &[(Recognise, First)] = &[
    (|bytes, place, _| tls::begins(bytes, place), First::Tls),
    (|bytes, _, _| http2::begins(bytes), First::Http2),
    (|bytes, _, _| http::begins_request(bytes), First::HttpRequest),
    (|bytes, _, _| http::begins_response(bytes), First::HttpResponse),
    (tds, First::Tds),
    (dns, First::Dns),
];

fn tds(bytes: &[u8], place: Place, ports: Ports) -> Match {
    match tds::begins(bytes, place) {
        Match::No if place == Place::Middle && ports.include(Ports::MSSQL) => tds::continues(bytes),
        found => found,
    }
}

fn dns(bytes: &[u8], place: Place, ports: Ports) -> Match {
    if ports.are_of_dns() { dns::begins_stream(bytes, place) } else { Match::No }
}
