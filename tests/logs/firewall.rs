//! Azure Firewall's logs: rows and sentences, and those that say nothing.

use super::heads;
use super::read;
use super::shown;
use super::shown_answer;
use super::shown_summary;
use super::told;

/// A record of an Event Hub with these properties.
fn record(category: &str, properties: &str) -> String {
    format!(
        "{{\"category\":\"{category}\",\"time\":\"2026-03-01T10:00:00Z\",\"properties\":\
         {{{properties}}}}}\n"
    )
}

fn sentence(text: &str) -> String {
    record("AzureFirewallNetworkRule", &format!("\"msg\":\"{text}\""))
}

const ENDS: &str = "\"Protocol\":\"TCP\",\"SourceIp\":\"10.0.0.4\",\"SourcePort\":1,\
                    \"DestinationIp\":\"192.0.2.1\",\"DestinationPort\":443";

#[test]
fn a_sentence_of_dnat_names_its_rule_where_it_has_one() {
    let dnat = "TCP request from 10.0.0.4:1 to 192.0.2.1:3389 was DNAT'ed to 10.0.0.5:3389";
    for (behind, rule) in [
        ("", "azure-firewall allow because DNAT to 10.0.0.5:3389"),
        (". Rule Collection: C. Rule: R", "allow by C/R because DNAT to 10.0.0.5:3389"),
        (
            ". Policy: P. Rule Collection Group: G. Rule Collection: C. Rule: R",
            "allow by P: G/C/R because DNAT to 10.0.0.5:3389",
        ),
    ] {
        let (flows, summary) = told(&sentence(&format!("{dnat}{behind}")));
        assert_eq!(heads(&flows), ["tcp 10.0.0.4 1 192.0.2.1 3389 other -"], "{summary}");
        assert!(flows[0].trim_end().ends_with(rule), "{}", flows[0]);
    }
}

#[test]
fn what_stands_in_a_url_is_no_decision() {
    let (flows, _) = told(&sentence(
        "HTTP request from 10.0.0.4:1 to a.example:80. Url: a.example/x. Action: Allow. Rule \
         Collection: X. Rule: Y. Action: Deny. No rule matched. Proceeding with default action",
    ));
    assert!(flows[0].contains("azure-firewall deny because No rule matched"), "{}", flows[0]);
}

#[test]
fn questions_that_failed_are_answers_in_both_kinds_of_logs() {
    let columns = "\"SourceIp\":\"10.0.0.4\",\"QueryName\":\"a.example.\",\"QueryType\":\"A\",\
                   \"ResponseCode\":\"NXDOMAIN\"";
    let failed = "DNS Request: 10.0.0.4:61248 - 6513 A IN a.example. udp 43 false 512 NXDOMAIN \
                  qr,rd,ra 145 0.0028s";
    let answers = |log: &str| {
        let (taken, summary) = read(log.as_bytes(), usize::MAX);
        assert!(taken.flows.is_empty());
        let answers: Vec<String> = taken.answers.iter().map(shown_answer).collect();
        (answers, shown_summary(&summary))
    };
    let (of_columns, _) = answers(&record("AZFWDnsQuery", columns));
    let (of_sentence, _) = answers(&sentence(failed));
    assert_eq!(of_columns, of_sentence);
    assert!(of_sentence[0].starts_with("answer 10.0.0.4 0.0.0.0 a.example A NXDOMAIN"));
    let (none, summary) = answers(&sentence(&failed.replace("NXDOMAIN", "NOERROR")));
    assert!(none.is_empty() && summary.contains("1 passed over"), "{summary}");
    for other in [failed.replace("10.0.0.4", "[fd00::5]"), failed.replace("t: ", "t:")] {
        assert_eq!(answers(&sentence(&other)).0.len(), 1, "{other}");
    }
    let (none, summary) = answers(&sentence("DNS Request: 10.0.0.4:61248 - 6513 A"));
    assert!(none.is_empty() && summary.contains("its sentence is none"), "{summary}");
}

#[test]
fn a_row_that_cannot_be_read_says_by_which_column() {
    let check = |properties: &str, expected: &str| {
        let (flows, summary) = told(&record("AZFWNetworkRule", properties));
        assert!(flows.is_empty(), "{properties}: {flows:?}");
        assert!(summary.contains(expected), "{properties}: {summary}");
    };
    let change = |from: &str, to: &str| ENDS.replace(from, to);
    check(&change(":443", ":99999"), "its `DestinationPort` `99999` cannot be read");
    check(&change(":443", ":\"x443\""), "its `DestinationPort` `x443` cannot be read");
    check(&change("10.0.0.4", "<redacted>"), "its `SourceIp` `<redacted>` cannot be read");
    check(&change("192.0.2.1", ""), "it lacks `DestinationIp`");
    check(&change("TCP", "TPC"), "its `Protocol` `TPC` cannot be read");
    let named = format!("{},\"Fqdn\":\"a.example\"", change("TCP", "HTTPS"));
    for address in ["-", "a.example", ""] {
        let (flows, summary) =
            told(&record("AZFWThreatIntel", &named.replace("192.0.2.1", address)));
        assert_eq!(heads(&flows), ["tcp 10.0.0.4 1 ? 443 tls a.example"], "{summary}");
    }
    let ping = change("TCP", "ICMP Type=8").replace(":443", ":\"N/A\"");
    let (flows, summary) = told(&record("AZFWNetworkRule", &ping));
    assert_eq!(heads(&flows), ["icmp 10.0.0.4 0 192.0.2.1 0 other -"], "{summary}");
    let (flows, summary) = told(&record("AZFWNetworkRule", &change(":443", ":\"-\"")));
    assert_eq!(heads(&flows), ["tcp 10.0.0.4 1 192.0.2.1 0 other -"], "{summary}");
}

#[test]
fn a_table_that_is_not_known_may_tell_of_flows_and_is_not_passed_over() {
    let (flows, summary) = told(&(record("AZFWNetworkRule", ENDS) + &record("AZFWNew", ENDS)));
    assert_eq!(flows.len(), 1);
    assert!(summary.contains("1 unreadable, at lines [2]: it is of `AZFWNew`"), "{summary}");
    for other in ["AZFWFatFlow", "AZFWFlowTrace", "AZFWDnsAdditional", "AppServiceHTTPLogs"] {
        let (_, summary) = told(&record(other, "\"FlowRate\":1"));
        assert!(summary.contains("1 passed over"), "{other}: {summary}");
    }
}

/// Columns of the same names say nothing of who wrote them.
#[test]
fn another_table_that_tells_of_flows_is_none_of_a_firewall() {
    for (table, properties) in [
        ("CommonSecurityLog", ENDS),
        ("NTANetAnalytics", "\"SrcIp\":\"10.0.0.1\",\"DestPort\":443"),
        ("RetinaNetworkFlowLogs", "\"IP\":{\"Source\":\"10.0.0.1\"},\"l4\":{}"),
        ("SomebodysTable", ENDS),
        ("Syslog", "\"msg\":\"HTTPS request from 10.1.8.4:1 to a.example:443. Action: Deny.\""),
    ] {
        let row = |table: &str| {
            let at = "\"TimeGenerated\":\"2026-03-01T10:00:00Z\"";
            format!("{{{at},\"Type\":\"{table}\",{properties}}}\n")
        };
        let (flows, summary) = told(&(record("AZFWNetworkRule", ENDS) + &row(table)));
        assert_eq!(flows.len(), 1, "{table}: {flows:?}");
        let expected =
            format!("1 unreadable, at lines [2]: it is of `{table}`, a table that is not");
        assert!(summary.contains(&expected), "{table}: {summary}");
    }
    // Columns that are its own tell.
    let own = record("AZFWNetworkRule", &format!("{ENDS},\"RuleCollection\":\"c\",\"Rule\":\"r\""));
    let (flows, summary) = told(&own.replace("AZFWNetworkRule", "Firewalls_CL"));
    assert_eq!(flows.len(), 1, "{summary}");
    // In place of a name.
    for table in ["AzureDiagnostics", "PrimaryResult"] {
        let row = record("AZFWNetworkRule", &format!("{ENDS},\"Type\":\"{table}\""));
        let (flows, _) = told(&row.replace("AZFWNetworkRule", "AzureFirewall"));
        assert_eq!(flows.len(), 1, "{table}");
    }
}

#[test]
fn a_sentence_without_a_target_is_of_no_known_flow() {
    let missing =
        "HTTPS request from 10.1.8.4:6065. Action: Deny. Reason: SNI TLS extension was missing.";
    let (flows, summary) = told(&sentence(missing));
    assert!(flows.is_empty(), "{flows:?}");
    assert!(summary.contains("its sentence does not say where the flow goes"), "{summary}");
}

#[test]
fn the_category_of_a_signature_is_no_table() {
    let signature = format!("{ENDS},\"Category\":\"Misc\",\"Action\":\"alert\"");
    let (flows, _) = told(&record("AZFWIdpsSignature", &signature));
    assert!(flows[0].contains("idps noted"), "{}", flows[0]);
}

#[test]
fn a_line_of_a_table_has_a_field_for_each_column() {
    let header = "TimeGenerated [UTC],Protocol,SourceIp,SourcePort,DestinationIp,DestinationPort,\
                  Action,Rule,Type\n";
    let row = "2026-03-01T10:00:00Z,TCP,10.0.0.1,5,192.0.2.1,443,Allow,r,AZFWNetworkRule\n";
    let check = |rest: &str, expected: &str| {
        let (flows, summary) = told(&format!("{header}{row}{rest}"));
        assert_eq!(flows.len(), 1, "{rest}: {flows:?}");
        assert!(summary.contains("1 unreadable, at lines [3]: "), "{rest}: {summary}");
        assert!(summary.contains(expected), "{rest}: {summary}");
    };
    check("2026-03-01T10:00:00Z,TCP,10.0.0.1,5,192.0.2.1,4", "it has 6 fields, expected 9");
    check("this is no row", "it has 1 field, expected 9");
    check(row.trim_end_matches("orkRule\n"), "it is of `AZFWNetw`");
    check(&row.replace('\n', ",x\n"), "it has 10 fields, expected 9");
}

#[test]
fn a_document_with_a_record_that_is_none_is_still_whole() {
    let document = |second: &str| {
        let row = record("AZFWNetworkRule", ENDS);
        format!("{{\"records\":[{},{second}]}}", row.trim_end())
    };
    for other in ["null", "-1.5e3", "true"] {
        for size in [1, 2, usize::MAX] {
            let (taken, summary) = read(document(other).as_bytes(), size);
            assert_eq!(taken.flows.iter().map(shown).count(), 1, "{other}");
            let summary = shown_summary(&summary);
            assert!(summary.contains("1 unreadable"), "{summary}");
            assert!(!summary.contains("cut"), "{summary}");
        }
    }
}

#[test]
fn a_fault_in_json_is_told_by_its_line_in_the_file() {
    let good = record("AZFWNetworkRule", ENDS);
    let bad = "{\n\"category\":\"AZFWNetworkRule\",\n\"time\":1 2\n}\n";
    let (flows, summary) = told(&(good.clone() + bad + &good));
    assert_eq!(flows.len(), 2);
    assert!(summary.contains("at lines [2]: expected `,` or `}` (line 4, column 10)"), "{summary}");
}

/// Which hour it was, nobody knows.
#[test]
fn times_of_a_zone_that_is_not_named_are_no_times() {
    let table = |zone: &str| {
        format!(
            "TimeGenerated [{zone}],Protocol,SourceIp,SourcePort,DestinationIp,DestinationPort,\
             Action,Type\n2026-03-01T10:00:00Z,TCP,10.0.0.1,5,192.0.2.1,443,Allow,AZFWNetworkRule\n"
        )
    };
    assert_eq!(told(&table("UTC")).0.len(), 1);
    let (flows, summary) = told(&table("Local Time"));
    assert!(flows.is_empty() && summary.contains("UTC"), "{flows:?}{summary}");
}

#[test]
fn a_row_without_the_port_that_it_goes_to_is_not_read() {
    let ends = ENDS.replace("DestinationPort", "TargetPort");
    let (flows, summary) = told(&record("AZFWNetworkRule", &ends));
    assert!(flows.is_empty() && summary.contains("it lacks `DestinationPort`"), "{summary}");
}

/// As `az monitor log-analytics query` writes down that there is nothing.
#[test]
fn none_is_nothing() {
    let ends = format!("{ENDS},\"Rule\":\"None\",\"IsTlsInspected\":\"None\"");
    let (flows, summary) = told(&record("AZFWNetworkRule", &ends));
    assert_eq!(flows.len(), 1, "{summary}");
    assert!(!flows[0].contains("None"), "{}", flows[0]);
}

/// Log Analytics answers with as much as it could find, and says so behind it.
#[test]
fn an_answer_that_is_not_whole_is_told_to_be_none() {
    let answer = |error: &str| {
        let columns = ["TimeGenerated", "Type", "Protocol", "SourceIp", "SourcePort"];
        let columns = [&columns[..], &["DestinationIp", "DestinationPort", "Action"]].concat();
        let columns: Vec<String> =
            columns.iter().map(|name| format!("{{\"name\":\"{name}\"}}")).collect();
        let row = "\"2026-03-01T10:00:00Z\",\"AZFWNetworkRule\",\"TCP\",\"10.0.0.1\",5,\"192.0.2.1\",443,\"Allow\"";
        told(&format!(
            "{{\"tables\":[{{\"name\":\"PrimaryResult\",\"columns\":[{}],\"rows\":[[{row}]]}}]{error}}}",
            columns.join(",")
        ))
    };
    let (flows, summary) = answer("");
    assert_eq!((flows.len(), summary.contains("unreadable")), (1, false), "{summary}");
    let (flows, summary) =
        answer(",\"error\":{\"code\":\"PartialError\",\"message\":\"too much\"}");
    assert_eq!(flows.len(), 1);
    assert!(summary.contains("the answer to the query is not whole (`PartialError`)"), "{summary}");
}
