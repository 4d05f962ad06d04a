//! Captures, packet by packet.

use std::net::Ipv4Addr;

/// The header of a capture of raw IP.
pub(crate) const HEADER: &[u8; 24] =
    b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x65\0\0\0";

/// A time in the seconds of a capture.
pub(crate) const BEGIN: u32 = 1_700_000_000;

/// A capture of these datagrams, each with its time in seconds and microseconds.
pub(crate) fn capture(packets: impl IntoIterator<Item = (u32, u32, Vec<u8>)>) -> Vec<u8> {
    let mut file = HEADER.to_vec();
    for (seconds, microseconds, packet) in packets {
        let length = u32::try_from(packet.len()).expect("a length");
        for field in [seconds, microseconds, length, length] {
            file.extend(field.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

/// A datagram from a port of a machine in `apps` to a server that nothing is permitted to.
pub(crate) fn datagram(source_port: u16) -> Vec<u8> {
    let payload = [0x55; 32];
    let length = u16::try_from(8 + payload.len()).expect("a length");
    let header = [source_port.to_be_bytes(), 9_999_u16.to_be_bytes(), length.to_be_bytes(), [0, 0]];
    ip(17, &[&header.concat(), &payload[..]].concat())
}

/// What a machine in `apps` sends to a web server on one connection without TLS: its SYN, and each of
/// `requests` in a segment.
pub(crate) fn requests(requests: impl IntoIterator<Item = String>) -> Vec<Vec<u8>> {
    const BEFORE: u32 = 7000;
    let segment = |flags: u8, sequence: u32, payload: &[u8]| {
        let ports = [40_000_u16.to_be_bytes(), 80_u16.to_be_bytes()].concat();
        let header =
            [&ports[..], &sequence.to_be_bytes(), &[0; 4], &[0x50, flags, 0x20, 0, 0, 0, 0, 0]];
        ip(6, &[&header.concat(), payload].concat())
    };
    let mut packets = vec![segment(0x02, BEFORE, b"")];
    let mut sequence = BEFORE + 1;
    for request in requests {
        packets.push(segment(0x18, sequence, request.as_bytes()));
        sequence += u32::try_from(request.len()).expect("a length");
    }
    packets
}

/// A packet from a machine in `apps` to a server.
fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).expect("a length");
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend(Ipv4Addr::new(10, 1, 8, 4).octets());
    packet.extend(Ipv4Addr::new(203, 0, 113, 7).octets());
    packet.extend(payload);
    packet
}

/// The same datagram as sent the other way.
pub(crate) fn turned(mut packet: Vec<u8>) -> Vec<u8> {
    let (source, destination) = (packet[12..16].to_vec(), packet[16..20].to_vec());
    packet[12..16].copy_from_slice(&destination);
    packet[16..20].copy_from_slice(&source);
    let (source_port, destination_port) = (packet[20..22].to_vec(), packet[22..24].to_vec());
    packet[20..22].copy_from_slice(&destination_port);
    packet[22..24].copy_from_slice(&source_port);
    packet
}
