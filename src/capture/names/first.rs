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

/// Tells the protocol from the bytes, and from the ports only whether it may be DNS.
pub(in crate::capture) fn first(bytes: &[u8], place: Place, dns_port: bool) -> First {
    let mut unsettled = bytes.is_empty();
    for (recognise, found) in RECOGNISERS {
        match recognise(bytes, place) {
            Match::Yes => return *found,
            Match::No => {}
            Match::Unsettled => unsettled = true,
        }
    }
    if dns_port {
        match dns::begins_stream(bytes, place) {
            Match::Yes => return First::Dns,
            Match::No => {}
            Match::Unsettled => unsettled = true,
        }
    }
    if unsettled { First::Unsettled } else { First::Other }
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

type Recognise = fn(&[u8], Place) -> Match;

const RECOGNISERS: &[(Recognise, First)] = &[
    (tls::begins, First::Tls),
    (http2::begins, First::Http2),
    (http::begins_request, First::HttpRequest),
    (http::begins_response, First::HttpResponse),
    (tds::begins, First::Tds),
];
