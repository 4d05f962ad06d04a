//! Fields with their lengths before them.

/// A part of a message, at most 64 KiB long, as its length and the part.
pub(super) fn with_length16(part: &[u8]) -> Vec<u8> {
    // Parts are made here, from names of at most 253 bytes.
    let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], part].concat()
}

/// The same, of at most 255 bytes.
pub(super) fn with_length8(part: &[u8]) -> Vec<u8> {
    let length = u8::try_from(part.len()).unwrap_or(u8::MAX);
    [&[length][..], part].concat()
}
