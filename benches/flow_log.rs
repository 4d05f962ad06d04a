//! Flow logs to flows: VNet flow logs by tuples, JSON lines by records.

use std::fmt::Write as _;
use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use exeat::capture::CaptureError;
use exeat::capture::CapturedFlow;
use exeat::capture::Reader;
use exeat::capture::Sink;
use exeat::evidence::DnsAnswer;

/// As the command line reads files.
const PIECE: usize = 256 * 1024;
/// Tuples of a record: those of one interface in one minute.
const TUPLES_A_RECORD: usize = 2_000;

fn main() {
    divan::main();
}

/// Counts what it is given, so that nothing but the reader is measured.
#[derive(Default)]
struct Count(usize);

impl Sink for Count {
    fn flow(&mut self, _: CapturedFlow) {
        self.0 += 1;
    }

    fn answer(&mut self, _: DnsAnswer) {}
}

fn read(text: &str) -> Result<usize, CaptureError> {
    let mut count = Count::default();
    let mut reader = Reader::new();
    for piece in text.as_bytes().chunks(PIECE) {
        reader.feed(piece, &mut count)?;
    }
    reader.finish(&mut count)?;
    Ok(count.0)
}

/// A document with this many flows, each of a tuple that begins it and one that ends it.
fn vnet(flows: usize) -> String {
    let mut text = String::from("{\"records\":[");
    for first in (0..flows).step_by(TUPLES_A_RECORD / 2) {
        let comma = if first == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{{\"time\":\"2026-01-01T00:00:00.0000000Z\",\"flowLogVersion\":4,\
             \"macAddress\":\"002248AABBCC\",\"category\":\"FlowLogFlowEvent\",\"flowRecords\":\
             {{\"flows\":[{{\"aclID\":\"0\",\"flowGroups\":[{{\"rule\":\
             \"DefaultRule_AllowInternetOutBound\",\"flowTuples\":["
        );
        for flow in first..flows.min(first + TUPLES_A_RECORD / 2) {
            let at = 1_767_225_600_000 + flow * 3;
            let (a, b, port) = (flow / 250 % 250, flow % 250, 1024 + flow % 60_000);
            let ends = format!("10.42.{a}.{b},198.51.100.{b},{port},443,6,O");
            let comma = if flow == first { "" } else { "," };
            let _ = write!(
                text,
                "{comma}\"{at},{ends},B,NX,0,0,0,0\",\"{},{ends},E,NX,12,1234,15,20480\"",
                at + 1
            );
        }
        text.push_str("]}]}]}}");
    }
    text.push_str("]}");
    text
}

/// By the number of flows, which have two tuples each. Items are tuples.
#[divan::bench(args = [1_000, 200_000])]
fn vnet_tuples(bencher: Bencher<'_, '_>, flows: usize) {
    let text = vnet(flows);
    assert!(read(&text).is_ok_and(|read| read == flows));
    bencher.counter(ItemsCount::new(2 * flows)).bench(|| read(black_box(&text)));
}

/// By the number of rows, of Azure Firewall's application rules as a storage account has them.
#[divan::bench(args = [20_000])]
fn firewall_rows(bencher: Bencher<'_, '_>, rows: usize) {
    let mut text = String::new();
    for row in 0..rows {
        let _ = writeln!(
            text,
            "{{\"category\":\"AZFWApplicationRule\",\"time\":\"2026-01-01T00:00:00.1234567Z\",\
             \"resourceId\":\"/SUBSCRIPTIONS/0\",\"operationName\":\"x\",\"properties\":{{\
             \"Protocol\":\"HTTPS\",\"SourceIp\":\"10.1.2.7\",\"SourcePort\":{},\
             \"DestinationPort\":443,\"Fqdn\":\"h{}.example.net\",\"TargetUrl\":\"\",\"Action\":\
             \"Allow\",\"Policy\":\"p\",\"RuleCollectionGroup\":\"g\",\"RuleCollection\":\"c\",\
             \"Rule\":\"r\",\"ActionReason\":\"\",\"IsTlsInspected\":false}}}}",
            1024 + row % 60_000,
            row % 1_000,
        );
    }
    assert!(read(&text).is_ok_and(|read| read == rows));
    bencher.counter(ItemsCount::new(rows)).bench(|| read(black_box(&text)));
}

/// By the number of connections, as Zeek's `conn.log` has them.
#[divan::bench(args = [20_000])]
fn zeek_rows(bencher: Bencher<'_, '_>, rows: usize) {
    let mut text = String::from(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
         #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\t\
         orig_bytes\tresp_bytes\tconn_state\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n",
    );
    for row in 0..rows {
        let _ = writeln!(
            text,
            "1767225600.200000\tC{row}\t10.42.1.4\t{}\t198.51.100.7\t443\ttcp\tssl\t1.5\t900\t5200\tSF\t\
             ShADadFf\t9\t1280\t11\t5780",
            1024 + row % 60_000
        );
    }
    assert!(read(&text).is_ok_and(|read| read == rows));
    bencher.counter(ItemsCount::new(rows)).bench(|| read(black_box(&text)));
}
