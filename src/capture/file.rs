//! The file formats: which one a capture has, and its packets one after another.

use super::error::CaptureError;
use super::error::Damage;
use super::error::UnreadBlocks;
use super::link::LinkType;
use super::moment::Moment;
use super::pcap;
use super::pcap::Pcap;
use super::pcapng;
use super::pcapng::Pcapng;
use super::wrapper;

/// The longest packet that is accepted; libpcap's own limit for all links that carry IP.
pub(super) const MOST_PACKET_BYTES: u32 = 256 * 1024;

/// The time of packets that have none.
pub(super) const UNTIMED: Moment = Moment::EPOCH;

/// A packet as the file holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) at: Moment,
    /// The interface, numbered through all sections.
    pub(super) interface: u32,
    pub(super) link: LinkType,
    pub(super) data: &'a [u8],
    /// How long the packet was before the snapshot length cut it.
    pub(super) original: u32,
}

/// What the front of the unread bytes is.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// Too short to tell: at least this many bytes are needed.
    More { need: usize },
    /// A record of so many bytes, with or without a packet.
    Taken { length: usize, frame: Option<Frame<'a>> },
    /// A record without interest, of so many bytes, which need not be held.
    Skip { length: u64 },
}

/// A capture whose format is known.
#[derive(Debug)]
pub(super) enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Format {
    /// Recognises the format at the start of a file; gives it and how many bytes were used, or
    /// `None` where more than `bytes` is needed.
    pub(super) fn open(bytes: &[u8]) -> Result<Option<(Format, usize)>, CaptureError> {
        let Some(begins) = bytes.first_chunk::<4>() else {
            return Ok(None);
        };
        if let Some((order, nanoseconds)) = pcap::magic(*begins) {
            let Some(header) = bytes.first_chunk::<{ pcap::HEADER }>() else {
                return Ok(None);
            };
            let pcap = Pcap::header(*header, order, nanoseconds)?;
            return Ok(Some((Format::Pcap(pcap), pcap::HEADER)));
        }
        if *begins == pcapng::SECTION_HEADER_TYPE {
            return Ok(Pcapng::open(bytes)?.map(|pcapng| (Format::Pcapng(pcapng), 0)));
        }
        match compression(*begins) {
            Some(found) => Err(CaptureError::Compression { found }),
            None => Err(CaptureError::UnknownFormat { begins: *begins }),
        }
    }

    /// How many bytes a file that begins so needs before it is a capture.
    pub(super) fn header_length(bytes: &[u8]) -> usize {
        match bytes.first_chunk::<4>() {
            Some(begins) if *begins == pcapng::SECTION_HEADER_TYPE => pcapng::SECTION_HEADER,
            _ => pcap::HEADER,
        }
    }

    /// The link type of the whole file, where the format has one.
    pub(super) fn link(&self) -> Option<LinkType> {
        match self {
            Format::Pcap(pcap) => Some(pcap.link()),
            Format::Pcapng(_) => None,
        }
    }

    /// What was passed over so far.
    pub(super) fn unread(&self) -> UnreadBlocks {
        match self {
            Format::Pcap(_) => UnreadBlocks::default(),
            Format::Pcapng(pcapng) => pcapng.unread(),
        }
    }

    /// Packets that were dropped while the file was written, as it says.
    pub(super) fn dropped(&self) -> u64 {
        match self {
            Format::Pcap(_) => 0,
            Format::Pcapng(pcapng) => pcapng.dropped(),
        }
    }

    /// Looks at the front of the unread bytes.
    #[inline]
    pub(super) fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, Damage> {
        match self {
            Format::Pcap(pcap) => pcap.step(bytes),
            Format::Pcapng(pcapng) => pcapng.step(bytes),
        }
    }
}

/// What a file that begins with `bytes` is, where that is no text: a capture, or something compressed.
///
/// ```
/// assert_eq!(exeat::capture::kind_of_file(&[0xd4, 0xc3, 0xb2, 0xa1]), Some("a capture of packets (pcap)"));
/// assert_eq!(exeat::capture::kind_of_file(b"allow"), None);
/// ```
pub fn kind_of_file(bytes: &[u8]) -> Option<&'static str> {
    let begins = *bytes.first_chunk::<4>()?;
    if begins == pcapng::SECTION_HEADER_TYPE {
        return Some("a capture of packets (pcapng)");
    }
    if pcap::magic(begins).is_some() {
        return Some("a capture of packets (pcap)");
    }
    wrapper::name(begins).or_else(|| compression(begins)).map(|found| match found {
        "a zip archive" => found,
        _ => "a compressed file",
    })
}

/// The name of the compression that a file beginning so has; gzip and Zstandard are undone before.
fn compression(begins: [u8; 4]) -> Option<&'static str> {
    match begins {
        [0xfd, b'7', b'z', b'X'] => Some("xz"),
        [b'B', b'Z', b'h', _] => Some("bzip2"),
        [0x04, 0x22, 0x4d, 0x18] => Some("lz4"),
        [b'P', b'K', 3, 4] => Some("a zip archive"),
        _ => None,
    }
}
