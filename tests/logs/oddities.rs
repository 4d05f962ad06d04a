//! Logs as sensors and portals sometimes write them, and what is read of them all the same.

use super::heads;
use super::read;
use super::shown_summary;
use super::told;

const HEADER: &str = "TimeGenerated [UTC],Protocol,SourceIp,SourcePort,DestinationPort,Fqdn,\
                      TargetUrl,Action,Policy,RuleCollectionGroup,RuleCollection,Rule,\
                      ActionReason,IsTlsInspected\n";

/// A row of an application rule in the portal's table.
fn portal(at: &str, port: u16, url: &str) -> String {
    format!("{at},HTTP,10.1.8.4,{port},80,a.example,{url},Allow,p,g,c,r,,false\n")
}

#[test]
fn a_quotation_mark_inside_a_field_is_a_character_of_it() {
    let at = "2026-03-01T10:00:00Z";
    let table = |urls: [&str; 3]| {
        let rows = urls.iter().zip(50001..).map(|(url, port)| portal(at, port, url));
        HEADER.to_owned() + &rows.collect::<String>()
    };
    let (flows, summary) = told(&table(["a.example/a\"b", "a.example/", "a.example/"]));
    assert_eq!(flows.len(), 3, "{summary}{flows:?}");
    assert!(flows[0].contains("/a\"b"), "{}", flows[0]);
    let (flows, summary) = told(&table(["a.example/", "\"a.example/", "a.example/"]));
    assert_eq!(flows.len(), 1, "{summary}{flows:?}");
    assert!(summary.contains("1 unreadable, at lines [3]: a quotation mark"), "{summary}");
    assert!(summary.contains("2 lines were read as that field"), "{summary}");
}

/// An event of Suricata; the source of the packet, and what else it has.
fn event(kind: &str, from_server: bool, more: &str) -> String {
    let (client, server) = ("\"10.1.8.4\"", "\"192.0.2.1\"");
    let (src, src_port, dest, dest_port) =
        if from_server { (server, 443, client, 40000) } else { (client, 40000, server, 443) };
    format!(
        "{{\"timestamp\":\"2026-03-01T10:00:00.3+0000\",\"flow_id\":1,\"event_type\":\"{kind}\",\
         \"src_ip\":{src},\"src_port\":{src_port},\"dest_ip\":{dest},\"dest_port\":{dest_port},\
         \"proto\":\"TCP\",\"app_proto\":\"tls\"{more}}}\n"
    )
}

const ALERT: &str = ",\"alert\":{\"action\":\"blocked\",\"signature\":\"x\"}";
const FLOW: &str = ",\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":2,\"bytes_toserver\":1,\
                    \"bytes_toclient\":2,\"start\":\"2026-03-01T10:00:00.1+0000\",\
                    \"src_ip\":\"10.1.8.4\",\"dest_ip\":\"192.0.2.1\",\"src_port\":40000,\
                    \"dest_port\":443}";

#[test]
fn an_alert_on_an_answer_neither_turns_a_flow_round_nor_counts_it() {
    let tls = ",\"tls\":{\"sni\":\"a.example\"}";
    let hello = event("tls", false, tls);
    let direction = format!("{ALERT},\"direction\":\"to_client\"");
    let whole = format!("{direction}{FLOW}{tls}");
    for (log, name) in [
        (hello.clone() + &event("alert", true, &whole), "a.example"),
        (event("alert", true, &whole) + &hello, "a.example"),
        (event("alert", true, &whole), "a.example"),
        (event("alert", true, &format!("{ALERT}{FLOW}")), "-"),
        (event("alert", true, &direction), "-"),
        (event("alert", false, &format!("{ALERT},\"direction\":\"to_server\"{FLOW}")), "-"),
    ] {
        let (flows, summary) = told(&log);
        assert_eq!(
            heads(&flows),
            [format!("tcp 10.1.8.4 40000 192.0.2.1 443 tls {name}")],
            "{summary}{log}"
        );
        assert!(flows[0].contains("packets ? bytes ?"), "{}", flows[0]);
        assert!(flows[0].contains("suricata deny"), "{}", flows[0]);
    }
    // The event of the flow itself has its totals, whichever comes first.
    for log in [
        event("alert", true, &whole) + &event("flow", false, FLOW),
        event("flow", false, FLOW) + &event("alert", true, &whole),
    ] {
        let (flows, _) = told(&log);
        assert_eq!(flows.len(), 1, "{flows:?}");
        assert!(flows[0].contains("packets 3 bytes 3"), "{}", flows[0]);
    }
}

/// A row of an application rule, with these columns.
fn firewall(more: &str) -> String {
    format!(
        "{{\"category\":\"AZFWApplicationRule\",\"time\":\"2026-03-01T10:00:00Z\",\"properties\":\
         {{\"SourceIp\":\"10.1.8.4\",\"SourcePort\":50001,\"DestinationPort\":443,\
         \"Action\":\"Allow\",{more}}}}}\n"
    )
}

#[test]
fn rows_of_a_firewall_are_read_leniently() {
    let check = |more: &str, expected: &str| {
        let (flows, summary) = told(&firewall(more));
        assert_eq!(flows.len(), 1, "{summary}{more}");
        assert!(flows[0].contains(expected), "{more}: {}", flows[0]);
    };
    for holds in ["true", "\"true\"", "\"True\"", "\"TRUE\"", "1"] {
        let row = format!(
            "\"Protocol\":\"HTTP/1.1\",\"Fqdn\":\"a.example\",\"TargetUrl\":\"a.example/x\",\
             \"IsTlsInspected\":{holds}"
        );
        check(&row, " 443 tls a.example\n");
    }
    for not in ["false", "\"False\"", "\"\"", "0", "null"] {
        let row =
            format!("\"Protocol\":\"HTTP/1.1\",\"Fqdn\":\"a.example\",\"IsTlsInspected\":{not}");
        check(&row, " 443 http a.example\n");
    }
    check("\"Protocol\":\"HTTPS:443\",\"Fqdn\":\"a.example\"", " 443 tls a.example\n");
    check("\"Protocol\":\"HTTPS\",\"Fqdn\":\"a.example:443\"", " 443 tls a.example\n");
    check("\"Protocol\":\"Https:8443\",\"Fqdn\":\"a.example:8443\"", " 443 tls a.example\n");
    check("\"Protocol\":\"HTTP:80\",\"Fqdn\":\"a.example:80\"", " 443 http a.example\n");
    check("\"Protocol\":\"Mssql:1433\",\"Fqdn\":\"a.example:1433\"", " 443 mssql a.example\n");
    check("\"Protocol\":\"HTTPS\",\"Fqdn\":\"192.0.2.1:443\"", " 192.0.2.1 443 tls -\n");
    let (flows, summary) = told(&firewall("\"Protocol\":\"HTTPX\",\"Fqdn\":\"a.example\""));
    assert!(flows.is_empty(), "{summary}{flows:?}");
}

/// A flow of Hubble over TCP, in a wrapper.
fn hubble(from_server: bool, time: &str, more: &str) -> String {
    let (client, server) = (("10.1.8.4", 40000), ("192.0.2.1", 443));
    let (source, destination) = if from_server { (server, client) } else { (client, server) };
    format!(
        "{{\"flow\":{{{time}\"verdict\":\"FORWARDED\",\"IP\":{{\"source\":\"{}\",\
         \"destination\":\"{}\"}},\"l4\":{{\"TCP\":{{\"source_port\":{},\
         \"destination_port\":{}{more}}}}},\"Type\":\"L3_L4\",\
         \"destination_names\":[\"a.example\"]}},\"node_name\":\"n\"}}\n",
        source.0, destination.0, source.1, destination.1
    )
}

#[test]
fn hubble_flows_without_a_time_are_counted_and_answers_of_servers_begin_nothing() {
    const TIME: &str = "\"time\":\"2026-03-01T10:00:00Z\",";
    let syn = hubble(false, TIME, ",\"flags\":{\"SYN\":true}");
    let accept = hubble(true, TIME, ",\"flags\":{\"SYN\":true,\"ACK\":true}");
    let data = hubble(true, TIME, ",\"flags\":{\"ACK\":true}");
    let (taken, summary) = read((hubble(false, "", "") + &syn).as_bytes(), usize::MAX);
    assert_eq!(taken.flows.len(), 1);
    assert!(taken.answers.iter().all(|answer| answer.at == taken.flows[0].first));
    assert!(shown_summary(&summary).contains("1 unreadable, at lines [1]: it lacks `time`"));
    let (flows, summary) = told(&hubble(false, "\"time\":\"yesterday\",", ""));
    assert!(flows.is_empty(), "{flows:?}");
    assert!(summary.starts_with("error:"), "{summary}");
    let (flows, _) = told(&(syn.clone() + &accept + &data));
    assert_eq!(heads(&flows), ["tcp 10.1.8.4 40000 192.0.2.1 443 other -"]);
    assert!(flows[0].contains("answered"), "{}", flows[0]);
    let (flows, summary) = told(&accept);
    assert!(flows.is_empty(), "{flows:?}");
    assert!(summary.contains("1 passed over"), "{summary}");
}

/// A VNet flow log with a record of each tuple: milliseconds, source port and the rest.
fn vnet(tuples: &[(i64, &str, &str)]) -> String {
    let records = tuples.iter().map(|(at, mac, rest)| {
        format!(
            "{{\"macAddress\":\"{mac}\",\"flowRecords\":{{\"flows\":[{{\"flowGroups\":[{{\
             \"rule\":\"r\",\"flowTuples\":[\"{at},10.1.8.4,192.0.2.1,50001,443,6,O,{rest}\"]\
             }}]}}]}}}}"
        )
    });
    format!("{{\"records\":[{}]}}", records.collect::<Vec<_>>().join(","))
}

#[test]
fn records_of_a_connection_make_one_flow_in_whatever_order_they_come() {
    const BEGIN: &str = "B,NX,0,0,0,0";
    const GOES_ON: &str = "C,NX,10,1000,12,3000";
    const END: &str = "E,NX,5,500,6,700";
    let start = 1_772_359_200_000;
    let one = [(start, "A", BEGIN), (start + 60_000, "A", GOES_ON), (start + 120_000, "A", END)];
    // Two connections between the same ends, one behind the other.
    let again = one.map(|(at, mac, rest)| (at + 121_000, mac, rest));
    let mut both = [one, again].concat();
    let forward = (told(&vnet(&one)).0, told(&vnet(&both)).0);
    assert_eq!((forward.0.len(), forward.1.len()), (1, 2), "{forward:?}");
    assert!(forward.0[0].contains("packets 33 bytes 5200 syn answered"), "{}", forward.0[0]);
    let mut reverse = one;
    reverse.reverse();
    both.reverse();
    // Which record a flow was first seen in is the order's affair.
    let bare = |flow: &String| {
        let (before, behind) = flow.split_once(", record").unwrap();
        let (_, counts) = behind.split_once(", packets").unwrap();
        format!("{before}{counts}")
    };
    let sorted = |flows: &[String]| {
        let mut all: Vec<String> = flows.iter().map(bare).collect();
        all.sort();
        all
    };
    assert_eq!(sorted(&told(&vnet(&reverse)).0), sorted(&forward.0));
    assert_eq!(sorted(&told(&vnet(&both)).0), sorted(&forward.1));
    let mut shuffled = one;
    shuffled.swap(0, 1);
    assert_eq!(sorted(&told(&vnet(&shuffled)).0), sorted(&forward.0));
}

#[test]
fn times_of_the_portal_are_read_and_others_are_named() {
    let check = |at: &str, expected: &str| {
        let (flows, summary) = told(&(HEADER.to_owned() + &portal(at, 50001, "")));
        assert_eq!(flows.len(), 1, "{summary}{at}");
        assert!(flows[0].contains(&format!("from {expected} to")), "{at}: {}", flows[0]);
    };
    check("2026-03-01T10:00:00.123Z", "2026-03-01T10:00:00.123Z");
    check("\"3/1/2026, 10:00:00.123 AM\"", "2026-03-01T10:00:00.123Z");
    check("\"3/1/2026, 10:00:00.123\u{202f}PM\"", "2026-03-01T22:00:00.123Z");
    check("\"12/31/2026, 12:00:00 AM\"", "2026-12-31T00:00:00Z");
    let unreadable = |at: &str, expected: &str| {
        let (flows, summary) = told(&(HEADER.to_owned() + &portal(at, 50001, "")));
        assert!(flows.is_empty(), "{at}: {flows:?}");
        assert!(summary.contains(expected), "{at}: {summary}");
    };
    // Which of both is the day, these do not say.
    unreadable("\"01/03/2026, 10:00:00\"", "its time `01/03/2026, 10:00:00` cannot be read");
    unreadable("\"1/3/2026, 10:00:00 am\"", "its time `1/3/2026, 10:00:00 am` cannot be read");
    unreadable("", "it lacks a time in UTC");
}

#[test]
fn rows_of_zeek_may_lack_answers_and_come_behind_a_table() {
    let ends = "\"uid\":\"C3\",\"id.orig_h\":\"10.1.8.4\",\"id.orig_p\":40003,\
                \"id.resp_h\":\"192.0.2.53\",\"id.resp_p\":53";
    let dns = format!(
        "{{\"ts\":1772359200.2,{ends},\"proto\":\"udp\",\"query\":\"a.example\",\
         \"qtype_name\":\"A\",\"rcode\":3,\"answers\":null,\"TTLs\":null}}\n"
    );
    let (taken, summary) = read(dns.as_bytes(), usize::MAX);
    assert_eq!((taken.flows.len(), taken.answers.len()), (1, 1), "{}", shown_summary(&summary));
    let table = "#separator \\x09\n#path\tssl\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\t\
                 id.resp_p\tserver_name\n1772359200.2\tC1\t10.1.8.4\t40000\t192.0.2.1\t443\t\
                 a.example\n";
    let (flows, summary) = told(&(table.to_owned() + &dns + "{\"broken\"\n"));
    let heads = heads(&flows);
    let expected = [
        "tcp 10.1.8.4 40000 192.0.2.1 443 tls a.example",
        "udp 10.1.8.4 40003 192.0.2.53 53 dns -",
    ];
    assert_eq!(heads, expected, "{summary}");
    assert!(summary.contains("1 unreadable, at lines [6]"), "{summary}");
}

#[test]
fn encodings_and_separators_that_are_not_read_are_named() {
    let check = |bytes: &[u8], expected: &str| {
        for size in [1, 2, 3, usize::MAX] {
            let (taken, summary) = read(bytes, size);
            assert!(taken.flows.is_empty());
            let summary = shown_summary(&summary);
            assert!(summary.starts_with("error:") && summary.contains(expected), "{summary}");
        }
    };
    let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let object = vnet(&[(0, "A", "B,NX,0,0,0,0")]);
    for text in [format!("\u{feff}{object}"), object, format!("\u{feff}{HEADER}")] {
        check(&little(&text), "in UTF-16, expected UTF-8");
        check(&big(&text), "in UTF-16, expected UTF-8");
    }
    let table = HEADER.to_owned() + &portal("2026-03-01T10:00:00Z", 50001, "");
    check(table.replace(',', ";").as_bytes(), "set apart by semicolons, expected commas");
    check(table.replace(',', "\t").as_bytes(), "set apart by tabs, expected commas");
}

#[test]
fn a_log_that_is_cut_in_its_first_record_is_no_log() {
    for text in ["{\"records\":[", "{\"a\":\"b", "[[[[", "{\"records\":[{\"time\":\"2026-"] {
        let (flows, summary) = told(text);
        assert!(flows.is_empty(), "{text}: {flows:?}");
        assert!(summary.contains("the log ends inside it"), "{text}: {summary}");
    }
}
