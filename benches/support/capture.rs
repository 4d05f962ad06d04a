//! A capture of TLS connections, the same bytes on every run.

/// The file header of pcap: little-endian, microseconds, Ethernet.
const FILE_HEADER: [u8; 24] =
    [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
/// When the first packet is seen, in seconds since 1970: 2026-01-01.
const BEGIN: usize = 1_767_225_600;
/// Microseconds between two packets.
const STEP: usize = 50;
/// Connections that are open at a time.
const AT_A_TIME: usize = 100;
/// Packets that a server sends, each as long as Ethernet lets it be.
const SERVER_PACKETS: usize = 20;
/// The payload of such a packet, in bytes.
const SERVER_BYTES: usize = 1_460;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;

/// A pcap of this many connections, a hundred at a time: a handshake, a ClientHello, what the
/// server sends, and the end.
pub(crate) fn tls(connections: usize) -> Vec<u8> {
    let mut file = FILE_HEADER.to_vec();
    let mut packets = 0;
    let mut put = |connection: usize, from_client, flags, sequence, payload: &[u8]| {
        let frame = frame(connection, from_client, flags, sequence, payload);
        let at = packets * STEP;
        for word in [BEGIN + at / 1_000_000, at % 1_000_000, frame.len(), frame.len()] {
            file.extend(low_32(word).to_le_bytes());
        }
        file.extend(frame);
        packets += 1;
    };
    for first in (0..connections).step_by(AT_A_TIME) {
        let open = first..connections.min(first + AT_A_TIME);
        for connection in open.clone() {
            put(connection, true, SYN, 99, &[]);
            put(connection, false, SYN | ACK, 899, &[]);
        }
        for connection in open.clone() {
            let name = format!("api-{connection}.example.com");
            put(connection, true, ACK, 100, &client_hello(name.as_bytes()));
        }
        for packet in 0..SERVER_PACKETS {
            for connection in open.clone() {
                let sequence = 900 + packet * SERVER_BYTES;
                put(connection, false, ACK, sequence, &[0x17; SERVER_BYTES]);
            }
        }
        for connection in open {
            put(connection, true, FIN | ACK, 300, &[]);
            put(connection, false, FIN | ACK, 900 + SERVER_PACKETS * SERVER_BYTES, &[]);
        }
    }
    file
}

/// A TCP segment in an Ethernet frame. Each connection has a port of the client's own; after 10,000
/// the next client begins.
fn frame(
    connection: usize,
    from_client: bool,
    flags: u8,
    sequence: usize,
    payload: &[u8],
) -> Vec<u8> {
    let [.., high, low] = (connection / 10_000).to_be_bytes();
    let client = ([10, 1, high, low], 20_000 + connection % 10_000);
    let server = ([203, 0, 113, 7], 443);
    let (from, to) = if from_client { (client, server) } else { (server, client) };
    let mut frame = vec![2; 12];
    frame.extend([0x08, 0x00, 0x45, 0]);
    frame.extend(low_16(40 + payload.len()));
    // The identification tells packets of one flow apart.
    frame.extend(low_16(sequence));
    frame.extend([0x40, 0, 64, 6, 0, 0]);
    frame.extend(from.0);
    frame.extend(to.0);
    frame.extend(low_16(from.1));
    frame.extend(low_16(to.1));
    frame.extend(low_32(sequence).to_be_bytes());
    let acknowledgment = match (from_client, flags & SYN != 0) {
        (true, true) => 0,
        (true, false) => 900,
        (false, true) => 100,
        // Behind whatever the client has said.
        (false, false) => 300,
    };
    frame.extend(low_32(acknowledgment).to_be_bytes());
    frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

/// A TLS record with a ClientHello that shows `name` (RFC 8446 §4.1.2, RFC 6066 §3).
fn client_hello(name: &[u8]) -> Vec<u8> {
    let entry = [&[0][..], &sized(name)].concat();
    let extension = [&[0, 0][..], &sized(&sized(&entry))].concat();
    let random = [7; 32];
    let ciphers_and_compression = [0, 0, 2, 0x13, 0x01, 1, 0];
    let body = [&[3, 3][..], &random, &ciphers_and_compression, &sized(&extension)].concat();
    let message = [&[1, 0][..], &sized(&body)].concat();
    [&[22, 3, 1][..], &sized(&message)].concat()
}

/// `bytes` behind their length.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&low_16(bytes.len()), bytes].concat()
}

fn low_16(value: usize) -> [u8; 2] {
    let [.., high, low] = value.to_be_bytes();
    [high, low]
}

fn low_32(value: usize) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap_or_default()
}
