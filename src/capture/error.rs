//! Why a capture cannot be read, and what was left unread in one that can.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::SignedDuration;
use jiff::Timestamp;

use super::link::LinkType;
use super::log::LogFormat;

/// Why nothing can be said about a capture.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// There are no bytes.
    #[error("the capture is empty; expected the file header of a pcap or pcapng capture")]
    Empty,
    /// The file ends before its header does.
    #[error(
        "the capture is cut in its file header: expected {need} bytes, found {have}; copy the \
         file again"
    )]
    CutInHeader {
        /// Bytes that the header has.
        need: u64,
        /// Bytes that there are.
        have: u64,
    },
    /// The file begins as no format that is read here.
    #[error(
        "expected a capture (pcap, pcapng) or a flow log (VNet, NSG, Azure Firewall, Hubble, Zeek, \
         Suricata, AWS), found a file that begins with {}; convert other captures with \
         `editcap -F pcapng`, and give logs as they were written, a table with the line of its columns first",
        Bytes(.begins)
    )]
    UnknownFormat {
        /// The first bytes of the file.
        begins: [u8; 4],
    },
    /// The file is compressed in a way that is not read here.
    #[error(
        "expected a capture, plain or compressed with gzip or Zstandard, found {found}; decompress it first"
    )]
    Compression {
        /// The name of the compression.
        found: &'static str,
    },
    /// The wrapper is damaged before the file header of the capture.
    #[error("the {wrapper} wrapper is damaged before the file header of the capture: {what}")]
    Wrapper {
        /// `gzip` or `Zstandard`.
        wrapper: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A version of the file format that is not read here.
    #[error("expected {format} version {expected}, found {major}.{minor}")]
    Version {
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// The versions that are read.
        expected: &'static str,
        /// The major version found.
        major: u16,
        /// The minor version found.
        minor: u16,
    },
    /// A section header of pcapng that is none.
    #[error("the pcapng section header is damaged at byte {offset}: {what}")]
    SectionHeader {
        /// The position in the (decompressed) file.
        offset: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A log of which no record can be read.
    #[error(
        "expected records of a flow log (VNet, NSG, Azure Firewall, Hubble, Zeek, Suricata, AWS), \
         found {records} that cannot be read, the first at line {line}: {what}"
    )]
    NothingRead {
        /// How many there are.
        records: u64,
        /// The line at which the first begins.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// Flows of Hubble without addresses.
    #[error(
        "expected Hubble flows with addresses, found {records} without: the aggregated logs that AKS \
         stores leave out addresses and names, and nothing can be judged by them; record the flows \
         with `hubble observe --output jsonpb`, or export them without aggregation and field mask"
    )]
    NoAddresses {
        /// How many there are.
        records: u64,
    },
    /// Packets with a link layer that is not read here.
    #[error(
        "packets of link type {link} are not supported; capture on an Ethernet, cooked or raw IP \
         interface"
    )]
    LinkType {
        /// The link type.
        link: LinkType,
    },
}

/// Bytes as they are shown in messages.
struct Bytes<'a>(&'a [u8]);

impl std::fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.0.escape_ascii())
    }
}

/// Where a capture that could be read at first can be read no further.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Truncation {
    /// The position in the (decompressed) file where the unreadable record begins.
    pub offset: u64,
    /// What is wrong there.
    pub what: Damage,
}

/// What is wrong with a record.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file ends inside it.
    #[error("the file ends inside a record: expected {need} bytes, found {have}")]
    Cut {
        /// Bytes that the record has, as far as that is known.
        need: u64,
        /// Bytes that there are.
        have: u64,
    },
    /// A record that claims more bytes than any packet has.
    #[error("a record claims {length} bytes, more than the {most} of the longest packet")]
    TooLong {
        /// The claim.
        length: u64,
        /// What is accepted.
        most: u64,
    },
    /// A pcapng block that contradicts itself.
    #[error("a block of type {kind:#010x} contradicts itself: {what}")]
    Block {
        /// The type of the block.
        kind: u32,
        /// What does not fit.
        what: &'static str,
    },
    /// A block that refers to an interface that was not described.
    #[error("a packet names interface {interface}, but the section describes {described}")]
    Interface {
        /// The number that the packet names.
        interface: u32,
        /// How many interfaces the section describes.
        described: usize,
    },
    /// The wrapper does not decompress.
    #[error("the {wrapper} wrapper is damaged: {what}")]
    Wrapper {
        /// `gzip` or `Zstandard`.
        wrapper: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A log ends inside a record, or inside what is around records.
    #[error("the log ends inside a record that begins at line {line}")]
    CutRecord {
        /// The line.
        line: u64,
    },
}

/// A limit of this reader that a capture ran into. What lies beyond it was not looked at.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Limit {
    /// Flows followed at a time; the one idle for longest was ended early.
    Flows,
    /// Bytes held of all flows together: what waits for a name, and what was asked.
    HeldBytes,
    /// Openings kept of one flow.
    Openings,
    /// Datagrams of which fragments are held at a time.
    FragmentedDatagrams,
    /// Interfaces told apart when copies of packets are looked for.
    Vantages,
}

impl Limit {
    /// What the limit meant for the flows, for a warning.
    pub fn describe(self) -> &'static str {
        match self {
            Limit::Flows => {
                "more flows were open at a time than are followed: the oldest were ended early, and what they went on with may count as flows of its own"
            }
            Limit::HeldBytes => {
                "more bytes had to be held than are: the oldest flows were ended early, and what they went on with may count as flows of its own; those that held most are read no further"
            }
            Limit::Openings => {
                "a flow made more requests than are kept: of the further ones each new name and port is looked at, and where rules or the list look at paths, anything may have been asked"
            }
            Limit::FragmentedDatagrams => {
                "more datagrams were in fragments at a time than are held: some were passed over"
            }
            Limit::Vantages => {
                "more interfaces were captured on than are told apart: copies of one packet may count twice"
            }
        }
    }
}

/// Records of a log that could not be read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Unreadable {
    /// How many there are.
    pub records: u64,
    /// The lines at which the first of them begin, from 1.
    pub lines: Vec<u64>,
    /// What is wrong with the first.
    pub first: Option<String>,
}

/// Datagrams from one address to another that were never complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LostResponses {
    /// When the first of them was seen.
    pub since: Timestamp,
    /// Whether one of them is known to come from the port of DNS. Only the first fragment has the port.
    pub from_dns_port: bool,
}

/// Blocks of a pcapng file that could say something of its flows, and are not read
/// (`flow-inputs.md §3`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UnreadBlocks {
    /// Those with keys to what was encrypted.
    pub secrets: u64,
    /// Those with the names that whoever captured or looked at it had for addresses.
    pub names: u64,
}

/// Where the times of packets go back further than packets that waited in buffers do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StepsBack {
    /// How often.
    pub number: u64,
    /// The time before the first one.
    pub first: Timestamp,
    /// How far that one goes back, in whole milliseconds.
    pub by: SignedDuration,
}

/// What a capture held besides its flows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Packets in the file, whatever they hold; of a log its records.
    pub frames: u64,
    /// IP datagrams among them that count in some flow.
    pub packets: u64,
    /// Packets that hold no IP, such as ARP.
    pub non_ip: u64,
    /// IP fragments whose datagram was never complete.
    pub lone_fragments: u64,
    /// The datagrams of UDP among them that may be responses of DNS, by source and destination.
    pub lost_responses: BTreeMap<(IpAddr, IpAddr), LostResponses>,
    /// Packets seen again on another interface or side of this host, and not counted.
    pub copies: u64,
    /// Packets with a header that is cut or contradicts itself, by layer.
    pub malformed: BTreeMap<&'static str, u64>,
    /// The link types of the interfaces.
    pub link_types: BTreeSet<LinkType>,
    /// Where the capture could be read no further, if not to its end.
    pub truncated: Option<Truncation>,
    /// Where its clock was set back.
    pub steps_back: Option<StepsBack>,
    /// What else of it was not read.
    pub unread: UnreadBlocks,
    /// Packets that were dropped while it was taken, as it says itself.
    pub dropped: u64,
    /// The limits that the capture ran into.
    pub limits: BTreeSet<Limit>,
    /// The formats of the records of a log; none of a capture of packets.
    pub logs: BTreeSet<LogFormat>,
    /// Records of a log that tell of no flow: events of other kinds, replies, headers.
    pub passed_over: u64,
    /// Records of a log that could not be read.
    pub unreadable: Unreadable,
}
