//! Z3, where it is installed, and what its models are as flows.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::process::Command;
use std::process::Stdio;

use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::flow::payload::Request;

/// The longest that Z3 may take for a question, in milliseconds.
const MOST_MILLISECONDS: u32 = 10_000;

/// Whether there is a Z3 to ask. Where there is none, that is said.
#[expect(clippy::print_stderr, reason = "what was not tested is told")]
pub(crate) fn is_there() -> bool {
    let found = Command::new("z3").arg("--version").stdout(Stdio::null()).status();
    let is_there = found.is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("no `z3` was found: nothing is asked of it");
    }
    is_there
}

/// What Z3 prints for `script`. It must end as it does where nothing is wrong.
pub(crate) fn printed(script: &str) -> String {
    let mut z3 = Command::new("z3")
        .args(["-in", &format!("-t:{MOST_MILLISECONDS}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("z3 starts");
    let mut input = z3.stdin.take().expect("its input");
    let script = script.to_owned();
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = z3.wait_with_output().expect("z3 ends");
    writer.join().expect("a writer").expect("z3 reads all of it");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    text
}

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

/// The words that a certificate has for a fact.
fn words(atom: &Atom) -> Option<String> {
    Some(match atom {
        Atom::InServiceTag { tag, .. } => format!("the destination in service tag {tag}"),
        Atom::FirewallAnswer { name, .. } => {
            format!("the destination in the firewall's answer for {name}")
        }
        Atom::InFqdnTag { tag, .. } => format!("the name, on the port, in FQDN tag {tag}"),
        Atom::Infrastructure { .. } => "the name in the infrastructure rules".to_owned(),
        Atom::Reading { setting } => format!("the other reading of {setting}"),
        Atom::PrecededBy { .. } => "an SQL session from the source was allowed before".to_owned(),
        Atom::ClientAnswer { name, .. } => {
            format!("the source was told the destination for {name}")
        }
        Atom::Named { name } if name.ends_with("in the ranges that the firewall learned") => {
            "the destination in the ranges that the firewall learned".to_owned()
        }
        _ => return None,
    })
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
