//! Numbers of variable length (RFC 9000 §16).

/// Takes a number off the front of `bytes`: the number and what follows it, or `None` where the
/// bytes end inside it.
#[inline]
pub fn read(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let length = 1_usize << (first >> 6);
    let (number, rest) = bytes.split_at_checked(length)?;
    let value = number.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    // The two bits that tell the length are no part of the number.
    let bits = length * 8 - 2;
    Some((value & ((1 << bits) - 1), rest))
}

/// Writes `number` behind `bytes`, in as few bytes as it needs. Numbers above 2^62 - 1 have no form
/// and are written as that.
pub fn write(number: u64, bytes: &mut Vec<u8>) {
    const MOST: u64 = (1 << 62) - 1;
    let number = number.min(MOST);
    let (length, prefix) = match number {
        0..=0x3f => (1, 0_u8),
        0x40..=0x3fff => (2, 0x40),
        0x4000..=0x3fff_ffff => (4, 0x80),
        _ => (8, 0xc0),
    };
    let start = bytes.len();
    bytes.extend(number.to_be_bytes().into_iter().skip(8 - length));
    if let Some(first) = bytes.get_mut(start) {
        *first |= prefix;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // RFC 9000 §A.1.
        let eight = [0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c];
        assert_eq!(read(&eight), Some((151_288_809_941_952_652, &[][..])));
        assert_eq!(read(&[0x9d, 0x7f, 0x3e, 0x7d]), Some((494_878_333, &[][..])));
        assert_eq!(read(&[0x7b, 0xbd, 1]), Some((15_293, &[1][..])));
        assert_eq!(read(&[0x25]), Some((37, &[][..])));
        assert_eq!(read(&[0x40, 0x25]), Some((37, &[][..])));
        assert_eq!(read(&[0x40]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn what_is_written_is_read_back() {
        for number in [0, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, (1 << 62) - 1] {
            let mut bytes = Vec::new();
            write(number, &mut bytes);
            assert_eq!(read(&bytes), Some((number, &[][..])));
        }
    }
}
