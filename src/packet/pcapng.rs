//! pcapng: one section, one interface of raw IP, packets with comments (draft-ietf-opsawg-pcapng
//! §4.1 to §4.3).

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// LINKTYPE_RAW: the first half-byte of a packet is its IP version.
const RAW_IP: u16 = 101;

const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const SECTION_APPLICATION: u16 = 4;
const TIME_RESOLUTION: u16 = 9;
/// Ten to the minus ninth of a second.
const NANOSECONDS: &[u8] = &[9];
const APPLICATION: &[u8] = b"exeat";

/// The most bytes of a comment: the length of an option has 16 bits.
const MOST_COMMENT_BYTES: usize = 60_000;

/// The blocks at the beginning, with a comment on the whole.
pub(super) fn header(comment: &str) -> Vec<u8> {
    let mut section = Vec::new();
    section.extend(BYTE_ORDER.to_le_bytes());
    section.extend([1_u16, 0].map(u16::to_le_bytes).concat());
    // The length of the section is not told.
    section.extend((-1_i64).to_le_bytes());
    let text = cut(comment);
    section.extend(options(&[(COMMENT, text), (SECTION_APPLICATION, APPLICATION)]));
    let mut interface = [RAW_IP, 0].map(u16::to_le_bytes).concat();
    // No limit to the length of packets.
    interface.extend(0_u32.to_le_bytes());
    interface.extend(options(&[(TIME_RESOLUTION, NANOSECONDS)]));
    [block(SECTION, &section), block(INTERFACE, &interface)].concat()
}

/// A packet at so many nanoseconds since 1970, with a comment unless that is empty.
pub(super) fn packet(at: u64, packet: &[u8], comment: &str) -> Vec<u8> {
    let length = length(packet);
    let [h0, h1, h2, h3, t0, t1, t2, t3] = at.to_be_bytes();
    let (high, low) = (u32::from_be_bytes([h0, h1, h2, h3]), u32::from_be_bytes([t0, t1, t2, t3]));
    let mut body = Vec::new();
    for field in [0, high, low, length, length] {
        body.extend(field.to_le_bytes());
    }
    body.extend(padded(packet));
    body.extend(options(&[(COMMENT, cut(comment))]));
    block(PACKET, &body)
}

/// The options that have a value.
fn options(options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut all = Vec::new();
    for (code, value) in options.iter().filter(|(_, value)| !value.is_empty()) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        all.extend([*code, length].map(u16::to_le_bytes).concat());
        all.extend(padded(value));
    }
    if !all.is_empty() {
        all.extend([END_OF_OPTIONS, 0].map(u16::to_le_bytes).concat());
    }
    all
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = length(body).saturating_add(12).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body, &length].concat()
}

/// Packets and comments are limited, so that lengths fit.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// As much of `text` as an option holds.
fn cut(text: &str) -> &[u8] {
    let end = text.floor_char_boundary(MOST_COMMENT_BYTES);
    text.get(..end).unwrap_or_default().as_bytes()
}
