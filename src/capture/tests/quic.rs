//! Names in QUIC: hellos in one Initial and in several, retries, other versions, damage.

use super::build::CLIENT;
use super::build::End;
use super::build::SERVER;
use super::build::client_hello;
use super::build::ethernet;
use super::build::pcap;
use super::build::udp;
use super::only;
use super::story;
use crate::quic::InitialKeys;
use crate::quic::Version;
use crate::quic::write_varint;

const FIRST_ID: &[u8] = b"firstone";
const OTHER_ID: &[u8] = b"othernow";

/// The handshake message inside a record.
fn hello(name: &str) -> Vec<u8> {
    client_hello(name).split_off(5)
}

/// An Initial to `id` with pieces of the handshake, each at its place, and as much padding as a
/// client has to send.
fn initial(version: Version, id: &[u8], pieces: &[(usize, &[u8])]) -> Vec<u8> {
    let kind = if version == Version::V2 { 0xd3 } else { 0xc3 };
    let mut frames = vec![1];
    for (offset, bytes) in pieces {
        frames.push(6);
        write_varint((*offset).try_into().unwrap(), &mut frames);
        write_varint(bytes.len().try_into().unwrap(), &mut frames);
        frames.extend(*bytes);
    }
    frames.resize(1100, 0);
    let mut header = vec![kind];
    header.extend(version.0.to_be_bytes());
    header.push(id.len().try_into().unwrap());
    header.extend(id);
    header.extend([0, 0]);
    write_varint((frames.len() + 4 + 16).try_into().unwrap(), &mut header);
    header.extend([0, 0, 0, 1]);
    let suite = version.suites().first().unwrap();
    InitialKeys::client(suite, id).unwrap().seal(&header, &frames).unwrap()
}

/// The first datagram of a client that wants `name`.
pub(super) fn named(name: &str) -> Vec<u8> {
    initial(Version::V1, FIRST_ID, &[(0, &hello(name))])
}

/// The file of datagrams, each from one end to the other.
fn file(datagrams: &[(End, End, Vec<u8>)]) -> Vec<u8> {
    let frames: Vec<_> = datagrams
        .iter()
        .map(|(from, to, payload)| ethernet(&[], &udp(*from, *to, 7, payload)))
        .collect();
    pcap(1, &frames)
}

fn sent(payloads: &[Vec<u8>]) -> Vec<u8> {
    let all: Vec<_> = payloads.iter().map(|bytes| (CLIENT, SERVER, bytes.clone())).collect();
    file(&all)
}

#[track_caller]
fn check(payloads: &[Vec<u8>], expected: &str) {
    assert_eq!(story(&only(&sent(payloads))), expected);
}

const NAMED: &str = "quic a.example | 1 quic a.example";

#[test]
fn the_name_is_read_in_every_version_whose_keys_are_known() {
    for version in [1, 0x6b33_43cf, 0xff00_001d, 0xff00_0018, 0xff00_0016, 0xface_b002, 0x1a2a_3a4a]
    {
        let packet = initial(Version(version), FIRST_ID, &[(0, &hello("a.example"))]);
        check(&[packet], NAMED);
    }
}

#[test]
fn a_hello_is_put_together_from_pieces_in_any_order() {
    let hello = hello("a.example");
    let (head, tail) = hello.split_at(30);
    let piece = |offset, bytes| initial(Version::V1, FIRST_ID, &[(offset, bytes)]);
    check(&[piece(0, head), piece(30, tail)], "quic a.example | 2 quic a.example");
    check(&[piece(30, tail), piece(0, head)], "quic a.example | 2 quic a.example");
    check(
        &[piece(20, &hello[20..]), piece(0, head), piece(0, head)],
        "quic a.example | 2 quic a.example",
    );
    let both = initial(Version::V1, FIRST_ID, &[(30, tail), (0, head)]);
    check(&[both], NAMED);
    let joined = [piece(30, tail), piece(0, head)].concat();
    check(&[joined], NAMED);
    let flow = only(&sent(&[piece(0, head)]));
    assert_eq!(story(&flow), "quic | 1 some quic");
    assert!(flow.incomplete);
}

#[test]
fn a_hello_that_is_repeated_behind_a_retry_is_one_question() {
    let first = initial(Version::V1, FIRST_ID, &[(0, &hello("a.example"))]);
    let again = initial(Version::V1, OTHER_ID, &[(0, &hello("a.example"))]);
    let retry = [&[0xf0, 0, 0, 0, 1, 0, 8][..], OTHER_ID, &[9; 40]].concat();
    let flow =
        only(&file(&[(CLIENT, SERVER, first), (SERVER, CLIENT, retry), (CLIENT, SERVER, again)]));
    assert_eq!(story(&flow), NAMED);
}

#[test]
fn another_connection_between_the_same_ends_is_another_question() {
    let first = initial(Version::V1, FIRST_ID, &[(0, &hello("a.example"))]);
    let second = initial(Version::V1, OTHER_ID, &[(0, &hello("b.example"))]);
    check(&[first, second], "quic a.example | 1 quic a.example | 2 quic b.example");
}

/// As of a client with one socket, or where datagrams change places on their way.
#[test]
fn the_hellos_of_connections_at_the_same_time_are_kept_apart() {
    let (a, b) = (hello("a.example"), hello("b.example"));
    let piece = |id: &[u8], hello: &[u8], from: usize, to: usize| {
        initial(Version::V1, id, &[(from, &hello[from..to])])
    };
    let end = a.len();
    check(
        &[
            piece(FIRST_ID, &a, 0, 30),
            piece(OTHER_ID, &b, 0, 30),
            piece(FIRST_ID, &a, 30, end),
            piece(OTHER_ID, &b, 30, end),
        ],
        "quic a.example | 3 quic a.example | 4 quic b.example",
    );
    // The second part of the first hello comes behind the Retry, or never.
    let again = [piece(OTHER_ID, &a, 0, 40), piece(OTHER_ID, &a, 40, end)];
    let behind =
        [&[piece(FIRST_ID, &a, 0, 40), again[0].clone()], &[piece(FIRST_ID, &a, 40, end)][..]];
    check(&behind.concat(), "quic a.example | 3 quic a.example");
    let never = [&[piece(FIRST_ID, &a, 0, 40)], &again[..]].concat();
    let flow = only(&sent(&never));
    assert_eq!(
        (story(&flow).as_str(), flow.incomplete),
        ("quic a.example | 3 quic a.example", false)
    );
    // What is not the same may be of another name.
    let other = [&[piece(FIRST_ID, &b, 0, end - 4)], &again[..]].concat();
    assert!(only(&sent(&other)).incomplete);
    // Of a connection that showed nothing of its hello, it may be any.
    let ping = initial(Version::V1, FIRST_ID, &[]);
    assert!(only(&sent(&[&[ping][..], &again].concat())).incomplete);
    // What is known of one is not told again with each of its packets.
    let both = [piece(FIRST_ID, &a, 0, end), piece(OTHER_ID, &b, 0, end)].concat();
    let pings = [initial(Version::V1, FIRST_ID, &[]), initial(Version::V1, OTHER_ID, &[])].concat();
    let named = "quic a.example | 1 quic a.example | 1 quic b.example";
    let flow = only(&sent(&[both, pings.clone(), pings]));
    assert!(named.starts_with("quic") && flow.openings.len() == 2, "{}", story(&flow));
    // Of more connections than are kept one may be another, too.
    let ids = (0..5_u8).map(|id| [id; 8]);
    let many: Vec<_> = ids.map(|id| piece(&id, &a, 0, 30)).chain(again).collect();
    let flow = only(&sent(&many));
    assert_eq!(story(&flow), "quic a.example | 7 quic a.example | 7 unread quic");
}

#[test]
fn what_does_not_open_tells_no_name_and_leaves_the_flow_open() {
    let mut packet = initial(Version::V1, FIRST_ID, &[(0, &hello("a.example"))]);
    *packet.last_mut().unwrap() ^= 1;
    check(&[packet.clone()], "quic | 1 some quic");
    // Where so many do not open that others are not looked at any more, that is told.
    let after = initial(Version::V1, FIRST_ID, &[(0, &hello("b.example"))]);
    let many = [vec![packet; 40], vec![after]].concat();
    let flow = only(&sent(&many));
    assert_eq!(story(&flow), "quic b.example | 32 unread quic | 41 quic b.example");
    assert!(flow.incomplete);
}
