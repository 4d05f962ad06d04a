//! Loads that are files: their formats, their wrappers, logs.

use std::io;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::Size;
use crate::packets::Out;
use crate::packets::block;
use crate::packets::enhanced;
use crate::packets::header;
use crate::packets::interface;
use crate::packets::section;

/// A megabyte.
const MEGABYTE: u64 = 1_000_000;

/// An Ethernet frame with a SYN.
const FRAME: [u8; 54] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 1, 8, 4,
    203, 0, 113, 40, 0xc3, 0x50, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0,
];

/// Writes `piece` as often as it takes for so many megabytes.
fn fill(out: Out<'_>, piece: &[u8], megabytes: u64) -> io::Result<()> {
    let times = megabytes * MEGABYTE / piece.len() as u64;
    (0..times.max(1)).try_for_each(|_| out.write_all(piece))
}

/// Sections of 4,000 interfaces, with a packet on the last of each.
pub(crate) fn interfaces(out: Out<'_>, size: Size) -> io::Result<()> {
    let of_section = interface().repeat(4_000);
    for _ in 0..size.of(2_500).max(1) {
        out.write_all(&section())?;
        out.write_all(&of_section)?;
        // Copies are looked for on interfaces that packets were captured on.
        for number in (0..4_000).step_by(10) {
            out.write_all(&enhanced(number, &FRAME))?;
        }
    }
    Ok(())
}

/// One section with millions of interfaces.
pub(crate) fn too_many_interfaces(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(&section())?;
    out.write_all(&enhanced_on_first())?;
    (0..size.of(10_000_000)).try_for_each(|_| out.write_all(&interface()))
}

/// An interface, and a packet on it.
fn enhanced_on_first() -> Vec<u8> {
    [interface(), enhanced(0, &FRAME)].concat()
}

/// Blocks of 50 MB each that hold no packet.
pub(crate) fn other_blocks(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(&section())?;
    out.write_all(&enhanced_on_first())?;
    let long = block(0x0bad, &vec![0; usize::try_from(size.of(50 * MEGABYTE)).expect("fits")]);
    for _ in 0..6 {
        out.write_all(&long)?;
    }
    out.write_all(&enhanced(0, &FRAME))
}

/// A packet block that says it has 4 GB.
pub(crate) fn huge_block(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(&section())?;
    out.write_all(&enhanced_on_first())?;
    out.write_all(&[6, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff])?;
    fill(out, &vec![0; 65_536], size.of(300))
}

/// A packet that says it has 4 GB.
pub(crate) fn huge_packet(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(&header())?;
    out.write_all(&[0, 0, 0, 0x69, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255])?;
    fill(out, &vec![0; 65_536], size.of(300))
}

/// A gigabyte of packets without a byte, in a megabyte.
pub(crate) fn gzip_bomb(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut gzip = GzEncoder::new(out, Compression::fast());
    gzip.write_all(&header())?;
    fill(&mut gzip, &vec![0; 65_536], size.of(1_000))?;
    gzip.finish().map(drop)
}

/// A gigabyte of a log that has one line.
pub(crate) fn gzip_of_one_line(out: Out<'_>, size: Size) -> io::Result<()> {
    let mut gzip = GzEncoder::new(out, Compression::fast());
    string_without_end(&mut gzip, size)?;
    gzip.finish().map(drop)
}

/// A gigabyte of packets without a byte, as blocks of Zstandard that repeat one (RFC 8878 §3.1.1.2),
/// in a frame that has all that it may have held.
pub(crate) fn zstd_bomb(out: Out<'_>, size: Size) -> io::Result<()> {
    const REPEATED: u32 = 131_072;
    // A window of 32 MiB, neither content size nor checksum.
    out.write_all(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x78])?;
    let raw = u32::try_from(header().len()).expect("a file header") << 3;
    out.write_all(&raw.to_le_bytes()[..3])?;
    out.write_all(&header())?;
    for _ in 0..size.of(7_630) {
        let repeated = REPEATED << 3 | 1 << 1;
        out.write_all(&repeated.to_le_bytes()[..3])?;
        out.write_all(&[0])?;
    }
    // The last block is empty.
    out.write_all(&[1, 0, 0])
}

/// A frame that asks for a window of half a gigabyte.
pub(crate) fn zstd_window(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x98])?;
    fill(out, &[0; 4_096], size.of(100))
}

const TUPLE: &str = "1767225600123,10.1.8.4,198.51.100.7,40000,443,6,O,B,NX,0,0,0,0";

/// The beginning of a record of a VNet flow log, up to its tuples.
const RECORD: &str = concat!(
    r#"{"time":"2026-01-01T00:01:00.0000000Z","flowLogVersion":4,"macAddress":"002248AABBCC","#,
    r#""category":"FlowLogFlowEvent","operationName":"FlowLogFlowEvent","flowRecords":{"flows":"#,
    r#"[{"aclID":"11111111-0000-0000-0000-000000000000","flowGroups":[{"rule":"r","flowTuples":["#
);
const END_OF_RECORD: &str = "]}]}]}}";

/// A record that can be read.
fn sound_record(out: Out<'_>) -> io::Result<()> {
    write!(out, "{RECORD}\"{TUPLE}\"{END_OF_RECORD}")
}

/// A document with a record that can be read, and one with a string of a gigabyte.
pub(crate) fn string_without_end(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(br#"{"records":["#)?;
    sound_record(out)?;
    out.write_all(br#",{"time":""#)?;
    fill(out, &vec![b'a'; 65_536], size.of(1_000))?;
    out.write_all(b"\"}]}")
}

/// A record that can be read, and brackets inside each other.
pub(crate) fn brackets_without_end(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(br#"{"records":["#)?;
    sound_record(out)?;
    out.write_all(br#",{"a":"#)?;
    fill(out, br#"[{"a":[{"b":"#, size.of(300))
}

/// A record of 300 MB, which is one array of tuples.
pub(crate) fn tuples_without_end(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(br#"{"records":["#)?;
    sound_record(out)?;
    write!(out, ",{RECORD}\"{TUPLE}\"")?;
    fill(out, format!(",\"{TUPLE}\"").as_bytes(), size.of(300))?;
    write!(out, "{END_OF_RECORD}]}}")
}

/// 3 million flows that never end.
pub(crate) fn vnet_flows(out: Out<'_>, size: Size) -> io::Result<()> {
    for record in 0..size.of(300) {
        out.write_all(RECORD.as_bytes())?;
        for tuple in 0..10_000 {
            let comma = if tuple == 0 { "" } else { "," };
            let (port, host) = (10_000 + tuple, record % 250 + 4);
            let (third, fourth) = (record / 250, host);
            write!(
                out,
                r#"{comma}"1767225600123,10.1.8.{host},198.51.{third}.{fourth},{port},443,6,O,B,NX,0,0,0,0""#
            )?;
        }
        writeln!(out, "{END_OF_RECORD}")?;
    }
    Ok(())
}

const ZEEK: &str = concat!(
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n",
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\n",
    "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\n",
);

/// A table whose second line has a gigabyte.
pub(crate) fn zeek_line(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(ZEEK.as_bytes())?;
    out.write_all(b"1767225600.1\tC1\t10.1.8.4\t40000\t198.51.100.7\t443\ttcp\tssl\n")?;
    fill(out, &vec![b'a'; 65_536], size.of(1_000))
}

/// 3 million connections, of which more could be told until the end.
pub(crate) fn zeek_connections(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(ZEEK.as_bytes())?;
    for number in 0..size.of(3_000_000) {
        let (host, port) = (number % 250 + 4, 10_000 + number / 250 % 50_000);
        writeln!(
            out,
            "1767225600.1\tC{number}\t10.1.8.{host}\t{port}\t198.51.100.7\t443\ttcp\tssl"
        )?;
    }
    Ok(())
}

/// A line of a gigabyte behind one that can be read.
pub(crate) fn aws_line(out: Out<'_>, size: Size) -> io::Result<()> {
    out.write_all(
        b"2 123456789010 eni-1235b8ca123456789 10.1.8.4 198.51.100.7 40000 443 6 20 4249 1767225600 1767225660 ACCEPT OK\n",
    )?;
    fill(out, &vec![b'7'; 65_536], size.of(1_000))
}

/// Half a million flows of which no event tells the end, each with a name.
pub(crate) fn suricata_flows(out: Out<'_>, size: Size) -> io::Result<()> {
    for number in 0..size.of(500_000) {
        let (host, port) = (number % 250 + 4, 10_000 + number / 250 % 50_000);
        writeln!(
            out,
            r#"{{"timestamp":"2026-01-01T00:00:00.000000+0000","flow_id":{number},"event_type":"tls","src_ip":"10.1.8.{host}","src_port":{port},"dest_ip":"198.51.100.7","dest_port":443,"proto":"TCP","tls":{{"sni":"n{number}.a-name-of-some-length.names.example"}}}}"#
        )?;
    }
    Ok(())
}

/// 50,000 flows, each with a hundred names that the pod was told.
pub(crate) fn hubble_names(out: Out<'_>, size: Size) -> io::Result<()> {
    for number in 0..size.of(50_000) {
        let (host, port) = (number % 250 + 4, 10_000 + number / 250 % 50_000);
        let names: Vec<String> =
            (0..100).map(|name| format!("\"n{number}-{name}.names.example\"")).collect();
        writeln!(
            out,
            r#"{{"flow":{{"time":"2026-01-01T00:00:00Z","verdict":"FORWARDED","IP":{{"source":"10.1.8.{host}","destination":"198.51.100.7","ipVersion":"IPv4"}},"l4":{{"TCP":{{"source_port":{port},"destination_port":443,"flags":{{"SYN":true}}}}}},"source":{{"namespace":"a"}},"destination":{{"labels":["reserved:world"]}},"Type":"L3_L4","destination_names":[{}],"traffic_direction":"EGRESS","is_reply":false}},"node_name":"n","time":"2026-01-01T00:00:00Z"}}"#,
            names.join(",")
        )?;
    }
    Ok(())
}

/// Nothing but zeros.
pub(crate) fn zeros(out: Out<'_>, size: Size) -> io::Result<()> {
    fill(out, &vec![0; 65_536], size.of(1_000))
}
