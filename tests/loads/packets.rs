//! Packets, and captures of them, written as they are made.

use std::io;
use std::io::Write;

/// What a load is written to: the standard input of the program.
pub(crate) type Out<'a> = &'a mut dyn Write;

/// Ethernet, of both file formats.
const ETHERNET: u32 = 1;
/// The second at which captures begin.
const BEGINS: u64 = 1_772_359_200;
/// The resolver of the list that flows are judged by, and one of its machines.
pub(crate) const RESOLVER: u32 = 0x0a00_0104;
pub(crate) const MACHINE: u32 = 0x0a01_0804;
/// An address for documentation (RFC 5737).
pub(crate) const SERVER: u32 = 0xcb00_7128;

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;

/// Writes a pcap.
pub(crate) struct Pcap<'a> {
    out: Out<'a>,
    packet: Vec<u8>,
    /// In microseconds.
    now: u64,
    step: u64,
}

impl<'a> Pcap<'a> {
    /// One whose packets are `step` microseconds apart.
    pub(crate) fn new(out: Out<'a>, step: u64) -> io::Result<Pcap<'a>> {
        out.write_all(&header())?;
        Ok(Pcap { out, packet: Vec::new(), now: 0, step })
    }

    /// A packet of IPv4 with this payload.
    pub(crate) fn ipv4(&mut self, ends: [u32; 2], protocol: u8, payload: &[u8]) -> io::Result<()> {
        self.fragment_of_ipv4(ends, protocol, (0, 0), payload)
    }

    /// A fragment of IPv4: identification, and the field of flags and offset.
    pub(crate) fn fragment_of_ipv4(
        &mut self,
        [source, destination]: [u32; 2],
        protocol: u8,
        (identification, field): (u16, u16),
        payload: &[u8],
    ) -> io::Result<()> {
        let length = u16::try_from(20 + payload.len()).expect("a packet of IPv4");
        self.packet.clear();
        self.packet.extend_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0]);
        self.packet.extend_from_slice(&length.to_be_bytes());
        self.packet.extend_from_slice(&identification.to_be_bytes());
        self.packet.extend_from_slice(&field.to_be_bytes());
        self.packet.extend_from_slice(&[64, protocol, 0, 0]);
        self.packet.extend_from_slice(&source.to_be_bytes());
        self.packet.extend_from_slice(&destination.to_be_bytes());
        self.packet.extend_from_slice(payload);
        self.write()
    }

    /// A fragment of IPv6 between two hosts of which one has this number: identification, and the
    /// field of offset and flag.
    pub(crate) fn fragment_of_ipv6(
        &mut self,
        host: u32,
        protocol: u8,
        (identification, field): (u32, u16),
        payload: &[u8],
    ) -> io::Result<()> {
        let length = u16::try_from(8 + payload.len()).expect("a packet of IPv6");
        self.packet.clear();
        self.packet.extend_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd]);
        self.packet.extend_from_slice(&[0x60, 0, 0, 0]);
        self.packet.extend_from_slice(&length.to_be_bytes());
        self.packet.extend_from_slice(&[44, 64]);
        for host in [host, 1] {
            self.packet.extend_from_slice(&[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
            self.packet.extend_from_slice(&host.to_be_bytes());
        }
        self.packet.extend_from_slice(&[protocol, 0]);
        self.packet.extend_from_slice(&field.to_be_bytes());
        self.packet.extend_from_slice(&identification.to_be_bytes());
        self.packet.extend_from_slice(payload);
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.packet.len()).expect("a packet");
        self.out.write_all(&record(self.now, length))?;
        self.out.write_all(&self.packet)?;
        self.now += self.step;
        Ok(())
    }
}

/// The file header of a pcap.
pub(crate) fn header() -> [u8; 24] {
    let mut header = [0; 24];
    header[..8].copy_from_slice(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]);
    header[16..20].copy_from_slice(&0x0004_0000_u32.to_le_bytes());
    header[20..].copy_from_slice(&ETHERNET.to_le_bytes());
    header
}

fn record(now: u64, length: u32) -> [u8; 16] {
    let mut record = [0; 16];
    let seconds = u32::try_from(BEGINS + now / 1_000_000).expect("a time before 2106");
    let microseconds = u32::try_from(now % 1_000_000).expect("less than a million");
    for (place, field) in [seconds, microseconds, length, length].into_iter().enumerate() {
        record[4 * place..4 * place + 4].copy_from_slice(&field.to_le_bytes());
    }
    record
}

/// A segment of TCP without options.
pub(crate) fn segment(ports: [u16; 2], sequence: u32, flags: u8, data: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(20 + data.len());
    for port in ports {
        segment.extend_from_slice(&port.to_be_bytes());
    }
    segment.extend_from_slice(&sequence.to_be_bytes());
    let acknowledged = u32::from(flags & ACK != 0);
    segment.extend_from_slice(&acknowledged.to_be_bytes());
    segment.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend_from_slice(data);
    segment
}

/// A datagram of UDP.
pub(crate) fn datagram(ports: [u16; 2], data: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(8 + data.len());
    for port in ports {
        datagram.extend_from_slice(&port.to_be_bytes());
    }
    let length = u16::try_from(8 + data.len()).expect("a datagram of UDP");
    datagram.extend_from_slice(&length.to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(data);
    datagram
}

/// A block of pcapng.
pub(crate) fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(12 + body.len()).expect("a block").to_le_bytes();
    [&kind.to_le_bytes(), &length[..], body, &length].concat()
}

/// The header of a section of pcapng, its length unknown.
pub(crate) fn section() -> Vec<u8> {
    block(
        0x0a0d_0d0a,
        &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255],
    )
}

/// An interface of pcapng.
pub(crate) fn interface() -> Vec<u8> {
    block(1, &[1, 0, 0, 0, 0, 0, 4, 0])
}

/// A packet of pcapng that was captured on interface `number`.
pub(crate) fn enhanced(number: u32, packet: &[u8]) -> Vec<u8> {
    let length = u32::try_from(packet.len()).expect("a packet").to_le_bytes();
    let padding = vec![0; packet.len().next_multiple_of(4) - packet.len()];
    let time = [0; 8];
    block(6, &[&number.to_le_bytes(), &time[..], &length, &length, packet, &padding].concat())
}
