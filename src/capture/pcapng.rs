//! pcapng files (`flow-inputs.md §3`).

use super::error::CaptureError;
use super::error::Damage;
use super::error::UnreadBlocks;
use super::file::Frame;
use super::file::MOST_PACKET_BYTES;
use super::file::Step;
use super::file::UNTIMED;
use super::link::LinkType;
use super::moment::Moment;
use super::pcap::Order;

/// The type of a section header, the same in both byte orders.
pub(super) const SECTION_HEADER_TYPE: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// The least length of a section header block.
pub(super) const SECTION_HEADER: usize = 28;
/// The longest block that is held whole: a packet with a generous share of options.
const MOST_BLOCK_BYTES: u32 = MOST_PACKET_BYTES + 64 * 1024;
/// The longest block of counters that is read; real ones have some hundred bytes.
const MOST_STATISTICS_BYTES: u32 = 64 * 1024;
/// The most interfaces that a section may describe; real files have a handful.
const MOST_INTERFACES: usize = 4096;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAME_RESOLUTION: u32 = 4;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;

/// What the current section says about its packets.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// How many interfaces the sections before this one described.
    before: u32,
    unread: UnreadBlocks,
    /// Packets that interfaces of the sections before this one dropped.
    dropped_before: u64,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snapshot_length: u32,
    resolution: Resolution,
    /// Seconds to add to each timestamp.
    offset: i64,
    /// Packets that it had dropped when that was last told, and those that the operating system had.
    dropped: [u64; 2],
    /// The same, as was told with each packet of those that were lost before it.
    dropped_between: u64,
}

/// Units of timestamps in a second, as a power of 10 or of 2 (`if_tsresol`).
#[derive(Clone, Copy, Debug)]
enum Resolution {
    Decimal(u32),
    Binary(u32),
}

impl Interface {
    /// Packets that were dropped, however it was told: some programs tell it in both ways.
    fn dropped(&self) -> u64 {
        let [by_interface, by_system] = self.dropped;
        by_interface.saturating_add(by_system).max(self.dropped_between)
    }

    fn at(&self, units: u64) -> Moment {
        // What nearly all files have, without long division.
        match (self.resolution, self.offset) {
            (Resolution::Decimal(6), 0) => Moment::new(units / 1_000_000, units % 1_000_000 * 1000),
            (Resolution::Decimal(9), 0) => {
                Moment::new(units / 1_000_000_000, units % 1_000_000_000)
            }
            (resolution, offset) => {
                let offset = i128::from(offset) * 1_000_000_000;
                Moment::of_nanoseconds(resolution.nanoseconds(units).saturating_add(offset))
            }
        }
    }
}

impl Resolution {
    fn nanoseconds(self, units: u64) -> i128 {
        let units = i128::from(units);
        match self {
            Resolution::Decimal(digits @ 0..=9) => units * 10_i128.pow(9 - digits),
            // Finer than what is left of 2^64 units after so many digits is zero.
            Resolution::Decimal(digits) => match 10_i128.checked_pow(digits - 9) {
                Some(divisor) => units / divisor,
                None => 0,
            },
            Resolution::Binary(bits) => (units * 1_000_000_000) >> bits.min(127),
        }
    }
}

impl Pcapng {
    /// Reads the start of the first section; the block itself is taken by [`Pcapng::step`].
    pub(super) fn open(bytes: &[u8]) -> Result<Option<Pcapng>, CaptureError> {
        if bytes.len() < SECTION_HEADER {
            return Ok(None);
        }
        let header = section_header(bytes)
            .map_err(|what| CaptureError::SectionHeader { offset: 0, what: what.to_owned() })?;
        let Section { order, major, minor } = header;
        if !header.is_readable() {
            return Err(CaptureError::Version { format: "pcapng", expected: "1.0", major, minor });
        }
        Ok(Some(Pcapng {
            order,
            interfaces: Vec::new(),
            before: 0,
            unread: UnreadBlocks::default(),
            dropped_before: 0,
        }))
    }

    /// Packets that were dropped, as far as was told.
    pub(super) fn dropped(&self) -> u64 {
        let own = self.interfaces.iter().map(Interface::dropped);
        own.fold(self.dropped_before, u64::saturating_add)
    }

    /// What was passed over so far.
    pub(super) fn unread(&self) -> UnreadBlocks {
        self.unread
    }

    /// Takes the next block off the front of `bytes`.
    pub(super) fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, Damage> {
        let Some([kind @ .., l0, l1, l2, l3]) = bytes.first_chunk::<8>() else {
            return Ok(Step::More { need: 8 });
        };
        let [k0, k1, k2, k3] = *kind;
        let begins_section = [k0, k1, k2, k3] == SECTION_HEADER_TYPE;
        if begins_section && bytes.len() < SECTION_HEADER {
            return Ok(Step::More { need: SECTION_HEADER });
        }
        if begins_section {
            let found =
                section_header(bytes).map_err(|what| Damage::Block { kind: SECTION, what })?;
            if !found.is_readable() {
                return Err(Damage::Block { kind: SECTION, what: "its version is not 1.0" });
            }
            self.order = found.order;
            let described = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
            self.before = self.before.saturating_add(described);
            self.dropped_before = self.dropped();
            self.interfaces.clear();
        }
        let kind = self.order.u32([k0, k1, k2, k3]);
        let length = self.order.u32([*l0, *l1, *l2, *l3]);
        if length < 12 || !length.is_multiple_of(4) {
            return Err(Damage::Block { kind, what: "its length is no multiple of 4 from 12 on" });
        }
        let of_interest = match kind {
            INTERFACE | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET => true,
            // Counters are not worth giving up what follows them.
            INTERFACE_STATISTICS => length <= MOST_STATISTICS_BYTES,
            _ => false,
        };
        if !of_interest {
            match kind {
                DECRYPTION_SECRETS => self.unread.secrets += 1,
                NAME_RESOLUTION => self.unread.names += 1,
                _ => {}
            }
            return Ok(Step::Skip { length: length.into() });
        }
        if length > MOST_BLOCK_BYTES {
            return Err(Damage::TooLong { length: length.into(), most: MOST_BLOCK_BYTES.into() });
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some((block, _)) = bytes.split_at_checked(length) else {
            return Ok(Step::More { need: length });
        };
        if kind == INTERFACE_STATISTICS {
            self.count_dropped(block);
            return Ok(Step::Taken { length, frame: None });
        }
        let body = self.body(kind, block)?;
        let frame = match kind {
            INTERFACE => {
                self.describe(body)?;
                None
            }
            OBSOLETE_PACKET => Some(self.obsolete_packet(body)?),
            SIMPLE_PACKET => Some(self.simple_packet(body)?),
            _ => Some(self.enhanced_packet(body)?),
        };
        Ok(Step::Taken { length, frame })
    }

    /// What lies between the two lengths of a block.
    fn body<'a>(&self, kind: u32, block: &'a [u8]) -> Result<&'a [u8], Damage> {
        let cut = || Damage::Block { kind, what: "it is too short" };
        let (_, rest) = block.split_at_checked(8).ok_or_else(cut)?;
        let (body, last) = rest.split_last_chunk::<4>().ok_or_else(cut)?;
        if usize::try_from(self.order.u32(*last)) != Ok(block.len()) {
            return Err(Damage::Block { kind, what: "its two lengths differ" });
        }
        Ok(body)
    }

    fn describe(&mut self, body: &[u8]) -> Result<(), Damage> {
        let short = Damage::Block { kind: INTERFACE, what: "it is too short" };
        let Some(([l0, l1, _, _, snapshot @ ..], options)) = body.split_first_chunk::<8>() else {
            return Err(short);
        };
        let [s0, s1, s2, s3] = *snapshot;
        if self.interfaces.len() >= MOST_INTERFACES {
            return Err(Damage::Block { kind: INTERFACE, what: "the section has too many" });
        }
        let mut interface = Interface {
            link: LinkType(self.order.u16([*l0, *l1])),
            snapshot_length: self.order.u32([s0, s1, s2, s3]),
            resolution: Resolution::Decimal(6),
            offset: 0,
            dropped: [0; 2],
            dropped_between: 0,
        };
        let options = Options { order: self.order, rest: options };
        for (code, value) in options {
            match (code, value) {
                (IF_TSRESOL, [resolution, ..]) => {
                    let exponent = u32::from(resolution & 0x7f);
                    interface.resolution = match resolution & 0x80 {
                        0 => Resolution::Decimal(exponent),
                        _ => Resolution::Binary(exponent),
                    };
                }
                (IF_TSOFFSET, value) => {
                    if let Some(seconds) = value.first_chunk::<8>() {
                        interface.offset = self.order.i64(*seconds);
                    }
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// Reads how many packets an interface had dropped so far. A block that does not say it says
    /// nothing.
    fn count_dropped(&mut self, block: &[u8]) {
        let body = self.body(INTERFACE_STATISTICS, block).unwrap_or_default();
        let Some(([i0, i1, i2, i3, _time @ ..], options)) = body.split_first_chunk::<12>() else {
            return;
        };
        let number = self.order.u32([*i0, *i1, *i2, *i3]);
        let order = self.order;
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(interface) = self.interfaces.get_mut(index) else { return };
        let [by_interface, by_system] = &mut interface.dropped;
        for (code, value) in (Options { order, rest: options }) {
            let counter = match code {
                ISB_IFDROP => &mut *by_interface,
                ISB_OSDROP => &mut *by_system,
                _ => continue,
            };
            if let Some(count) = value.first_chunk::<8>() {
                *counter = order.u64(*count).max(*counter);
            }
        }
    }

    fn interface(&self, number: u32) -> Result<&Interface, Damage> {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let described = self.interfaces.len();
        self.interfaces.get(index).ok_or(Damage::Interface { interface: number, described })
    }

    fn enhanced_packet<'a>(&mut self, body: &'a [u8]) -> Result<Frame<'a>, Damage> {
        let short = Damage::Block { kind: ENHANCED_PACKET, what: "it is too short" };
        let Some((header, rest)) = body.split_first_chunk::<20>() else {
            return Err(short);
        };
        let [i0, i1, i2, i3, times @ ..] = *header;
        let number = self.order.u32([i0, i1, i2, i3]);
        let frame = self.timed_packet(ENHANCED_PACKET, number, times, rest)?;
        // Most packets have no options.
        if let Some(rest @ [_, ..]) = rest.get(frame.data.len().next_multiple_of(4)..) {
            let order = self.order;
            let mut options = Options { order, rest };
            let told = options.find(|(code, _)| *code == EPB_DROPCOUNT);
            if let Some(count) = told.and_then(|(_, value)| value.first_chunk::<8>()) {
                self.lose(number, order.u64(*count));
            }
        }
        Ok(frame)
    }

    /// Notes that `count` packets of an interface were lost before one of its packets.
    fn lose(&mut self, interface: u32, count: u64) {
        let index = usize::try_from(interface).unwrap_or(usize::MAX);
        if let Some(interface) = self.interfaces.get_mut(index) {
            interface.dropped_between = interface.dropped_between.saturating_add(count);
        }
    }

    fn obsolete_packet<'a>(&mut self, body: &'a [u8]) -> Result<Frame<'a>, Damage> {
        let short = Damage::Block { kind: OBSOLETE_PACKET, what: "it is too short" };
        let Some((header, rest)) = body.split_first_chunk::<20>() else {
            return Err(short);
        };
        let [i0, i1, d0, d1, times @ ..] = *header;
        let number = u32::from(self.order.u16([i0, i1]));
        let frame = self.timed_packet(OBSOLETE_PACKET, number, times, rest)?;
        match self.order.u16([d0, d1]) {
            0 | UNKNOWN_DROPS => {}
            count => self.lose(number, count.into()),
        }
        Ok(frame)
    }

    /// The part that the enhanced and the obsolete packet block share: time, lengths, data.
    fn timed_packet<'a>(
        &self,
        kind: u32,
        number: u32,
        [h0, h1, h2, h3, t0, t1, t2, t3, c0, c1, c2, c3, o0, o1, o2, o3]: [u8; 16],
        rest: &'a [u8],
    ) -> Result<Frame<'a>, Damage> {
        let interface = self.interface(number)?;
        let high = u64::from(self.order.u32([h0, h1, h2, h3]));
        let low = u64::from(self.order.u32([t0, t1, t2, t3]));
        let captured = self.order.u32([c0, c1, c2, c3]);
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        let Some(data) = rest.get(..captured) else {
            return Err(Damage::Block { kind, what: "its packet is longer than the block" });
        };
        Ok(Frame {
            at: interface.at(high << 32 | low),
            interface: self.before.saturating_add(number),
            link: interface.link,
            data,
            original: self.order.u32([o0, o1, o2, o3]),
        })
    }

    fn simple_packet<'a>(&self, body: &'a [u8]) -> Result<Frame<'a>, Damage> {
        let short = Damage::Block { kind: SIMPLE_PACKET, what: "it is too short" };
        let Some((original, data)) = body.split_first_chunk::<4>() else {
            return Err(short);
        };
        let interface = self.interface(0)?;
        let original = self.order.u32(*original);
        let captured = match interface.snapshot_length {
            0 => original,
            snapshot => original.min(snapshot),
        };
        // The data is padded to a multiple of 4, so the block may hold more than the packet.
        let captured = usize::try_from(captured).unwrap_or(usize::MAX).min(data.len());
        Ok(Frame {
            at: UNTIMED,
            interface: self.before,
            link: interface.link,
            data: data.get(..captured).unwrap_or(data),
            original,
        })
    }
}

const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const EPB_DROPCOUNT: u16 = 4;
/// What an obsolete packet block says where its writer did not know.
const UNKNOWN_DROPS: u16 = u16::MAX;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// The options at the end of a block, up to the end mark or the first that does not fit.
struct Options<'a> {
    order: Order,
    rest: &'a [u8],
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let ([c0, c1, l0, l1], rest) = self.rest.split_first_chunk::<4>()?;
        let code = self.order.u16([*c0, *c1]);
        let length = usize::from(self.order.u16([*l0, *l1]));
        if code == 0 {
            return None;
        }
        let value = rest.get(..length)?;
        self.rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}

struct Section {
    order: Order,
    major: u16,
    minor: u16,
}

impl Section {
    /// Minor version 2 was written by some programs and means 0.
    fn is_readable(&self) -> bool {
        self.major == 1 && matches!(self.minor, 0 | 2)
    }
}

fn section_header(bytes: &[u8]) -> Result<Section, &'static str> {
    let Some([_, _, _, _, l0, l1, l2, l3, b0, b1, b2, b3, j0, j1, n0, n1]) =
        bytes.first_chunk::<16>()
    else {
        return Err("it is too short");
    };
    let order = match [*b0, *b1, *b2, *b3] {
        [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
        [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
        _ => return Err("its byte-order magic is unknown"),
    };
    let length = order.u32([*l0, *l1, *l2, *l3]);
    if length < 28 || !length.is_multiple_of(4) {
        return Err("its length is no multiple of 4 from 28 on");
    }
    Ok(Section { order, major: order.u16([*j0, *j1]), minor: order.u16([*n0, *n1]) })
}
