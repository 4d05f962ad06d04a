//! What Z3 shows, as a flow with what holds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::flow::payload::Request;

use super::z3::printed;
use super::z3::words;

/// The value of each constant of a flow that a certificate asks for, and each fact; none where
/// there is no such flow.
pub(crate) fn model(certificate: &str) -> Option<Model> {
    let answer = printed(certificate);
    match answer.as_str() {
        "unsat\n" => None,
        "sat\n" => {
            let last = certificate.trim_end().lines().next_back().expect("a last line");
            let (_, values) = last.split_once("(get-value ").expect("how to see the flow");
            let constants = values.trim_end_matches(')').trim_start_matches('(');
            let facts: Vec<&str> = facts(certificate).collect();
            let asked = format!("{certificate}(get-value ({constants} {}))\n", facts.join(" "));
            Some(Model::read(certificate, printed(&asked).trim_start_matches("sat\n")))
        }
        other => panic!("z3 says `{other}`"),
    }
}

/// The symbols of what nobody knows.
pub(crate) fn facts(definitions: &str) -> impl Iterator<Item = &str> {
    let lines = definitions.lines();
    lines
        .filter_map(|line| line.strip_prefix("(declare-const |"))
        .filter_map(|rest| rest.split_once("| Bool)"))
        .map(|(words, _)| {
            &definitions[offset(definitions, words) - 1..=offset(definitions, words) + words.len()]
        })
}

/// Where `part` of `whole` begins in it.
fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}

/// A flow with what holds.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) flow: Flow,
    facts: BTreeMap<String, bool>,
}

impl Model {
    /// Reads what Z3 prints for `(get-value …)`.
    pub(crate) fn read(definitions: &str, printed: &str) -> Model {
        let values = values(printed);
        let bits = |name: &str| number(&values[name]);
        let narrow = |name: &str| u16::try_from(bits(name)).expect("16 bits");
        let holds = |name: &str| values[name] == "true";
        let address = |v4: &str, v6: &str| -> IpAddr {
            if holds("ipv6") {
                Ipv6Addr::from(bits(v6)).into()
            } else {
                Ipv4Addr::from(u32::try_from(bits(v4)).expect("32 bits")).into()
            }
        };
        let host = match bits("host") {
            0 => None,
            1 => Some(Host::Address(Ipv4Addr::new(192, 0, 2, 1).into())),
            _ => Some(Host::Name(name(definitions, &values))),
        };
        let payload = match bits("payload") {
            0 => Payload::Silent,
            1 => Payload::Other,
            2 => Payload::Tls { name: host, inner: None },
            3 => {
                let port = holds("writes-a-port").then(|| narrow("host-port"));
                Payload::Http(Request { host, port, path: "/".to_owned() })
            }
            4 => Payload::Mssql { name: host },
            _ => Payload::Quic { name: host },
        };
        let protocol = IpProtocol(u8::try_from(bits("protocol")).expect("8 bits"));
        let flow = Flow {
            source: address("source", "source-v6"),
            source_port: if protocol.has_ports() { 50_000 } else { 0 },
            destination: address("destination", "destination-v6"),
            destination_port: narrow("port"),
            protocol,
            payload,
        };
        let facts = values.iter().filter_map(|(name, value)| {
            let words = name.strip_prefix('|')?.strip_suffix('|')?;
            Some((words.to_owned(), value == "true"))
        });
        Model { flow, facts: facts.collect() }
    }

    /// Whether `atom` holds. Names resolve, nothing is listed; what no rule asks for does not hold.
    pub(crate) fn holds(&self, atom: &Atom) -> bool {
        match words(atom) {
            Some(words) => self.facts.get(&words).copied().unwrap_or(false),
            None => matches!(atom, Atom::Resolvable { .. }),
        }
    }
}

/// The name that the labels of a model make.
fn name(definitions: &str, values: &BTreeMap<String, String>) -> Fqdn {
    let texts: BTreeMap<u128, &str> = definitions
        .lines()
        .filter_map(|line| line.strip_prefix("; label "))
        .filter_map(|line| line.split_once(" = "))
        .map(|(value, rest)| (number(value), rest.split(',').next().unwrap_or(rest)))
        .collect();
    let length = number(&values["length"]);
    let labels: Vec<&str> =
        (1..=length).rev().map(|at| texts[&number(&values[&format!("label-{at}")])]).collect();
    labels.join(".").parse().expect("a name")
}

/// The values of `((a #x00) (|b c| true))`.
fn values(printed: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut rest = printed.trim().strip_prefix('(').expect("a list");
    while let Some((_, pair)) = rest.split_once('(') {
        let (name, behind) = match pair.strip_prefix('|') {
            Some(quoted) => {
                let end = quoted.find('|').expect("the end of a symbol");
                (&pair[..end + 2], &pair[end + 2..])
            }
            None => pair.split_once(char::is_whitespace).expect("a value"),
        };
        let (value, behind) = behind.split_once(')').expect("the end of a pair");
        values.insert(name.to_owned(), value.trim().to_owned());
        rest = behind;
    }
    values
}

/// The number that `#x2a` or `#b101` writes.
fn number(value: &str) -> u128 {
    let (digits, radix) = match (value.strip_prefix("#x"), value.strip_prefix("#b")) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) => (digits, 2),
        (None, None) => panic!("no number: `{value}`"),
    };
    u128::from_str_radix(digits, radix).expect("digits")
}
