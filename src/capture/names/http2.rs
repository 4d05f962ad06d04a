//! HTTP/2 without TLS (RFC 9113): the host of the first request of a connection.

use crate::flow::Request;

use super::Shown;
use super::cursor::Cursor;
use super::first::Match;
use super::hpack;
use super::http::RequestSeen;
use super::http::host_and_port;

/// What a client with prior knowledge sends first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The longest header block that is put together, as for HTTP/1.
const MOST_BLOCK_BYTES: usize = 64 * 1024;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Whether `bytes` begin with the client's preface.
pub(in crate::capture) fn begins(bytes: &[u8]) -> Match {
    Match::prefix(bytes, PREFACE)
}

/// What the client's direction has shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::capture) enum FirstRequest {
    /// More bytes are needed.
    Unsettled,
    /// The first request.
    Seen(RequestSeen),
    /// Another one.
    Further,
}

/// Reads the client's direction up to its first request, and notices another. Those that follow it
/// share tables with it, and are not read.
#[derive(Debug)]
pub(in crate::capture) struct RequestReader {
    held: Vec<u8>,
    /// Bytes still to come that are of no interest: the preface, frames without headers.
    skip: usize,
    block: Vec<u8>,
    /// Whether the first request was seen.
    is_seen: bool,
}

impl Default for RequestReader {
    fn default() -> RequestReader {
        RequestReader { held: Vec::new(), skip: PREFACE.len(), block: Vec::new(), is_seen: false }
    }
}

impl RequestReader {
    /// Bytes held back.
    pub(in crate::capture) fn held(&self) -> usize {
        self.held.len() + self.block.len()
    }

    /// Takes the next bytes of the stream.
    pub(in crate::capture) fn push(&mut self, bytes: &[u8]) -> FirstRequest {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.held.extend_from_slice(bytes.get(skipped..).unwrap_or_default());
        let mut held = std::mem::take(&mut self.held);
        let mut cursor = Cursor(&held);
        let mut rest = cursor;
        while let Some(frame) = Frame::header(&mut cursor) {
            if !matches!(frame.kind, HEADERS | CONTINUATION) {
                let here = frame.length.min(cursor.0.len());
                self.skip = frame.length - here;
                cursor.take(here);
                rest = cursor;
                continue;
            }
            if self.is_seen {
                return FirstRequest::Further;
            }
            if self.block.len() + frame.length > MOST_BLOCK_BYTES {
                return FirstRequest::Seen(RequestSeen::Unreadable);
            }
            let Some(payload) = cursor.take(frame.length) else { break };
            rest = cursor;
            match frame.fragment(payload) {
                Some(fragment) => self.block.extend_from_slice(fragment),
                None => return FirstRequest::Seen(RequestSeen::Unreadable),
            }
            if frame.flags & END_HEADERS != 0 {
                self.is_seen = true;
                let block = std::mem::take(&mut self.block);
                let taken = held.len() - rest.0.len();
                held.drain(..taken);
                self.held = held;
                return FirstRequest::Seen(request(&block));
            }
        }
        let taken = held.len() - rest.0.len();
        held.drain(..taken);
        self.held = held;
        FirstRequest::Unsettled
    }
}

/// The fixed part of a frame (RFC 9113 §4.1).
struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
}

impl Frame {
    fn header(cursor: &mut Cursor<'_>) -> Option<Frame> {
        let length = cursor.u24()?;
        let (kind, flags) = (cursor.u8()?, cursor.u8()?);
        let _stream = cursor.u32()?;
        Some(Frame { length, kind, flags })
    }

    /// The part of a header block in `payload`, without padding and priority (RFC 9113 §6.2).
    fn fragment<'a>(&self, payload: &'a [u8]) -> Option<&'a [u8]> {
        if self.kind == CONTINUATION {
            return Some(payload);
        }
        let mut cursor = Cursor(payload);
        let padding = if self.flags & PADDED != 0 { cursor.u8()?.into() } else { 0 };
        if self.flags & PRIORITY != 0 {
            cursor.take(5)?;
        }
        let length = cursor.0.len().checked_sub(padding)?;
        cursor.take(length)
    }
}

fn request(block: &[u8]) -> RequestSeen {
    let Some(target) = hpack::first_block(block) else { return RequestSeen::Unreadable };
    let (shown, port) = host_and_port(&target.authority);
    let host = match shown {
        Shown::Nothing => None,
        Shown::Host(host) => Some(host),
        Shown::Unreadable => return RequestSeen::Unreadable,
    };
    let path = String::from_utf8(target.path).ok().filter(|path| path.starts_with('/'));
    RequestSeen::Whole(Request { host, port, path: path.unwrap_or_else(|| "/".to_owned()) })
}
