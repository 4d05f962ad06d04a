//! Captures written by hand: packets, and the files around them.

use std::net::Ipv4Addr;

/// An endpoint, as `10.0.0.4:50000`.
#[derive(Clone, Copy, Debug)]
pub(super) struct End(pub(super) [u8; 4], pub(super) u16);

pub(super) const CLIENT: End = End([10, 0, 0, 4], 50_000);
pub(super) const SERVER: End = End([203, 0, 113, 7], 443);
pub(super) const WEB: End = End([203, 0, 113, 7], 80);
pub(super) const SQL: End = End([203, 0, 113, 9], 1433);
pub(super) const NODE: End = End([10, 1, 0, 5], 61_000);

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const ACK: u8 = 0x10;
pub(super) const RST: u8 = 0x04;

/// A TCP segment in an IPv4 datagram.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) flags: u8,
    pub(super) sequence: u32,
    pub(super) acknowledgment: u32,
    pub(super) identification: u16,
    pub(super) payload: Vec<u8>,
}

impl Segment {
    pub(super) fn new(from: End, to: End, flags: u8, sequence: u32, payload: &[u8]) -> Segment {
        let identification = u16::try_from(sequence & 0xffff).unwrap();
        let payload = payload.to_vec();
        Segment { from, to, flags, sequence, acknowledgment: 1, identification, payload }
    }

    pub(super) fn answering(self, acknowledgment: u32) -> Segment {
        Segment { acknowledgment, ..self }
    }

    pub(super) fn packet(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.from.1.to_be_bytes());
        bytes.extend(self.to.1.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledgment.to_be_bytes());
        bytes.extend([0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend(&self.payload);
        ipv4(self.from, self.to, 6, self.identification, &bytes)
    }
}

pub(super) fn udp(from: End, to: End, identification: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(from.1.to_be_bytes());
    bytes.extend(to.1.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    ipv4(from, to, 17, identification, &bytes)
}

pub(super) fn ipv4(
    from: End,
    to: End,
    protocol: u8,
    identification: u16,
    payload: &[u8],
) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap();
    let mut bytes = vec![0x45, 0];
    bytes.extend(length.to_be_bytes());
    bytes.extend(identification.to_be_bytes());
    bytes.extend([0x40, 0, 64, protocol, 0, 0]);
    bytes.extend(from.0);
    bytes.extend(to.0);
    bytes.extend(payload);
    bytes
}

/// Cuts an IPv4 datagram in two fragments after `at` bytes of its payload, a multiple of 8.
pub(super) fn fragments(packet: &[u8], at: usize) -> [Vec<u8>; 2] {
    let part = |payload: &[u8], field: u16| {
        let mut bytes = packet[..20].to_vec();
        bytes[2..4].copy_from_slice(&u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
        bytes[6..8].copy_from_slice(&field.to_be_bytes());
        bytes.extend(payload);
        bytes
    };
    let payload = &packet[20..];
    [part(&payload[..at], 0x2000), part(&payload[at..], u16::try_from(at / 8).unwrap())]
}

/// An IP packet in an Ethernet frame, with VLAN tags.
pub(super) fn ethernet(tags: &[u16], packet: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2; 12];
    for tag in tags {
        bytes.extend([0x81, 0]);
        bytes.extend(tag.to_be_bytes());
    }
    bytes.extend(if packet[0] >> 4 == 4 { [0x08, 0] } else { [0x86, 0xdd] });
    bytes.extend(packet);
    bytes
}

/// An IP packet in a Linux cooked frame, version 2.
pub(super) fn cooked(interface: u32, direction: u8, packet: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x08, 0, 0, 0];
    bytes.extend(interface.to_be_bytes());
    bytes.extend([0, 1, direction, 6, 2, 2, 2, 2, 2, 2, 0, 0]);
    bytes.extend(packet);
    bytes
}

/// A pcap file of frames a millisecond apart, or with a time in microseconds each.
pub(super) fn pcap(link: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let spaced: Vec<(u64, Vec<u8>)> =
        (0..).map(|index| index * 1000).zip(frames.iter().cloned()).collect();
    pcap_at(link, &spaced)
}

pub(super) fn pcap_at(link: u32, frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    bytes.extend([0; 8]);
    bytes.extend([0, 0, 4, 0]);
    bytes.extend(link.to_le_bytes());
    for (at, frame) in frames {
        let length = u32::try_from(frame.len()).unwrap();
        let seconds = 1_767_225_600 + at / 1_000_000;
        bytes.extend(u32::try_from(seconds).unwrap().to_le_bytes());
        bytes.extend(u32::try_from(at % 1_000_000).unwrap().to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(frame);
    }
    bytes
}

/// A TLS record with a ClientHello that shows `name`.
pub(super) fn client_hello(name: &str) -> Vec<u8> {
    let sized = |bytes: Vec<u8>| {
        let mut sized = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
        sized.extend(bytes);
        sized
    };
    let mut entry = vec![0];
    entry.extend(sized(name.as_bytes().to_vec()));
    let mut extension = vec![0, 0];
    extension.extend(sized(sized(entry)));
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend(sized(extension));
    let mut message = vec![1, 0];
    message.extend(sized(body));
    let mut record = vec![22, 3, 1];
    record.extend(sized(message));
    record
}

/// A DNS response: `name` is an alias of `target`, which has `address`.
pub(super) fn dns_response(name: &str, target: &str, address: Ipv4Addr) -> Vec<u8> {
    let encode = |name: &str| {
        let mut bytes = Vec::new();
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        bytes
    };
    let mut bytes = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
    bytes.extend(encode(name));
    bytes.extend([0, 1, 0, 1]);
    // The owner is a pointer to the question.
    bytes.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 1, 0x2c]);
    let target = encode(target);
    bytes.extend(u16::try_from(target.len()).unwrap().to_be_bytes());
    let place = u16::try_from(bytes.len()).unwrap() | 0xc000;
    bytes.extend(target);
    bytes.extend(place.to_be_bytes());
    bytes.extend([0, 1, 0, 1, 0, 0, 0, 30, 0, 4]);
    bytes.extend(address.octets());
    bytes
}

/// A TDS packet.
pub(super) fn tds(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 1];
    bytes.extend(u16::try_from(8 + body.len()).unwrap().to_be_bytes());
    bytes.extend([0, 0, 1, 0]);
    bytes.extend(body);
    bytes
}

/// The options of a pre-login: version and encryption.
pub(super) const PRE_LOGIN: &[u8] = &[0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 1];
