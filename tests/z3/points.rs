//! Flows, as the constants of a certificate have them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::Host;
use exeat::flow::Payload;
use exeat::flow::payload::Request;

use super::z3::words;

/// That the constants are those of `flow`, and that these facts hold or do not.
pub(crate) fn point(definitions: &str, flow: &Flow, facts: &[(Atom, bool)]) -> String {
    let mut parts = vec![
        format!("(= protocol #x{:02x})", flow.protocol.0),
        format!("(= port #x{:04x})", flow.destination_port),
    ];
    for (end, address) in [("source", flow.source), ("destination", flow.destination)] {
        parts.push(match address {
            IpAddr::V4(v4) => format!("(not ipv6) (= {end} #x{:08x})", u32::from(v4)),
            IpAddr::V6(v6) => format!("ipv6 (= {end}-v6 #x{:032x})", u128::from(v6)),
        });
    }
    let payload = match &flow.payload {
        Payload::Silent => 0,
        Payload::Other => 1,
        Payload::Tls { .. } => 2,
        Payload::Http(_) => 3,
        Payload::Mssql { .. } => 4,
        Payload::Quic { .. } => 5,
    };
    parts.push(format!("(= payload #b{payload:03b})"));
    parts.push(match flow.payload.wire_name() {
        None => "(= host #b00)".to_owned(),
        Some(Host::Address(_)) => "(= host #b01)".to_owned(),
        Some(Host::Name(name)) => format!("(= host #b10) {}", labels_of(definitions, name)),
    });
    parts.push(match &flow.payload {
        Payload::Http(Request { port: Some(port), .. }) => {
            format!("writes-a-port (= host-port #x{port:04x})")
        }
        _ => "(not writes-a-port)".to_owned(),
    });
    for (atom, holds) in facts {
        let Some(words) = words(atom) else { continue };
        // What the text does not ask for makes no difference to it.
        if definitions.contains(&format!("(declare-const |{words}| Bool)")) {
            parts.push(if *holds { format!("|{words}|") } else { format!("(not |{words}|)") });
        }
    }
    format!("(and {})", parts.join(" "))
}

/// That the name is `name`, as far as the text tells names apart.
fn labels_of(definitions: &str, name: &Fqdn) -> String {
    let lines = definitions.lines().filter_map(|line| line.strip_prefix("; label "));
    let (mut spelled, mut kinds) = (BTreeMap::new(), Vec::new());
    for (number, text) in lines.filter_map(|line| line.split_once(" = ")) {
        match text.split_once(", made up for all others") {
            None => drop(spelled.insert(text, number)),
            Some((_, end)) => kinds.push((end.trim_start_matches(" that end with "), number)),
        }
    }
    let number = |label: &str| {
        let of_a_kind = || {
            let fitting = kinds.iter().filter(|(end, _)| label.ends_with(end));
            fitting.max_by_key(|(end, _)| end.len()).expect("a kind").1
        };
        spelled.get(label).copied().unwrap_or_else(of_a_kind)
    };
    let slots = definitions.matches("(declare-const label-").count();
    let labels: Vec<&str> = name.labels().rev().take(slots).collect();
    let mut text = format!("(= length #x{:04x})", labels.len());
    for (label, place) in labels.iter().zip(1..) {
        let _ = write!(text, " (= label-{place} {})", number(label));
    }
    text
}
