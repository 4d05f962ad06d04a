//! Link types: how the packets of an interface begin.

use std::fmt;

/// A link type of pcap and pcapng (`LINKTYPE_…`).
///
/// Every value can occur in a file, so this is a number with names and no enumeration.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: the address family in the byte order of the host.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// Bare IP as some systems write it to files.
    pub const RAW_BSD: LinkType = LinkType(12);
    /// Bare IP as OpenBSD writes it to files.
    pub const RAW_OPENBSD: LinkType = LinkType(14);
    /// Bare IP, told apart by its version.
    pub const RAW: LinkType = LinkType(101);
    /// OpenBSD loopback: the address family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux cooked, version 1 (`-i any`).
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// Bare IPv4.
    pub const IPV4: LinkType = LinkType(228);
    /// Bare IPv6.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux netfilter log.
    pub const NFLOG: LinkType = LinkType(239);
    /// Linux cooked, version 2.
    pub const LINUX_SLL2: LinkType = LinkType(276);

    /// The name in the registry, where this program knows it.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(number, ..)| *number == self.0).map(|(_, name, _)| *name)
    }

    /// Whether packets of this type are read.
    #[inline]
    pub fn is_supported(self) -> bool {
        NAMES.iter().any(|(number, _, supported)| *number == self.0 && *supported)
    }
}

/// Number, name, and whether it is read.
const NAMES: &[(u16, &str, bool)] = &[
    (0, "NULL", true),
    (1, "ETHERNET", true),
    (6, "IEEE802_5", false),
    (8, "SLIP", false),
    (9, "PPP", false),
    (12, "RAW", true),
    (14, "RAW", true),
    (50, "PPP_HDLC", false),
    (51, "PPP_ETHER", false),
    (101, "RAW", true),
    (104, "C_HDLC", false),
    (105, "IEEE802_11", false),
    (107, "FRELAY", false),
    (108, "LOOP", true),
    (113, "LINUX_SLL", true),
    (117, "PFLOG", false),
    (127, "IEEE802_11_RADIOTAP", false),
    (147, "USER0", false),
    (189, "USB_LINUX", false),
    (195, "IEEE802_15_4_WITHFCS", false),
    (220, "USB_LINUX_MMAPPED", false),
    (228, "IPV4", true),
    (229, "IPV6", true),
    (239, "NFLOG", true),
    (249, "USBPCAP", false),
    (258, "PKTAP", false),
    (276, "LINUX_SLL2", true),
];

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}
