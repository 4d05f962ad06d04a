//! File formats and link types: the same packet in each, and what is no capture.

use super::super::Application;
use super::super::CaptureError;
use super::super::Damage;
use super::super::LinkType;
use super::super::UnreadBlocks;
use super::IN_PCAP;
use super::Taken;
use super::build::cooked;
use super::build::ethernet;
use super::build::pcap;
use super::hex;
use super::only;
use super::read;
use super::try_read;
use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::CompressionLevel;
use ruzstd::encoding::compress_to_vec;
use std::io::Write;

fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

const IN_PCAPNG: &str = "0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c0000000100
    000014000000010000000000040014000000060000006800000000000000
    48470600402222464800000048000000123456789abc002248aabbcc0800
    4500003a000100004011466f0af00004a83f8110cf080035002600001234
    010000010000000000000474657374076578616d706c6500000100016800
    0000";

const IN_BIG_ENDIAN_PCAPNG: &str = "0a0d0d0a0000001c1a2b3c4d00010000ffffffffffffffff0000001c0000
    000100000020000100000004000000090001090000000000000000000020
    00000006000000680000000018867251f555cd1500000048000000481234
    56789abc002248aabbcc08004500003a000100004011466f0af00004a83f
    8110cf080035002600001234010000010000000000000474657374076578
    616d706c65000001000100000068";

#[track_caller]
fn check_query(file: &[u8], at: &str) {
    let flow = only(file);
    assert_eq!(flow.first.to_string(), at);
    assert_eq!(flow.application, Application::Dns);
    assert_eq!((flow.source_port, flow.destination_port), (53_000, 53));
    assert_eq!(flow.source.to_string(), "10.240.0.4");
    assert_eq!((flow.packets, flow.bytes), (Some(1), Some(58)));
    assert!(!flow.answered);
}

#[test]
fn every_file_format_gives_the_same_packet() {
    check_query(&hex(IN_PCAP), "2026-01-01T00:00:00.123456Z");
    check_query(&hex(IN_PCAPNG), "2026-01-01T00:00:00.123456Z");
    check_query(&hex(IN_BIG_ENDIAN_PCAPNG), "2026-01-01T00:00:00.123456789Z");
    let mut nanoseconds = hex(IN_PCAP);
    nanoseconds[0] = 0x4d;
    nanoseconds[1] = 0x3c;
    check_query(&nanoseconds, "2026-01-01T00:00:00.00012345600Z".replace("600Z", "6Z").as_str());
}

#[test]
fn blocks_that_are_not_read_are_counted_in_both_byte_orders_and_every_section() {
    let little = |kind: u32| [kind, 12, 12].map(u32::to_le_bytes).concat();
    let big = |kind: u32| [kind, 12, 12].map(u32::to_be_bytes).concat();
    let file = [
        hex(IN_PCAPNG),
        little(4),
        little(10),
        little(5),
        hex(IN_BIG_ENDIAN_PCAPNG),
        big(10),
        big(10),
        big(4),
    ];
    let (taken, summary) = read(&file.concat());
    assert_eq!(taken.flows.len(), 1);
    assert_eq!(summary.unread, UnreadBlocks { secrets: 3, names: 2 });
    assert_eq!(summary.truncated, None);
}

#[test]
fn every_link_type_gives_the_same_packet() {
    let packet = hex(IN_PCAP)[24 + 16 + 14..].to_vec();
    let with = |header: &[u8]| [header, &packet].concat();
    let sll = [&[0, 4, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0], packet.as_slice()].concat();
    let nflog = {
        let length = u16::try_from(4 + packet.len()).unwrap().to_le_bytes();
        [&[2, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0], &length[..], &[9, 0], &packet].concat()
    };
    let snap = [&[2; 12][..], &[0, 66, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &packet].concat();
    let pppoe = [&[2; 12][..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 60, 0, 0x21], &packet].concat();
    let frames: &[(u16, Vec<u8>)] = &[
        (0, with(&[2, 0, 0, 0])),
        (0, with(&[0, 0, 0, 2])),
        (1, ethernet(&[], &packet)),
        (1, ethernet(&[100], &packet)),
        (1, ethernet(&[100, 200], &packet)),
        (1, snap),
        (1, pppoe),
        (12, packet.clone()),
        (14, packet.clone()),
        (101, packet.clone()),
        (108, with(&[0, 0, 0, 2])),
        (113, sll),
        (228, packet.clone()),
        (239, nflog),
        (276, cooked(3, 4, &packet)),
    ];
    for (link, frame) in frames {
        let file = pcap(u32::from(*link), std::slice::from_ref(frame));
        check_query(&file, "2026-01-01T00:00:00Z");
    }
}

#[test]
fn what_is_no_capture_is_an_error_that_says_what_to_do() {
    let check = |bytes: &[u8], expected: &str| {
        let (taken, result) = try_read(&[bytes]);
        assert_eq!(taken, Taken::default());
        assert_eq!(result.unwrap_err().to_string(), expected);
    };
    check(b"", "the capture is empty; expected the file header of a pcap or pcapng capture");
    check(
        &hex(IN_PCAP)[..20],
        "the capture is cut in its file header: expected 24 bytes, found 20; copy the file again",
    );
    check(
        &section_cut_in_its_options(),
        "the capture is cut in its file header: expected 44 bytes, found 40; copy the file again",
    );
    check(
        b"GET / HTTP/1.1",
        "expected a capture (pcap, pcapng) or a flow log (VNet, NSG, Azure Firewall, Hubble, Zeek, Suricata, \
         AWS), found a file that begins with `GET `; convert other captures with `editcap -F pcapng`, \
         and give logs as they were written, a table with the line of its columns first",
    );
    check(
        b"BZh91AY",
        "expected a capture, plain or compressed with gzip or Zstandard, found bzip2; decompress it first",
    );
    check(
        &pcap(105, &[]),
        "packets of link type 105 (IEEE802_11) are not supported; capture on an Ethernet, cooked \
         or raw IP interface",
    );
}

/// 40 of the 44 bytes of a pcapng section header.
fn section_cut_in_its_options() -> Vec<u8> {
    let fixed = hex("0a0d0d0a 2c000000 4d3c2b1a 0100 0000 ffffffffffffffff");
    [fixed, hex("0300 0500 4c696e7578 000000 00000000")].concat()
}

#[test]
fn a_capture_without_packets_is_an_empty_result() {
    let (taken, summary) = read(&pcap(1, &[]));
    assert_eq!(taken, Taken::default());
    assert_eq!(summary.frames, 0);
    assert_eq!(summary.truncated, None);
    assert!(summary.link_types.contains(&LinkType::ETHERNET));
}

#[test]
fn gzip_is_undone_and_its_damage_is_told() {
    let zipped = zip(&hex(IN_PCAP));
    check_query(&zipped, "2026-01-01T00:00:00.123456Z");
    let (_, summary) = read(&zipped[..zipped.len() - 3]);
    assert!(matches!(summary.truncated.unwrap().what, Damage::Wrapper { .. }));
    let (_, error) = try_read(&[&zipped[..12]]);
    assert!(matches!(error, Err(CaptureError::Wrapper { .. } | CaptureError::Empty)), "{error:?}");
    // What it damaged is cut, too.
    let mut section = zip(&section_cut_in_its_options());
    *section.last_mut().unwrap() ^= 1;
    let (_, error) = try_read(&[&section]);
    assert!(matches!(error, Err(CaptureError::Wrapper { .. })), "{error:?}");
}

#[test]
fn zstandard_is_undone_and_its_damage_is_told() {
    let file = hex(IN_PCAP);
    let mut packed = pack(&file);
    check_query(&packed, "2026-01-01T00:00:00.123456Z");
    // Two frames, and one between them that is to be skipped.
    let (head, tail) = file.split_at(50);
    let skipped = [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let frames = [pack(head), skipped.to_vec(), pack(tail)].concat();
    check_query(&frames, "2026-01-01T00:00:00.123456Z");
    for size in 1..20 {
        let pieces: Vec<&[u8]> = frames.chunks(size).collect();
        let (taken, summary) = try_read(&pieces);
        assert_eq!((taken.flows.len(), summary.unwrap().truncated), (1, None), "{size}");
    }
    let (_, cut) = try_read(&[&frames[..frames.len() - 1]]);
    assert!(matches!(cut.unwrap().truncated.unwrap().what, Damage::Wrapper { .. }));
    let last = packed.len() - 1;
    packed[last] ^= 1;
    let (_, damaged) = try_read(&[&packed]);
    assert!(
        matches!(&damaged, Ok(summary) if summary.truncated.is_some())
            || matches!(damaged, Err(CaptureError::Wrapper { .. })),
        "{damaged:?}"
    );
}

/// A decoder that has failed may be in any state, in which some make no sense of what follows.
#[test]
fn behind_damage_nothing_is_unpacked_however_the_file_is_cut() {
    let file = hex(IN_PCAP);
    let (head, packet) = file.split_at(24);
    // The checksum is the last of a frame, and in a member of gzip the length is behind it.
    for (pack, checksum) in [(pack as fn(&[u8]) -> Vec<u8>, 1), (zip, 5)] {
        let mut unsound = pack(packet);
        let place = unsound.len() - checksum;
        unsound[place] ^= 1;
        let whole = [pack(head), unsound, pack(packet)].concat();
        let (taken, summary) = try_read(&[&whole]);
        let summary = summary.unwrap();
        assert!(matches!(summary.truncated.as_ref().unwrap().what, Damage::Wrapper { .. }));
        assert_eq!(taken.flows.iter().map(|flow| flow.packets).collect::<Vec<_>>(), [Some(1)]);
        for size in 1..40 {
            let pieces: Vec<&[u8]> = whole.chunks(size).collect();
            let (in_pieces, same) = try_read(&pieces);
            assert_eq!((&in_pieces, &same.unwrap()), (&taken, &summary), "{size}");
        }
    }
    // A table of the first block is damaged, and the next one says that it is to be used again.
    let damaged = include_bytes!("../../../fuzz/corpus/capture/zstd-damage-between-frames");
    let whole = try_read(&[damaged]);
    for size in 1..100 {
        let pieces: Vec<&[u8]> = damaged.chunks(size).collect();
        assert_eq!(try_read(&pieces).0, whole.0, "{size}");
    }
}

#[test]
fn a_block_of_zstandard_longer_than_any_is_refused_before_it_is_waited_for() {
    let block = |length: u32| {
        let header = (length << 3).to_le_bytes();
        [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38][..], &header[..3]].concat()
    };
    let (_, longest) = try_read(&[&block(128 * 1024)]);
    assert!(longest.unwrap_err().to_string().contains("it ends inside a frame"));
    let (_, longer) = try_read(&[&block(128 * 1024 + 1)]);
    assert!(longer.unwrap_err().to_string().contains("a block claims 131073 bytes"));
}

#[test]
fn a_file_that_unpacks_to_much_is_not_held() {
    // Blocks of one byte that is repeated 128 KiB times: 32 GiB in all, if anybody looked further
    // than to the first bytes, which are no capture.
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    for _ in 0..1 << 18 {
        bomb.extend([0x02, 0, 0x10, b'x']);
    }
    let (_, result) = try_read(&[&bomb]);
    assert!(matches!(result, Err(CaptureError::UnknownFormat { .. })), "{result:?}");
}
