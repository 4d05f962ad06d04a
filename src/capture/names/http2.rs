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

/// How much text of targets is given of a connection: so much, and so much for each byte of its header
/// blocks. A block can name the same text again with a single byte.
const FIRST_TEXT: usize = 16 * 1024;
const TEXT_PER_BYTE: usize = 8;

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
    /// The stream of a header block that goes on.
    open: Option<u32>,
    /// The highest stream of a request. What comes on one that is not above it are trailers (RFC 9113
    /// §5.1.1, §8.1).
    latest: u32,
    /// How much text of targets may still be given.
    left: usize,
}

impl Default for RequestReader {
    fn default() -> RequestReader {
        RequestReader {
            held: Vec::new(),
            skip: PREFACE.len(),
            block: Vec::new(),
            blocks: hpack::Blocks::default(),
            open: None,
            latest: 0,
            left: FIRST_TEXT,
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
        let goes_on = self.frames(bytes, &mut seen).is_some();
        if !goes_on {
            seen(RequestSeen::Unreadable);
        }
        goes_on
    }

    /// Takes what frames there are; `None` behind one that cannot be.
    fn frames(&mut self, bytes: &[u8], seen: &mut impl FnMut(RequestSeen)) -> Option<()> {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.held.extend_from_slice(bytes.get(skipped..).unwrap_or_default());
        let mut held = std::mem::take(&mut self.held);
        let mut cursor = Cursor(&held);
        let mut rest = cursor;
        while let Some(frame) = Frame::header(&mut cursor) {
            // A header block is not interrupted (RFC 9113 §4.3).
            let goes_on = (frame.kind == CONTINUATION).then_some(frame.stream);
            if goes_on != self.open {
                return None;
            }
            if !matches!(frame.kind, HEADERS | CONTINUATION) {
                let here = frame.length.min(cursor.0.len());
                self.skip = frame.length - here;
                cursor.take(here);
                rest = cursor;
                continue;
            }
            if self.block.len() + frame.length > MOST_BLOCK_BYTES {
                return None;
            }
            let Some(payload) = cursor.take(frame.length) else { break };
            rest = cursor;
            self.headers(&frame, payload, seen)?;
        }
        let taken = held.len() - rest.0.len();
        held.drain(..taken);
        self.held = held;
        Some(())
    }

    /// Takes the next part of a header block; `None` where it cannot be read.
    fn headers(
        &mut self,
        frame: &Frame,
        payload: &[u8],
        seen: &mut impl FnMut(RequestSeen),
    ) -> Option<()> {
        // A client opens streams with odd numbers (RFC 9113 §5.1.1).
        if frame.stream.is_multiple_of(2) {
            return None;
        }
        self.left = self.left.saturating_add(TEXT_PER_BYTE * payload.len());
        self.block.extend_from_slice(frame.fragment(payload)?);
        self.open = (frame.flags & END_HEADERS == 0).then_some(frame.stream);
        if self.open.is_some() {
            return Some(());
        }
        let target = self.blocks.read(&std::mem::take(&mut self.block))?;
        let has_target = target.authority.is_some() || target.path.is_some();
        if frame.stream > self.latest {
            self.latest = frame.stream;
            let texts = [&target.authority, &target.path, &target.host];
            let text: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
            self.left = self.left.checked_sub(text)?;
            seen(request(&target));
        } else if has_target {
            seen(RequestSeen::Unreadable);
        }
        Some(())
    }

    /// Whether a request has begun that is not complete.
    pub(in crate::capture) fn is_unfinished(&self) -> bool {
        let begins = |kind: &u8| matches!(*kind, HEADERS | CONTINUATION);
        let is_header = !self.held.is_empty() && self.held.get(3).is_none_or(begins);
        self.open.is_some() || is_header
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

/// The request of a target. Which of two hosts a server takes is not known.
fn request(target: &hpack::Target) -> RequestSeen {
    let hpack::Target { authority, path, host, is_contradictory } = target;
    // `host` stands in where there is no `:authority` (RFC 9113 §8.3.1).
    let named = authority.as_ref().or(host.as_ref());
    let (shown, port) = named.map_or((Shown::Nothing, None), |named| host_and_port(named));
    let shown = match shown {
        Shown::Nothing => None,
        Shown::Host(host) => Some(host),
        Shown::Unreadable => return RequestSeen::Unreadable,
    };
    let other = host.as_ref().map(|other| host_and_port(other).0);
    let is_other = other.is_some_and(|other| match (other, &shown) {
        (Shown::Host(other), Some(host)) => other != *host,
        (Shown::Host(_) | Shown::Nothing | Shown::Unreadable, _) => true,
    });
    let path = match path.as_deref() {
        // `CONNECT` has none, and `OPTIONS` may be about the server.
        None | Some(b"*") => Some("/"),
        Some(path) => std::str::from_utf8(path).ok().filter(|path| path.starts_with('/')),
    };
    match path {
        Some(path) if !is_contradictory && !is_other => {
            RequestSeen::Whole(Request { host: shown, port, path: path.to_owned() })
        }
        Some(_) | None => RequestSeen::Damaged(shown),
    }
}
