//! Rows of Zeek as JSON: which log they are of, and what several rows of one connection say.

use super::depths;
use super::heads;
use super::told;

/// A row of the connection `uid`, from a port to one.
fn row(uid: &str, port: u16, more: &str) -> String {
    format!(
        "{{\"ts\":1772359200.5,\"uid\":\"{uid}\",\"id.orig_h\":\"10.1.8.4\",\"id.orig_p\":40000,\
         \"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":{port},{more}}}\n"
    )
}

/// A row of `conn`.
fn conn(proto: &str, port: u16, service: &str, more: &str) -> String {
    let service = format!("\"proto\":\"{proto}\",\"service\":\"{service}\",\"conn_state\":\"SF\"");
    row("C1", port, &format!("{service},\"orig_pkts\":5,\"resp_pkts\":5{more}"))
}

const WHOLE: &str = ",\"history\":\"ShADadFf\",\"orig_bytes\":100";

#[test]
fn rows_of_logs_that_are_not_read_are_passed_over_though_they_do_not_say_what_they_are() {
    for (name, fields) in [
        ("smtp", "\"trans_depth\":1,\"helo\":\"a\",\"path\":[\"192.0.2.1\"],\"tls\":false"),
        (
            "sip",
            "\"trans_depth\":0,\"method\":\"REGISTER\",\"uri\":\"sip:a\",\"call_id\":\"1\",\
             \"seq\":\"1 REGISTER\",\"status_code\":200,\"request_body_len\":0",
        ),
        ("kerberos", "\"request_type\":\"AS\",\"cipher\":\"aes256\",\"success\":true"),
        ("wireguard", "\"established\":true,\"initiations\":1,\"responses\":1"),
        ("stun", "\"proto\":\"udp\",\"trans_id\":\"1\",\"method\":\"BINDING\""),
    ] {
        let (flows, summary) = told(&row("C1", 1000, fields));
        assert!(flows.is_empty() && summary.contains("1 passed over"), "{name}: {flows:?}");
    }
    for (fields, expected) in [
        ("\"trans_depth\":1,\"method\":\"GET\",\"host\":\"a.example\"", "http a.example"),
        ("\"trans_depth\":1,\"status_code\":200,\"request_body_len\":0", "http -"),
        ("\"server_name\":\"a.example\"", "tls a.example"),
        ("\"resumed\":false,\"established\":false", "tls -"),
        ("\"version\":\"TLSv12\",\"cipher\":\"x\"", "tls -"),
        ("\"proto\":\"udp\",\"trans_id\":1,\"rejected\":false", "dns -"),
    ] {
        let (flows, summary) = told(&row("C1", 1000, fields));
        assert_eq!(flows.len(), 1, "{fields}: {summary}");
        assert!(heads(&flows)[0].ends_with(expected), "{fields}: {}", flows[0]);
    }
}

/// Corelight's, of which only those that repeat what is in another log are no matter.
#[test]
fn a_log_of_connections_is_read_or_said_to_be_none_that_is() {
    let of = |path: &str| conn("tcp", 443, "ssl", &format!(",\"_path\":\"{path}\""));
    for path in ["conn", "conn_red", "conn_long"] {
        assert_eq!(told(&of(path)).0.len(), 1, "{path}");
    }
    let (flows, summary) = told(&(of("conn") + &of("conn_agg")));
    assert_eq!(flows.len(), 1, "{flows:?}");
    assert!(summary.contains("it is of `conn_agg`, a log of connections"), "{summary}");
    let (flows, summary) = told(&row("C1", 1000, "\"_path\":\"weird\",\"name\":\"x\""));
    assert!(flows.is_empty() && summary.contains("1 passed over"), "{summary}");
}

#[test]
fn what_was_written_while_a_connection_lasted_is_not_what_it_was_in_the_end() {
    let whole = conn("tcp", 443, "ssl", ",\"_path\":\"conn\"");
    let so_far = row(
        "C1",
        443,
        "\"_path\":\"conn_long\",\"proto\":\"tcp\",\"conn_state\":\"OTH\",\"orig_pkts\":1,\
         \"resp_pkts\":1",
    );
    for log in [whole.clone() + &so_far, so_far + &whole] {
        let (flows, _) = told(&log);
        assert!(flows.len() == 1 && flows[0].contains("packets 10 "), "{flows:?}");
    }
}

#[test]
fn a_connection_in_a_tunnel_is_known_to_be_one() {
    for (parents, depth) in [
        ("[\"C2\"]", 1),
        ("[]", 0),
        ("null", 0),
        ("\"C2,C3\"", 1),
        ("\"(empty)\"", 0),
        ("\"-\"", 0),
        ("[\"-\"]", 0),
        ("\"\"", 0),
        ("[\"\"]", 0),
    ] {
        let inner = conn("tcp", 443, "ssl", &format!(",\"tunnel_parents\":{parents}"));
        assert_eq!(depths(&inner), [depth], "{parents}");
    }
    let table = |parents: &str| {
        format!(
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
             #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\ttunnel_parents\n\
             1772359200.5\tC1\t10.1.8.4\t40000\t192.0.2.1\t443\ttcp\t{parents}\n"
        )
    };
    for (parents, depth) in [("C2,C3", 1), ("(empty)", 0), ("-", 0)] {
        assert_eq!(depths(&table(parents)), [depth], "{parents}");
    }
}

#[test]
fn a_hello_inside_quic_is_one_whichever_row_comes_first() {
    let ssl =
        row("C1", 443, "\"version\":\"TLSv13\",\"server_name\":\"a.example\",\"resumed\":false");
    let quic = row(
        "C1",
        443,
        "\"version\":\"1\",\"client_initial_dcid\":\"00\",\"server_name\":\"a.example\"",
    );
    for log in [ssl.clone() + &quic, quic.clone() + &ssl] {
        let (flows, _) = told(&log);
        assert_eq!(heads(&flows), ["udp 10.1.8.4 40000 192.0.2.1 443 quic a.example"]);
        assert_eq!(flows[0].matches("asks ").count(), 1, "{}", flows[0]);
        let (flows, _) = told(&(log + &conn("udp", 443, "quic,ssl", ",\"history\":\"Dd\"")));
        assert_eq!(heads(&flows), ["udp 10.1.8.4 40000 192.0.2.1 443 quic a.example"]);
    }
}

#[test]
fn what_was_not_seen_of_a_client_is_not_known() {
    let response = row("C1", 80, "\"trans_depth\":1,\"status_code\":200,\"request_body_len\":0");
    for log in [response.clone(), response + &conn("tcp", 80, "http", WHOLE)] {
        let (flows, _) = told(&log);
        assert!(flows[0].contains("asks http with who knows what"), "{}", flows[0]);
    }
    let request = row("C1", 80, "\"trans_depth\":1,\"method\":\"GET\",\"uri\":\"/\"");
    let (flows, _) = told(&request);
    assert!(flows[0].contains("asks http -/"), "{}", flows[0]);
    let server = row("C1", 443, "\"version\":\"TLSv12\",\"cipher\":\"x\",\"established\":true");
    let deaf = ",\"history\":\"^hCcdafA\",\"orig_bytes\":0";
    let (flows, _) = told(&(server.clone() + &conn("tcp", 443, "ssl", deaf)));
    assert!(flows[0].contains("asks tls with who knows what"), "{}", flows[0]);
    let (flows, _) = told(&(server + &conn("tcp", 443, "ssl", WHOLE)));
    assert!(flows[0].contains("asks tls at"), "{}", flows[0]);
}

#[test]
fn of_several_services_the_one_that_came_first_counts() {
    for (proto, services, application, asks) in [
        ("tcp", "http,websocket", "http", "asks http with who knows what"),
        ("tcp", "gssapi,ntlm,http", "http", "asks http with who knows what"),
        ("tcp", "smtp,http", "http", "asks http with who knows what"),
        ("tcp", "socks,http", "other", "asks other"),
        ("tcp", "smtp,ssl", "other", "asks other"),
        ("tcp", "ssl", "tls", "asks tls with who knows what"),
        ("udp", "ssl,spicy_openvpn_udp", "other", "asks other"),
        ("udp", "ssl", "other", "asks other"),
        ("udp", "ssl,quic", "quic", "asks quic with who knows what"),
    ] {
        let (flows, _) = told(&conn(proto, 1000, services, WHOLE));
        let expected = format!("{proto} 10.1.8.4 40000 192.0.2.1 1000 {application} -");
        assert_eq!(heads(&flows), [expected], "{services}");
        assert!(flows[0].contains(asks), "{services}: {}", flows[0]);
    }
    let ssl = row("C1", 1000, "\"version\":\"TLSv12\",\"server_name\":\"a.example\"");
    let (flows, _) = told(&(ssl + &conn("udp", 1000, "ssl,spicy_openvpn_udp", WHOLE)));
    assert_eq!(heads(&flows), ["udp 10.1.8.4 40000 192.0.2.1 1000 other -"]);
}

#[test]
fn a_row_that_cannot_be_read_says_by_which_field() {
    for (row, expected) in [
        (conn("tcp", 443, "ssl", "").replace("40000", "70000"), "its `id.orig_p` `70000`"),
        (conn("tcp", 443, "ssl", "").replace("192.0.2.1", "server"), "its `id.resp_h` `server`"),
        (conn("tpc", 443, "ssl", ""), "its `proto` `tpc`"),
        (conn("tcp", 443, "ssl", "").replace("1772359200.5", "1772359200000000"), "its `ts`"),
        (conn("unknown_transport", 443, "-", ""), "it lacks `ip_proto`"),
    ] {
        let (flows, summary) = told(&row);
        assert!(flows.is_empty() && summary.contains(expected), "{row}: {summary}");
    }
}

#[test]
fn tls_inside_a_tunnel_of_http_is_no_opening() {
    let ssl = row("C1", 443, "\"version\":\"TLSv12\",\"server_name\":\"b.example\"");
    let (flows, _) = told(&(ssl.clone() + &conn("tcp", 443, "http,ssl", WHOLE)));
    assert_eq!(heads(&flows), ["tcp 10.1.8.4 40000 192.0.2.1 443 http -"]);
    assert!(flows[0].contains("asks http with who knows what"), "{}", flows[0]);
    let connect = row("C1", 443, "\"trans_depth\":1,\"method\":\"CONNECT\",\"host\":\"a.example\"");
    let (flows, _) = told(&(ssl + &connect + &conn("tcp", 443, "http,ssl", WHOLE)));
    assert_eq!(heads(&flows), ["tcp 10.1.8.4 40000 192.0.2.1 443 http a.example"]);
}

#[test]
fn a_response_to_a_client_that_said_nothing_asks_nothing() {
    let late = row("C1", 80, "\"trans_depth\":1,\"status_code\":408,\"request_body_len\":0");
    let quiet = ",\"history\":\"ShAdaFf\",\"orig_bytes\":0";
    let (flows, _) = told(&(late + &conn("tcp", 80, "http", quiet)));
    assert!(flows[0].contains("asks silent"), "{}", flows[0]);
}

#[test]
fn a_line_of_a_table_has_a_field_for_each_column() {
    let header = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n";
    let row = "1772359200.2\tC1\t10.1.8.4\t40000\t192.0.2.1\t443\ttcp";
    for (more, expected) in [("\textra", "it has 8 fields, expected 7"), ("", "")] {
        let (flows, summary) = told(&format!("{header}{row}\n{row}{more}\n"));
        assert_eq!(flows.len(), 1, "{flows:?}");
        assert!(summary.contains(expected), "{summary}");
    }
}

#[test]
fn tds_that_an_analyzer_recognised_shows_no_name() {
    let (flows, _) = told(&conn("tcp", 1433, "tds", WHOLE));
    assert_eq!(heads(&flows), ["tcp 10.1.8.4 40000 192.0.2.1 1433 mssql -"]);
    assert!(flows[0].contains("asks mssql with who knows what"), "{}", flows[0]);
}

#[test]
fn a_row_without_a_port_is_not_read() {
    let row = conn("tcp", 443, "ssl", WHOLE).replace("\"id.resp_p\":443,", "");
    let (flows, summary) = told(&row);
    assert!(flows.is_empty() && summary.contains("it lacks `id.resp_p`"), "{flows:?}{summary}");
}
