//! Header compression of HTTP/2 (RFC 7541), as far as the first request of a connection needs it:
//! before that the dynamic table is empty.

use super::cursor::Cursor;

/// The field of a request that names its host.
const AUTHORITY: &[u8] = b":authority";
const PATH: &[u8] = b":path";

/// Indices of the static table (RFC 7541 Appendix A).
const AUTHORITY_INDEX: u32 = 1;
const ROOT_PATH_INDEX: u32 = 4;
const INDEX_PATH_INDEX: u32 = 5;

/// The authority and path of a request; empty where it has none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::capture) struct Target {
    pub(in crate::capture) authority: Vec<u8>,
    pub(in crate::capture) path: Vec<u8>,
}

/// Reads the first header block of a connection; `None` where it is damaged, or uses a character
/// that no host name holds.
pub(in crate::capture) fn first_block(block: &[u8]) -> Option<Target> {
    let mut target = Target::default();
    let mut cursor = Cursor(block);
    while let Some(first) = cursor.u8() {
        let index = match first {
            // An indexed field has its value in a table.
            0x80.. => {
                if integer(first, 7, &mut cursor)? == ROOT_PATH_INDEX {
                    target.path = b"/".to_vec();
                }
                continue;
            }
            // A change of the table's size.
            0x20..0x40 => {
                integer(first, 5, &mut cursor)?;
                continue;
            }
            0x40..0x80 => integer(first, 6, &mut cursor)?,
            0..0x20 => integer(first, 4, &mut cursor)?,
        };
        let name = if index == 0 { Some(string(&mut cursor)?) } else { None };
        let value = string(&mut cursor)?;
        match (index, name.as_deref()) {
            (AUTHORITY_INDEX, _) | (0, Some(AUTHORITY)) => target.authority = value,
            (ROOT_PATH_INDEX | INDEX_PATH_INDEX, _) | (0, Some(PATH)) => target.path = value,
            _ => {}
        }
    }
    Some(target)
}

/// An integer of which the first byte holds the lowest `bits` bits (RFC 7541 §5.1).
fn integer(first: u8, bits: u32, cursor: &mut Cursor<'_>) -> Option<u32> {
    let most = (1_u32 << bits) - 1;
    let prefix = u32::from(first) & most;
    if prefix < most {
        return Some(prefix);
    }
    let mut value = u64::from(most);
    // Four more bytes hold any number that is used; a longer one is an attack.
    for shift in [0, 7, 14, 21] {
        let byte = cursor.u8()?;
        value += u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return u32::try_from(value).ok();
        }
    }
    None
}

/// A string, plain or in Huffman's code (RFC 7541 §5.2).
fn string(cursor: &mut Cursor<'_>) -> Option<Vec<u8>> {
    let first = cursor.u8()?;
    let length = usize::try_from(integer(first, 7, cursor)?).ok()?;
    let bytes = cursor.take(length)?;
    if first & 0x80 == 0 { Some(bytes.to_vec()) } else { decode(bytes) }
}

/// The characters of each code length (RFC 7541 Appendix B). The code is canonical: codes of one
/// length are numbered in the order of their characters, and go on where the shorter ones end. The
/// codes above 15 bits are of characters that no header field of a usual request holds.
const CODES: &[(u32, &[u8])] = &[
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
];

fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len() * 8 / 5);
    let (mut code, mut length) = (0_u32, 0_u32);
    for byte in bytes {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(byte >> bit & 1);
            length += 1;
            if let Some(character) = character(code, length) {
                text.push(character);
                (code, length) = (0, 0);
            } else if length > 15 {
                return None;
            }
        }
    }
    // What is left is padding: the start of the longest code, all ones (RFC 7541 §5.2).
    (length < 8 && code == (1 << length) - 1).then_some(text)
}

fn character(code: u32, length: u32) -> Option<u8> {
    let (mut first, mut before) = (0_u32, 0_u32);
    for (bits, characters) in CODES {
        first <<= bits - before;
        before = *bits;
        if *bits == length {
            let place = usize::try_from(code.checked_sub(first)?).ok()?;
            return characters.get(place).copied();
        }
        first += u32::try_from(characters.len()).ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_7541_are_read() {
        // Appendix C.3.1, plain, and C.4.1, in Huffman's code.
        let plain = b"\x82\x86\x84\x41\x0fwww.example.com";
        let coded = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        for block in [plain.as_slice(), coded] {
            let target = first_block(block).unwrap();
            assert_eq!(target.authority, b"www.example.com");
            assert_eq!(target.path, b"/");
        }
    }

    #[test]
    fn a_cut_block_is_no_request() {
        assert_eq!(first_block(b"\x41\x0fwww.exam"), None);
        assert_eq!(first_block(b"\x7f\xff\xff\xff\xff\xff\xff"), None);
    }
}
