//! Classic pcap files (`flow-inputs.md §2`).

use super::error::CaptureError;
use super::error::Damage;
use super::file::Frame;
use super::file::MOST_PACKET_BYTES;
use super::file::Step;
use super::link::LinkType;
use super::moment::Moment;

/// Length of the file header.
pub(super) const HEADER: usize = 24;
/// Length of the header of each record.
const RECORD_HEADER: usize = 16;

/// The byte order of a file or section.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    Big,
    Little,
}

impl Order {
    #[inline]
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Order::Big => u16::from_be_bytes(bytes),
            Order::Little => u16::from_le_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Order::Big => u32::from_be_bytes(bytes),
            Order::Little => u32::from_le_bytes(bytes),
        }
    }

    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Order::Big => u64::from_be_bytes(bytes),
            Order::Little => u64::from_le_bytes(bytes),
        }
    }

    pub(super) fn i64(self, bytes: [u8; 8]) -> i64 {
        match self {
            Order::Big => i64::from_be_bytes(bytes),
            Order::Little => i64::from_le_bytes(bytes),
        }
    }
}

/// What the file header says about all records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Pcap {
    order: Order,
    nanoseconds: bool,
    link: LinkType,
}

/// Whether a file that begins so is a pcap file, and how its numbers are written.
pub(super) fn magic(begins: [u8; 4]) -> Option<(Order, bool)> {
    match begins {
        [0xd4, 0xc3, 0xb2, 0xa1] => Some((Order::Little, false)),
        [0xa1, 0xb2, 0xc3, 0xd4] => Some((Order::Big, false)),
        [0x4d, 0x3c, 0xb2, 0xa1] => Some((Order::Little, true)),
        [0xa1, 0xb2, 0x3c, 0x4d] => Some((Order::Big, true)),
        _ => None,
    }
}

impl Pcap {
    /// Reads a file header whose magic was recognised.
    pub(super) fn header(
        header: [u8; HEADER],
        order: Order,
        nanoseconds: bool,
    ) -> Result<Pcap, CaptureError> {
        let [_, _, _, _, j0, j1, n0, n1, _, _, _, _, _, _, _, _, _, _, _, _, l0, l1, l2, l3] =
            header;
        let (major, minor) = (order.u16([j0, j1]), order.u16([n0, n1]));
        if major != 2 {
            return Err(CaptureError::Version { format: "pcap", expected: "2.4", major, minor });
        }
        // The upper half of the word tells of frame check sequences, which the lengths of IP
        // make harmless.
        let [_, _, l2, l3] = order.u32([l0, l1, l2, l3]).to_be_bytes();
        let link = LinkType(u16::from_be_bytes([l2, l3]));
        if !link.is_supported() {
            return Err(CaptureError::LinkType { link });
        }
        Ok(Pcap { order, nanoseconds, link })
    }

    pub(super) fn link(self) -> LinkType {
        self.link
    }

    /// Takes the next record off the front of `bytes`.
    #[inline]
    pub(super) fn step(self, bytes: &[u8]) -> Result<Step<'_>, Damage> {
        let Some((header, rest)) = bytes.split_first_chunk::<RECORD_HEADER>() else {
            return Ok(Step::More { need: RECORD_HEADER });
        };
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, o0, o1, o2, o3] = *header;
        let captured = self.order.u32([c0, c1, c2, c3]);
        let original = self.order.u32([o0, o1, o2, o3]);
        if captured > MOST_PACKET_BYTES {
            return Err(Damage::TooLong {
                length: captured.into(),
                most: MOST_PACKET_BYTES.into(),
            });
        }
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        let length = RECORD_HEADER + captured;
        let Some(data) = rest.get(..captured) else {
            return Ok(Step::More { need: length });
        };
        let seconds = self.order.u32([s0, s1, s2, s3]);
        let fraction = self.order.u32([f0, f1, f2, f3]);
        Ok(Step::Taken { length, frame: Some(self.frame(seconds, fraction, data, original)) })
    }

    #[inline]
    fn frame(self, seconds: u32, fraction: u32, data: &[u8], original: u32) -> Frame<'_> {
        Frame { at: self.at(seconds, fraction), interface: 0, link: self.link, data, original }
    }

    #[inline]
    fn at(self, seconds: u32, fraction: u32) -> Moment {
        // A damaged fraction may be more than a second.
        let nanoseconds = u64::from(fraction) * if self.nanoseconds { 1 } else { 1000 };
        Moment::new(seconds.into(), nanoseconds)
    }
}
