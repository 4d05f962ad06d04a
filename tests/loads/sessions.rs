//! Loads that are packets.

use std::io;

use crate::Size;
use crate::dns;
use crate::packets::ACK;
use crate::packets::MACHINE;
use crate::packets::Out;
use crate::packets::Pcap;
use crate::packets::RESOLVER;
use crate::packets::SERVER;
use crate::packets::SYN;
use crate::packets::TCP;
use crate::packets::UDP;
use crate::packets::datagram;
use crate::packets::segment;

/// The longest segment on Ethernet.
const SEGMENT: usize = 1460;
/// Microseconds between packets, so that no flow falls idle before many others came.
const STEP: u64 = 20;

/// The low 32 bits of a number.
fn low(number: u64) -> u32 {
    u32::try_from(number & 0xffff_ffff).expect("32 bits")
}

/// A port that is not well known, by number.
fn port(number: u64) -> u16 {
    10_000 + u16::try_from(number % 50_000).expect("less than 50,000")
}

/// A machine of the list, by number.
fn machine(number: u64) -> u32 {
    0x0a01_0800 + 4 + low(number % 250)
}

/// 200 MB of SYNs, each from another source.
pub(crate) fn syn_flood(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    for number in 0..size.of(2_860_000) {
        let syn = segment([port(number), 443], low(number), SYN, &[]);
        // Odd factors leave each number another one.
        let source = low(number.wrapping_mul(2_654_435_761));
        pcap.ipv4([source, SERVER], TCP, &syn)?;
    }
    Ok(())
}

/// 900 MB of SYNs between the same two ends, each of which opens another connection.
pub(crate) fn syns_of_one_port(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    for number in 0..size.of(12_800_000) {
        let syn = segment([50_000, 443], low(number), SYN, &[]);
        pcap.ipv4([MACHINE, SERVER], TCP, &syn)?;
    }
    Ok(())
}

/// 5 million flows of machines of the list, a packet each.
pub(crate) fn udp_flood(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    for number in 0..size.of(5_000_000) {
        let ports = [port(number / 250), port(number / 12_500_000)];
        let ends = [machine(number), SERVER.wrapping_add(low(number / 250 / 50_000))];
        pcap.ipv4(ends, UDP, &datagram(ports, b"datagram"))?;
    }
    Ok(())
}

/// 200 MB of fragments that overlap and lack the first one.
pub(crate) fn fragments_of_ipv4(out: Out<'_>, size: Size) -> io::Result<()> {
    const MORE: u16 = 0x2000;
    let mut pcap = Pcap::new(out, STEP)?;
    let payload = [0xee; SEGMENT];
    for number in 0..size.of(134_000) {
        let identification = u16::try_from(number / 64 % 65_536).expect("16 bits");
        let offset = u16::try_from(number % 44).expect("small") * 90 + 8;
        let last = number % 64 == 63;
        let field = offset | if last { 0 } else { MORE };
        let ends = [machine(number / 64), SERVER];
        pcap.fragment_of_ipv4(ends, UDP, (identification, field), &payload)?;
    }
    Ok(())
}

/// Request lines as long as any that is read, a byte in each segment.
pub(crate) fn long_lines(out: Out<'_>, size: Size) -> io::Result<()> {
    const LENGTH: u64 = 65_000;
    let mut pcap = Pcap::new(out, 1)?;
    for number in 0..size.of(40).max(1) {
        let ends = [machine(number), SERVER];
        let ports = [port(number), 80];
        pcap.ipv4(ends, TCP, &segment(ports, 0, SYN, &[]))?;
        let line = b"GET /".iter().chain(std::iter::repeat(&b'x'));
        for (sequence, byte) in (1..=LENGTH).zip(line) {
            pcap.ipv4(ends, TCP, &segment(ports, low(sequence), ACK, &[*byte]))?;
        }
    }
    Ok(())
}

/// 200 MB of fragments of IPv6, the same.
pub(crate) fn fragments_of_ipv6(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    let payload = [0xee; SEGMENT - 20];
    for number in 0..size.of(134_000) {
        let offset = u16::try_from(number % 44).expect("small") * 90 + 8;
        let more = u16::from(number % 64 != 63);
        let host = low(number / 64);
        pcap.fragment_of_ipv6(host, UDP, (host, offset << 3 | more), &payload)?;
    }
    Ok(())
}

/// Each datagram in as many fragments as can be, and one of them lacks.
pub(crate) fn small_fragments(out: Out<'_>, size: Size) -> io::Result<()> {
    const MORE: u16 = 0x2000;
    const OF_EACH: u64 = 8000;
    let mut pcap = Pcap::new(out, 1)?;
    for number in 0..size.of(3_000_000) {
        let identification = u16::try_from(number % 300).expect("16 bits");
        let offset = u16::try_from(number / 300 % OF_EACH).expect("16 bits");
        let field = if offset == 1 { 2 } else { offset } | MORE;
        pcap.fragment_of_ipv4([MACHINE, SERVER], UDP, (identification, field), &[0xee; 8])?;
    }
    Ok(())
}

/// A response to a machine of the list.
fn answer(pcap: &mut Pcap<'_>, number: u64, message: &[u8]) -> io::Result<()> {
    let ports = [53, port(number / 250)];
    pcap.ipv4([RESOLVER, machine(number)], UDP, &datagram(ports, message))
}

/// 200 MB of answers in which each name points to the one before.
pub(crate) fn dns_pointers(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    let name = dns::name("www.example.com");
    let (mut records, mut at) = (Vec::new(), 12 + name.len() + 4);
    let mut before = 12;
    // Pointers reach 16 KiB.
    while at < 16_000 {
        let record = dns::record(&dns::pointer(before), 1, &[203, 0, 113, 40]);
        before = at;
        at += record.len();
        records.push(record);
    }
    let message = dns::response(&name, &records);
    for number in 0..size.of(12_500) {
        answer(&mut pcap, number, &message)?;
    }
    Ok(())
}

/// 200 MB of answers that lead over thousands of aliases.
pub(crate) fn dns_aliases(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    for number in 0..size.of(4_000) {
        let link = |place: u64| dns::name(&format!("a{place}.n{number}.names.example"));
        let aliases = (0..1_000).map(|place| dns::record(&link(place), 5, &link(place + 1)));
        let last = dns::record(&link(1_000), 1, &[203, 0, 113, 40]);
        let records: Vec<Vec<u8>> = aliases.chain([last]).collect();
        answer(&mut pcap, number, &dns::response(&link(0), &records))?;
    }
    Ok(())
}

/// 200 MB of answers with thousands of addresses, all others, for the name asked for and for any.
pub(crate) fn dns_addresses(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    for number in 0..size.of(3_200) {
        let name = dns::name(&format!("n{number}.names.example"));
        let records: Vec<Vec<u8>> = (0..4_000)
            .map(|place| {
                let address = low(number * 4_000 + place).wrapping_mul(2_654_435_761);
                dns::record(&dns::pointer(12), 1, &address.to_be_bytes())
            })
            .collect();
        let mut message = dns::response(&name, &records);
        if number % 2 == 1 {
            // The type of the question: any.
            message[12 + name.len() + 1] = 255;
        }
        answer(&mut pcap, number, &message)?;
    }
    Ok(())
}

/// 2 million names, each for one of 10,000 clients.
pub(crate) fn dns_names(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    for number in 0..size.of(2_000_000) {
        let name = dns::name(&format!("n{number}.a-name-of-some-length.names.example"));
        let address = low(number).wrapping_mul(2_654_435_761).to_be_bytes();
        let record = dns::record(&dns::pointer(12), 1, &address);
        let message = dns::response(&name, &[record]);
        let client = 0x0a01_0000 + low(number % 10_000);
        let ports = [53, port(number / 10_000)];
        pcap.ipv4([RESOLVER, client], UDP, &datagram(ports, &message))?;
    }
    Ok(())
}

/// 100 MB of answers on one connection.
pub(crate) fn dns_over_tcp(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    pcap.ipv4([MACHINE, RESOLVER], TCP, &segment([50_000, 53], 0, SYN, &[]))?;
    pcap.ipv4([RESOLVER, MACHINE], TCP, &segment([53, 50_000], 0, SYN | ACK, &[]))?;
    let (mut waiting, mut sequence) = (Vec::new(), 1_u32);
    for number in 0..size.of(1_100_000) {
        let name = dns::name(&format!("n{number}.a-name-of-some-length.names.example"));
        let record = dns::record(&dns::pointer(12), 1, &low(number).to_be_bytes());
        let message = dns::response(&name, &[record]);
        let length = u16::try_from(message.len()).expect("a message");
        waiting.extend_from_slice(&length.to_be_bytes());
        waiting.extend_from_slice(&message);
        while waiting.len() >= SEGMENT {
            let data: Vec<u8> = waiting.drain(..SEGMENT).collect();
            pcap.ipv4([RESOLVER, MACHINE], TCP, &segment([53, 50_000], sequence, ACK, &data))?;
            sequence = sequence.wrapping_add(low(SEGMENT as u64));
        }
    }
    Ok(())
}

/// Connections that each send the pieces of `stream` at these places of it, all taking turns.
fn send(
    pcap: &mut Pcap<'_>,
    connections: u64,
    server_port: u16,
    stream: &[u8],
    places: &[usize],
) -> io::Result<()> {
    let ends = |number| ([machine(number), SERVER], [port(number / 250), server_port]);
    for number in 0..connections {
        let (ends, ports) = ends(number);
        pcap.ipv4(ends, TCP, &segment(ports, 0, SYN, &[]))?;
    }
    for place in places {
        let data = stream.get(*place..).unwrap_or_default();
        let data = &data[..data.len().min(SEGMENT)];
        let sequence = 1 + low(*place as u64);
        for number in 0..connections {
            let (ends, ports) = ends(number);
            pcap.ipv4(ends, TCP, &segment(ports, sequence, ACK, data))?;
        }
    }
    Ok(())
}

/// A ClientHello of 60,000 bytes, in records of 16,000, that has no name before its end.
fn hello() -> Vec<u8> {
    let mut handshake = vec![1, 0, 0xea, 0x60, 3, 3];
    handshake.extend_from_slice(&[7; 32]);
    // No session, one cipher, no compression, then an extension that fills the rest.
    handshake.extend_from_slice(&[0, 0, 2, 0x13, 1, 1, 0, 0xea, 0x30, 0, 21, 0xea, 0x2c]);
    handshake.resize(60_000, 0);
    let records = handshake.chunks(16_000).map(|fragment| {
        let length = u16::try_from(fragment.len()).expect("a record").to_be_bytes();
        [&[22, 3, 1], &length[..], fragment].concat()
    });
    records.collect::<Vec<_>>().concat()
}

/// So many places of a stream, one behind another.
fn in_order(pieces: usize) -> Vec<usize> {
    (0..pieces).map(|piece| piece * SEGMENT).collect()
}

/// 420 MB of hellos that stop before they end.
pub(crate) fn hellos(out: Out<'_>, size: Size) -> io::Result<()> {
    send(&mut Pcap::new(out, STEP)?, size.of(14_000), 443, &hello(), &in_order(20))
}

/// 420 MB of hellos whose second piece never comes.
pub(crate) fn hellos_with_holes(out: Out<'_>, size: Size) -> io::Result<()> {
    let places: Vec<usize> = in_order(21).into_iter().filter(|place| *place != SEGMENT).collect();
    send(&mut Pcap::new(out, STEP)?, size.of(14_000), 443, &hello(), &places)
}

/// 420 MB of requests whose heads have a field more, and one more.
pub(crate) fn heads(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut head = b"GET / HTTP/1.1\r\n".to_vec();
    for number in 0..150 {
        head.extend_from_slice(format!("X-{number}: {}\r\n", "v".repeat(180)).as_bytes());
    }
    send(&mut Pcap::new(out, STEP)?, size.of(14_000), 80, &head, &in_order(20))
}

/// 100 MB of requests on one connection, each for another host.
pub(crate) fn requests(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    let ends = [MACHINE, SERVER];
    pcap.ipv4(ends, TCP, &segment([50_000, 80], 0, SYN, &[]))?;
    let mut sequence = 1_u32;
    for number in 0..size.of(650_000) {
        let request = format!("GET /{number} HTTP/1.1\r\nHost: n{number}.names.example\r\n\r\n");
        let data = segment([50_000, 80], sequence, ACK, request.as_bytes());
        pcap.ipv4(ends, TCP, &data)?;
        sequence = sequence.wrapping_add(low(request.len() as u64));
    }
    Ok(())
}

/// 420 MB of headers of HTTP/2 that go on in frame after frame.
pub(crate) fn http2_headers(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut stream = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let mut kind = 1;
    while stream.len() < 30_000 {
        // A frame of 4,000 bytes on stream 1 that does not end the headers.
        stream.extend_from_slice(&[0, 0x0f, 0xa0, kind, 0, 0, 0, 0, 1]);
        // A field with a new name and value, literally, of a byte each.
        for _ in 0..800 {
            stream.extend_from_slice(&[0x40, 1, b'x', 1, b'y']);
        }
        kind = 9;
    }
    send(&mut Pcap::new(out, STEP)?, size.of(14_000), 80, &stream, &in_order(20))
}

/// 250 MB of long headers of QUIC, each of another connection, with bytes that open to nothing.
pub(crate) fn initials(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut pcap = Pcap::new(out, STEP)?;
    for number in 0..size.of(200_000) {
        let mut packet = vec![0xc3, 0, 0, 0, 1, 8];
        packet.extend_from_slice(&number.to_be_bytes());
        // No source connection, no token, 1,180 bytes.
        packet.extend_from_slice(&[0, 0, 0x44, 0x9c]);
        packet.resize(1_200, 0x5a);
        let ends = [machine(number), SERVER];
        pcap.ipv4(ends, UDP, &datagram([port(number / 250 % 200), 443], &packet))?;
    }
    Ok(())
}
