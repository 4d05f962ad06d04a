//! Header compression of HTTP/2 (RFC 7541): the table of one direction, as far as the hosts and paths of
//! requests need it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cursor::Cursor;

/// How large a table is before anything is said of it (RFC 9113 §6.5.2).
const FIRST_BYTES: usize = 4096;
/// The largest table that is followed. A server has to ask for a larger one than the first.
const MOST_BYTES: usize = 64 * 1024;
/// What an entry counts for beside its text (RFC 7541 §4.1).
const OF_ENTRY: usize = 32;

/// What a piece of memory takes beside its bytes: counts of an `Arc`, and the allocator's own.
const OF_PIECE: usize = 32;

/// The names of the static table (RFC 7541 Appendix A).
const STATIC: [&str; 61] = [
    ":authority",
    ":method",
    ":method",
    ":path",
    ":path",
    ":scheme",
    ":scheme",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "accept",
    "access-control-allow-origin",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "refresh",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
];
/// The paths that it has, by index.
const STATIC_PATHS: [(usize, &str); 2] = [(4, "/"), (5, "/index.html")];

/// The fields of a header block that say what a request is for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::capture) struct Target {
    pub(in crate::capture) authority: Option<Arc<[u8]>>,
    pub(in crate::capture) path: Option<Arc<[u8]>>,
    pub(in crate::capture) host: Option<Arc<[u8]>>,
    /// Whether one of them is there twice, with two values.
    pub(in crate::capture) is_contradictory: bool,
}

impl Target {
    fn add(&mut self, Field { name, value, .. }: Field) {
        let place = match name.kind {
            Kind::Authority => &mut self.authority,
            Kind::Path => &mut self.path,
            Kind::Host => &mut self.host,
            Kind::Other => return,
        };
        self.is_contradictory |= place.is_some() && *place != value;
        if place.is_none() {
            *place = value;
        }
    }
}

/// Reads the header blocks of one direction, each of which may use what those before it left in the
/// table.
#[derive(Debug)]
pub(in crate::capture) struct Blocks {
    /// The newest first.
    table: VecDeque<Field>,
    /// How much the entries count for together, and at most.
    bytes: usize,
    most: usize,
    /// Bytes of the values that are held.
    kept: usize,
}

/// A header field.
#[derive(Clone, Debug)]
struct Field {
    name: Name,
    /// How long its value is.
    length: usize,
    /// `None` where it says nothing of what a request is for.
    value: Option<Arc<[u8]>>,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    kind: Kind,
    length: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Authority,
    Path,
    Host,
    Other,
}

impl Name {
    fn of(text: &[u8]) -> Name {
        let kind = match text {
            b":authority" => Kind::Authority,
            b":path" => Kind::Path,
            b"host" => Kind::Host,
            _ => Kind::Other,
        };
        Name { kind, length: text.len() }
    }
}

impl Field {
    fn new(name: Name, value: &[u8]) -> Field {
        let kept = (name.kind != Kind::Other).then(|| value.into());
        Field { name, length: value.len(), value: kept }
    }

    /// What it counts for in a table.
    fn bytes(&self) -> usize {
        self.name.length + self.length + OF_ENTRY
    }

    /// Bytes of it that are held.
    fn kept(&self) -> usize {
        self.value.as_ref().map_or(0, |value| value.len() + OF_PIECE)
    }
}

impl Default for Blocks {
    fn default() -> Blocks {
        Blocks { table: VecDeque::new(), bytes: 0, most: FIRST_BYTES, kept: 0 }
    }
}

impl Blocks {
    /// Bytes held.
    pub(in crate::capture) fn held(&self) -> usize {
        // A deque has room for twice as many at most.
        2 * self.table.len() * size_of::<Field>() + self.kept
    }

    /// Reads the next block; `None` where it is damaged, and nothing behind it can be read.
    pub(in crate::capture) fn read(&mut self, block: &[u8]) -> Option<Target> {
        let mut target = Target::default();
        let mut cursor = Cursor(block);
        let mut has_begun = false;
        while let Some(first) = cursor.u8() {
            let is_of_table = matches!(first, 0x20..0x40);
            // A change of the table comes before all fields (RFC 7541 §4.2).
            if is_of_table && has_begun {
                return None;
            }
            has_begun |= !is_of_table;
            match first {
                0x80.. => target.add(self.field(integer(first, 7, &mut cursor)?)?),
                0x40..0x80 => {
                    let field = self.literal(first, 6, &mut cursor)?;
                    self.insert(field.clone());
                    target.add(field);
                }
                0x20..0x40 => self.resize(integer(first, 5, &mut cursor)?)?,
                0..0x20 => target.add(self.literal(first, 4, &mut cursor)?),
            }
        }
        Some(target)
    }

    fn literal(&self, first: u8, bits: u32, cursor: &mut Cursor<'_>) -> Option<Field> {
        let name = match integer(first, bits, cursor)? {
            0 => Name::of(&string(cursor)?),
            index => self.field(index)?.name,
        };
        Some(Field::new(name, &string(cursor)?))
    }

    /// The field of an index: first the static table, then this one (RFC 7541 §2.3.3).
    fn field(&self, index: u32) -> Option<Field> {
        let index = usize::try_from(index).ok()?;
        match STATIC.get(index.checked_sub(1)?) {
            Some(name) => {
                let path = STATIC_PATHS.iter().find(|(at, _)| *at == index);
                let value = path.map_or("", |(_, path)| path);
                Some(Field::new(Name::of(name.as_bytes()), value.as_bytes()))
            }
            None => self.table.get(index - 1 - STATIC.len()).cloned(),
        }
    }

    fn insert(&mut self, field: Field) {
        self.make_room(field.bytes());
        // One that is too long for the table leaves it empty (RFC 7541 §4.4).
        if field.bytes() <= self.most {
            self.bytes += field.bytes();
            self.kept += field.kept();
            self.table.push_front(field);
        }
    }

    fn resize(&mut self, most: u32) -> Option<()> {
        self.most = usize::try_from(most).ok().filter(|most| *most <= MOST_BYTES)?;
        self.make_room(0);
        Some(())
    }

    fn make_room(&mut self, bytes: usize) {
        while self.bytes + bytes > self.most
            && let Some(oldest) = self.table.pop_back()
        {
            self.bytes -= oldest.bytes();
            self.kept -= oldest.kept();
        }
    }
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
/// length are numbered in the order of their characters, and go on where the shorter ones end.
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
    (19, b"\x5c\xc3\xd0"),
    (20, b"\x80\x82\x83\xa2\xb8\xc2\xe0\xe2"),
    (21, b"\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6"),
    (
        22,
        b"\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\
          \xb9\xba\xbb\xbd\xbe\xc4\xc6\xe4\xe8\xe9",
    ),
    (
        23,
        b"\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\
          \xa5\xa6\xa8\xae\xaf\xb4\xb6\xb7\xbc\xbf\xc5\xe7\xef",
    ),
    (24, b"\x09\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed"),
    (25, b"\xc7\xcf\xea\xeb"),
    (26, b"\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff"),
    (
        27,
        b"\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\
          \xfc\xfd\xfe",
    ),
    (
        28,
        b"\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\
          \x15\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\xdc\xf9",
    ),
    (30, b"\x0a\x0d\x16"),
];

/// The text that is packed in `bytes`; `None` where they pack none.
fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len() * 8 / 5);
    let (mut code, mut length) = (0_u32, 0_u32);
    // The codes of a length, and the first of them.
    let (mut rest, mut first) = (CODES, 0_u32);
    for byte in bytes {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(byte >> bit & 1);
            length += 1;
            let ((bits, characters), longer) = rest.split_first()?;
            if length < *bits {
                continue;
            }
            let place = usize::try_from(code.checked_sub(first)?).ok()?;
            if let Some(character) = characters.get(place) {
                text.push(*character);
                (code, length, rest, first) = (0, 0, CODES, 0);
            } else {
                // The last length has the end of a string, which is never in one (RFC 7541 §5.2).
                let next = longer.first()?.0;
                first = (first + u32::try_from(characters.len()).ok()?) << (next - bits);
                rest = longer;
            }
        }
    }
    // What is left is padding: the start of the longest code, all ones (RFC 7541 §5.2).
    (length < 8 && code == (1 << length) - 1).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(blocks: &mut Blocks, block: &[u8]) -> Option<(String, String)> {
        let target = blocks.read(block)?;
        assert!(!target.is_contradictory);
        let text = |value: Option<Arc<[u8]>>| String::from_utf8(value.unwrap_or_default().to_vec());
        Some((text(target.authority.or(target.host)).unwrap(), text(target.path).unwrap()))
    }

    #[track_caller]
    fn check(blocks: &mut Blocks, block: &[u8], authority: &str, path: &str) {
        assert_eq!(read(blocks, block), Some((authority.to_owned(), path.to_owned())));
    }

    #[test]
    fn the_requests_of_rfc_7541_are_read_one_after_the_other() {
        // Appendix C.3, plain, and C.4, in Huffman's code; with how much the table has after each.
        let plain: [&[u8]; 3] = [
            b"\x82\x86\x84\x41\x0fwww.example.com",
            b"\x82\x86\x84\xbe\x58\x08no-cache",
            b"\x82\x87\x85\xbf\x40\x0acustom-key\x0ccustom-value",
        ];
        let coded: [&[u8]; 3] = [
            b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff",
            b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf",
            b"\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf",
        ];
        for requests in [plain, coded] {
            let mut blocks = Blocks::default();
            for (block, (path, bytes)) in
                requests.into_iter().zip([("/", 57), ("/", 110), ("/index.html", 164)])
            {
                check(&mut blocks, block, "www.example.com", path);
                assert_eq!(blocks.bytes, bytes);
            }
        }
    }

    #[test]
    fn the_oldest_entries_give_way() {
        let mut blocks = Blocks::default();
        // A table for one entry of 40 bytes at a time: `host` with four of text.
        check(&mut blocks, b"\x3f\x09\x66\x04a.io", "a.io", "");
        check(&mut blocks, b"\xbe", "a.io", "");
        check(&mut blocks, b"\x66\x04b.io", "b.io", "");
        check(&mut blocks, b"\xbe", "b.io", "");
        assert_eq!(read(&mut blocks, b"\xbf"), None);
        // One that is too long leaves nothing.
        check(&mut blocks, b"\x66\x05ab.io", "ab.io", "");
        assert_eq!((blocks.held(), blocks.bytes), (0, 0));
        // The authority goes before the host.
        check(&mut blocks, b"\x0f\x17\x04b.io\x01\x04a.io", "a.io", "");
    }

    #[test]
    fn a_block_that_cannot_be_is_none() {
        let blocks: [&[u8]; 7] = [
            b"\x41\x0fwww.exam",
            b"\x7f\xff\xff\xff\xff\xff\xff",
            // The index 0, and one that nothing has.
            b"\x80",
            b"\xbe",
            // A table of a gigabyte.
            b"\x3f\xe1\xff\xff\xff\x03",
            // A change of the table behind a field.
            b"\x84\x20",
            // The end of a string inside it, and padding of zeros.
            b"\x41\x84\xff\xff\xff\xff",
        ];
        for block in blocks {
            assert_eq!(Blocks::default().read(block), None, "{block:x?}");
        }
    }

    #[test]
    fn a_field_with_two_values_contradicts_itself() {
        for (block, expected) in [
            (&b"\x01\x04a.io\x01\x04b.io"[..], true),
            (b"\x01\x04a.io\x81", true),
            (b"\x01\x04a.io\x01\x04a.io", false),
            (b"\x84\x85", true),
            (b"\x0f\x17\x04a.io\x0f\x17\x04b.io", true),
        ] {
            let target = Blocks::default().read(block).unwrap();
            assert_eq!(target.is_contradictory, expected, "{block:x?}");
        }
    }

    #[test]
    fn every_character_has_a_code_of_its_own() {
        let mut all: Vec<u8> =
            CODES.iter().flat_map(|(_, characters)| *characters).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..=255).collect::<Vec<u8>>());
        // They leave room for the end of a string, which has the last code of the longest.
        let taken = |(bits, characters): &(u32, &[u8])| {
            u64::try_from(characters.len()).unwrap() << (30 - bits)
        };
        assert_eq!(CODES.iter().map(taken).sum::<u64>(), (1 << 30) - 1);
        // A backslash and a letter that is not ASCII.
        assert_eq!(decode(b"\xff\xfe\x1f"), Some(b"\\".to_vec()));
        assert_eq!(decode(b"\xff\xfe\x3f"), Some(b"\xc3".to_vec()));
    }
}
