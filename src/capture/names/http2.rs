//! HTTP/2 without TLS (RFC 9113): the hosts of the requests of a connection.

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

/// Reads the client's direction, request by request.
#[derive(Debug)]
pub(in crate::capture) struct RequestReader {
    held: Vec<u8>,
    /// Bytes still to come that are of no interest: the preface, frames without headers.
    skip: usize,
    block: Vec<u8>,
    blocks: hpack::Blocks,
    /// The highest stream of a request. One that is not above it has had its request, and what comes
    /// there without a target are trailers (RFC 9113 §5.1.1, §8.1).
    latest: u32,
}

impl Default for RequestReader {
    fn default() -> RequestReader {
        RequestReader {
            held: Vec::new(),
            skip: PREFACE.len(),
            block: Vec::new(),
            blocks: hpack::Blocks::default(),
            latest: 0,
        }
    }
}

impl RequestReader {
    /// Bytes held back.
    pub(in crate::capture) fn held(&self) -> usize {
        self.held.len() + self.block.len() + self.blocks.held()
    }

    /// Takes the next bytes of the stream, and tells whether more can be read. Where not, the last
    /// request is one of which that is all that is known.
    pub(in crate::capture) fn push(
        &mut self,
        bytes: &[u8],
        mut seen: impl FnMut(RequestSeen),
    ) -> bool {
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
            if self.block.len() + frame.length > MOST_BLOCK_BYTES {
                seen(RequestSeen::Unreadable);
                return false;
            }
            let Some(payload) = cursor.take(frame.length) else { break };
            rest = cursor;
            if self.header(&frame, payload, &mut seen).is_none() {
                seen(RequestSeen::Unreadable);
                return false;
            }
        }
        let taken = held.len() - rest.0.len();
        held.drain(..taken);
        self.held = held;
        true
    }

    /// Takes the next part of a header block; `None` where it cannot be read.
    fn header(
        &mut self,
        frame: &Frame,
        payload: &[u8],
        seen: &mut impl FnMut(RequestSeen),
    ) -> Option<()> {
        self.block.extend_from_slice(frame.fragment(payload)?);
        if frame.flags & END_HEADERS != 0 {
            let target = self.blocks.read(&std::mem::take(&mut self.block))?;
            let is_trailers = frame.stream <= self.latest && target == hpack::Target::default();
            if !is_trailers {
                self.latest = self.latest.max(frame.stream);
                seen(request(target));
            }
        }
        Some(())
    }

    /// Goes over bytes that are missing, and tells whether more can be read.
    pub(in crate::capture) fn lose(&mut self, count: u32) -> bool {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let is_of_no_interest = self.held.is_empty() && count <= self.skip;
        self.skip = self.skip.saturating_sub(count);
        is_of_no_interest
    }
}

/// The fixed part of a frame (RFC 9113 §4.1).
struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frame {
    fn header(cursor: &mut Cursor<'_>) -> Option<Frame> {
        let length = cursor.u24()?;
        let (kind, flags) = (cursor.u8()?, cursor.u8()?);
        // The highest bit is reserved.
        let stream = cursor.u32()? & (u32::MAX >> 1);
        Some(Frame { length, kind, flags, stream })
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

fn request(target: hpack::Target) -> RequestSeen {
    let (shown, port) = host_and_port(&target.authority);
    let host = match shown {
        Shown::Nothing => None,
        Shown::Host(host) => Some(host),
        Shown::Unreadable => return RequestSeen::Unreadable,
    };
    let path = String::from_utf8(target.path).ok().filter(|path| path.starts_with('/'));
    RequestSeen::Whole(Request { host, port, path: path.unwrap_or_else(|| "/".to_owned()) })
}
