//! Google's own versions of QUIC, which have a hello of their own: `CHLO`, a list of tagged values.
//!
//! Up to `Q046` it lies in the clear in the first packet; `Q050` protects it as an Initial is. It is
//! written down in Google's "QUIC Crypto" and "QUIC Wire Layout Specification" of 2016; what changed
//! since is in Chromium's `quic_framer.cc`.

use super::super::Shown;
use super::super::cursor::Cursor;
use crate::quic::Version;

/// What takes the place of the authentication tag while nothing is encrypted.
const HASH_BYTES: usize = 12;
/// Values of a hello that are looked at; it has some 25.
const MOST_TAGS: usize = 128;

/// Whether these are versions up to 43: flags with a version bit and a connection id, then the
/// version.
pub(super) fn is_old(bytes: &[u8]) -> bool {
    old_version(bytes).is_some()
}

fn old_version(bytes: &[u8]) -> Option<Version> {
    let [flags, _, _, _, _, _, _, _, _, v0, v1, v2, v3, ..] = bytes else { return None };
    let version = Version(u32::from_be_bytes([*v0, *v1, *v2, *v3]));
    let is_old = flags & 0x89 == 0x09 && matches!(version.google(), Some((b'Q', _)));
    is_old.then_some(version)
}

/// The server name of the hello that a packet carries in the clear, `Nothing` where the hello has
/// none, and `None` where the packet carries no hello.
pub(super) fn hello_in_the_clear(packet: &[u8]) -> Option<Shown> {
    let mut cursor = Cursor(packet);
    let version = match old_version(packet) {
        Some(version) => old_header(&mut cursor, version)?,
        None => long_header(&mut cursor)?,
    };
    let _hash = cursor.take(HASH_BYTES)?;
    if version < 34 {
        let _private_flags = cursor.u8()?;
    }
    stream_frame(cursor, version)
}

/// Goes over a header of versions up to 43, and gives the number of the version.
fn old_header(cursor: &mut Cursor<'_>, version: Version) -> Option<u16> {
    let flags = cursor.u8()?;
    let _id_and_version = cursor.take(8 + 4)?;
    let number_bytes = match flags >> 4 & 3 {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => 6,
    };
    let _packet_number = cursor.take(number_bytes)?;
    version.google().map(|(_, version)| version)
}

/// Goes over a header of versions 44 to 46, and gives the number of the version. It is that of an
/// early draft: both lengths of connection ids in one byte, and neither a token nor a length.
fn long_header(cursor: &mut Cursor<'_>) -> Option<u16> {
    let first = cursor.u8()?;
    let (letter, version) = Version(cursor.u32()?).google()?;
    if first & 0x80 == 0 || letter != b'Q' || !(44..=46).contains(&version) {
        return None;
    }
    let lengths = cursor.u8()?;
    for length in [lengths >> 4, lengths & 0x0f] {
        // 0 means that there is none, and any other value three less than the bytes.
        let _id = cursor.take(if length == 0 { 0 } else { usize::from(length) + 3 })?;
    }
    let _packet_number = cursor.take(usize::from(first & 3) + 1)?;
    Some(version)
}

/// The hello in the first stream frame, of which there is only padding before.
fn stream_frame(mut cursor: Cursor<'_>, version: u16) -> Option<Shown> {
    let kind = cursor.u8()?;
    if kind & 0x80 == 0 {
        return None;
    }
    let _stream = cursor.take(usize::from(kind & 3) + 1)?;
    let offset_bytes = match kind >> 2 & 7 {
        0 => 0,
        more => usize::from(more) + 1,
    };
    // A hello that answers a refused one does not begin at 0.
    let _offset = cursor.take(offset_bytes)?;
    if kind & 0x20 == 0 {
        return hello(cursor.0);
    }
    let length: [u8; 2] = cursor.array()?;
    let length = if version < 39 { u16::from_le_bytes(length) } else { u16::from_be_bytes(length) };
    hello(cursor.take(length.into())?)
}

/// The server name of a `CHLO` message; `None` where `bytes` are something else or end before it.
pub(super) fn hello(bytes: &[u8]) -> Option<Shown> {
    let mut cursor = Cursor(bytes);
    if cursor.array()? != *b"CHLO" {
        return None;
    }
    let tags = usize::from(u16::from_le_bytes(cursor.array()?));
    let _padding = cursor.u16()?;
    if tags > MOST_TAGS {
        return None;
    }
    let entries = cursor.take(tags * 8)?;
    let values = cursor.0;
    let mut begins = 0;
    for entry in entries.as_chunks::<8>().0 {
        let [tag @ .., e0, e1, e2, e3] = *entry;
        let end = usize::try_from(u32::from_le_bytes([e0, e1, e2, e3])).ok()?;
        if tag == *b"SNI\0" {
            return Some(Shown::read(values.get(begins..end)?));
        }
        begins = end;
    }
    Some(Shown::Nothing)
}
