//! DTLS: the ClientHello in the first datagrams of a flow (RFC 6347 §4.2, RFC 9147 §5).

use super::cursor::Cursor;
use super::tls;
use super::tls::ClientHello;
use super::tls::Over;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// Records of one datagram that are looked at.
const MOST_RECORDS: usize = 8;
/// Bytes of a hello that is put together; those in use fit in two datagrams.
const MOST_HELLO_BYTES: usize = 16 * 1024;
/// Pieces that it comes in.
const MOST_PIECES: usize = 64;

/// Whether a UDP payload begins with a record of DTLS: content type, version, and a length that
/// fits.
pub(in crate::capture) fn begins(bytes: &[u8]) -> bool {
    record(&mut Cursor(bytes)).is_some()
}

struct Record<'a> {
    kind: u8,
    /// Records of later epochs are encrypted.
    epoch: u16,
    fragment: &'a [u8],
}

fn record<'a>(cursor: &mut Cursor<'a>) -> Option<Record<'a>> {
    let kind = cursor.u8()?;
    let version = cursor.u16()?;
    let epoch = cursor.u16()?;
    let _sequence = cursor.take(6)?;
    let fragment = cursor.vector16()?.0;
    // 1.0, 1.2, and what OpenSSL sent before there was a standard.
    let is_record = (20..=26).contains(&kind)
        && matches!(version, 0xfeff | 0xfefd | 0x0100)
        && !fragment.is_empty();
    is_record.then_some(Record { kind, epoch, fragment })
}

/// Puts the first ClientHello together.
#[derive(Debug, Default)]
pub(in crate::capture) struct HelloReader {
    /// The pieces of the messages, ascending by their places.
    pieces: Vec<Piece>,
    held: usize,
}

/// Which message a fragment is of (RFC 6347 §4.2.3): a hello comes again with a cookie, as another one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Message {
    sequence: u16,
    length: usize,
}

#[derive(Debug)]
struct Piece {
    of: Message,
    offset: usize,
    bytes: Vec<u8>,
}

impl HelloReader {
    /// Bytes held back.
    pub(in crate::capture) fn held(&self) -> usize {
        self.held
    }

    /// Takes the next datagram; `Some` once the hello is complete.
    pub(in crate::capture) fn push(&mut self, datagram: &[u8]) -> Option<ClientHello> {
        let mut cursor = Cursor(datagram);
        for _ in 0..MOST_RECORDS {
            let record = record(&mut cursor)?;
            if record.kind != HANDSHAKE || record.epoch != 0 {
                continue;
            }
            if let Some(hello) = self.messages(record.fragment) {
                return Some(hello);
            }
        }
        None
    }

    fn messages(&mut self, fragment: &[u8]) -> Option<ClientHello> {
        let mut cursor = Cursor(fragment);
        while !cursor.is_empty() {
            let kind = cursor.u8()?;
            let length = cursor.u24()?;
            let sequence = cursor.u16()?;
            let offset = cursor.u24()?;
            let fragment_length = cursor.u24()?;
            let bytes = cursor.take(fragment_length)?;
            if kind == CLIENT_HELLO && length <= MOST_HELLO_BYTES {
                let body = self.put_together(Message { sequence, length }, offset, bytes);
                if let Some(hello) = body.and_then(|body| tls::client_hello(&body, Over::Datagrams))
                {
                    return Some(hello);
                }
            }
        }
        None
    }

    /// The message, once no byte of it is missing.
    fn put_together(&mut self, of: Message, offset: usize, bytes: &[u8]) -> Option<Vec<u8>> {
        let is_full = self.pieces.len() >= MOST_PIECES;
        if bytes.is_empty() || is_full || self.held + bytes.len() > MOST_HELLO_BYTES {
            return None;
        }
        let place = self.pieces.partition_point(|before| before.offset <= offset);
        self.pieces.insert(place, Piece { of, offset, bytes: bytes.to_vec() });
        self.held += bytes.len();
        let mut message = Vec::new();
        for piece in self.pieces.iter().filter(|piece| piece.of == of) {
            let known = message.len().checked_sub(piece.offset)?;
            message.extend_from_slice(piece.bytes.get(known..).unwrap_or_default());
        }
        message.truncate(of.length);
        (message.len() == of.length).then_some(message)
    }
}
