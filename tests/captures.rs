//! The captures of the shared data against their ground truth, which other programs gave.
//!
//! Misses are listed with their reasons in `captures/misses.tsv`; a new one, or one that
//! is gone, fails.
#![cfg(test)]

#[path = "support/captures.rs"]
mod captures;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

use exeat::capture;
use exeat::capture::CapturedFlow;
use exeat::capture::ReadError;
use exeat::capture::Reader;
use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsRecord;
use exeat::flow::Fqdn;
use serde_json::Value;

use self::captures::Taken;
use self::captures::files;
use self::captures::name;
use self::captures::read;

/// An entry of the ground truth.
#[derive(Clone, Debug)]
struct Expected {
    file: String,
    frame: u64,
    ends: Ends,
    application: String,
    name: Option<String>,
    packets: u64,
    syn: Option<bool>,
    disputed: bool,
    /// Both ends sent a SYN: either may be the source.
    either_way: bool,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Ends {
    depth: u64,
    protocol: String,
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
}

impl Ends {
    fn turned(&self) -> Ends {
        let Ends { depth, protocol, source, destination } = self.clone();
        Ends { depth, protocol, source: destination, destination: source }
    }

    fn of(flow: &CapturedFlow) -> Ends {
        Ends {
            depth: flow.depth.into(),
            protocol: flow.protocol.to_string(),
            source: (flow.source, flow.source_port),
            destination: (flow.destination.unwrap(), flow.destination_port),
        }
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ends { depth, protocol, source, destination } = self;
        let ((from, from_port), (to, to_port)) = (source, destination);
        write!(f, "{protocol} {from} {from_port} {to} {to_port}")?;
        if *depth > 0 { write!(f, " at depth {depth}") } else { Ok(()) }
    }
}

fn expected(folder: &Path, file: &str) -> Vec<Expected> {
    let text = fs::read_to_string(folder.join(format!("{file}.expected.json"))).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let end = |entry: &Value, address: &str, port: &str| {
        let address = entry[address].as_str().unwrap().parse().unwrap();
        (address, u16::try_from(entry[port].as_u64().unwrap()).unwrap())
    };
    entries
        .iter()
        .map(|entry| Expected {
            file: file.to_owned(),
            frame: entry["frame"].as_u64().unwrap(),
            ends: Ends {
                depth: entry["depth"].as_u64().unwrap(),
                protocol: entry["proto"].as_str().unwrap().to_owned(),
                source: end(entry, "src", "sport"),
                destination: end(entry, "dst", "dport"),
            },
            application: match entry["app"].as_str().unwrap() {
                "tds" => "mssql".to_owned(),
                application => application.to_owned(),
            },
            name: entry["name"].as_str().map(str::to_owned),
            packets: entry["packets"].as_u64().unwrap(),
            syn: entry["syn"].as_bool(),
            disputed: entry["disputed"] == true,
            either_way: entry["override"]
                .as_str()
                .is_some_and(|why| why.starts_with("simultaneous open")),
        })
        .collect()
}

/// The flow of ours that an entry describes, if there is one: the same ends, and of several
/// connections between them the one that begins with the same packet.
fn find<'a>(flows: &'a [CapturedFlow], entry: &Expected) -> Option<&'a CapturedFlow> {
    let same = |flow: &&CapturedFlow| {
        let ends = Ends::of(flow);
        ends == entry.ends || entry.either_way && ends.turned() == entry.ends
    };
    let at_frame = flows.iter().filter(same).find(|flow| flow.frame == entry.frame);
    at_frame.or_else(|| flows.iter().find(same))
}

#[derive(Default)]
struct Score {
    entries: u32,
    agreed: u32,
    named: u32,
    named_agreed: u32,
    packets_agreed: u32,
    syn_agreed: u32,
}

impl Score {
    fn at_least(&self, per_cent: u32) -> bool {
        self.agreed * 100 >= self.entries * per_cent
    }
}

/// The table of misses: a line each, the key first, the reason behind the last tab.
fn known_misses() -> BTreeMap<String, String> {
    let table = include_str!("captures/misses.tsv");
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (key, reason) = line.rsplit_once('\t').expect("a reason behind the last tab");
            assert!(!reason.trim().is_empty(), "no reason given for `{key}`");
            (key.to_owned(), reason.to_owned())
        })
        .collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "the scores are the result")]
fn flows_agree_with_the_ground_truth() {
    let Some(folder) = captures::captures() else { return };
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    let mut misses = BTreeSet::new();
    let mut invented = Vec::new();
    let known = known_misses();
    for file in files(&folder) {
        let (taken, _) = read(&fs::read(folder.join(&file)).unwrap());
        let entries = expected(&folder, &file);
        for entry in entries.iter().filter(|entry| !entry.disputed) {
            let score = scores.entry(entry.application.clone()).or_default();
            score.entries += 1;
            score.named += u32::from(entry.name.is_some());
            let found = find(&taken.flows, entry);
            let agrees = found.is_some_and(|flow| {
                flow.application.keyword() == entry.application && name(flow) == entry.name
            });
            if agrees {
                score.agreed += 1;
                score.named_agreed += u32::from(entry.name.is_some());
            } else {
                misses.insert(miss(entry, found));
            }
            if let Some(flow) = found {
                // The tools that gave the ground truth count copies; we tell them apart.
                score.packets_agreed +=
                    u32::from(flow.packets.unwrap() + flow.copies == entry.packets);
                score.syn_agreed += u32::from(entry.syn.is_none_or(|syn| syn == flow.syn));
            }
        }
        for flow in taken.flows.iter().filter(|flow| flow.name.is_some()) {
            let ends = Ends::of(flow);
            let is_true = entries.iter().any(|entry| {
                (entry.ends == ends || entry.ends.turned() == ends)
                    && (entry.name == name(flow)
                        || entry.disputed
                        || known.contains_key(&miss(entry, Some(flow))))
            });
            if !is_true {
                invented.push(format!("{file} {ends} {:?}", name(flow)));
            }
        }
    }
    for (application, score) in &scores {
        eprintln!(
            "{application:6} {} of {} entries, {} of {} named; packets {}, syn {}",
            score.agreed,
            score.entries,
            score.named_agreed,
            score.named,
            score.packets_agreed,
            score.syn_agreed
        );
    }
    for line in &misses {
        eprintln!("missed\t{line}");
    }
    assert!(invented.is_empty(), "names that nobody else sees:\n{}", invented.join("\n"));
    for (application, score) in &scores {
        assert!(score.at_least(99), "{application} is below 99 %");
    }
    for score in scores.values() {
        assert!(score.packets_agreed * 100 >= score.entries * 95, "packets");
        assert!(score.syn_agreed * 100 >= score.entries * 98, "syn");
    }
    let changed: Vec<String> = misses
        .iter()
        .filter(|miss| !known.contains_key(*miss))
        .map(|miss| format!("new:  {miss}"))
        .chain(known.keys().filter(|known| !misses.contains(*known)).map(|k| format!("gone: {k}")))
        .collect();
    assert!(
        changed.is_empty(),
        "the misses changed; write them to tests/captures/misses.tsv, each with its reason behind \
         a tab:\n{}",
        changed.join("\n")
    );
}

fn miss(entry: &Expected, found: Option<&CapturedFlow>) -> String {
    let show = |name: Option<String>| name.unwrap_or_else(|| "-".to_owned());
    let ours = match found {
        None => "no such flow".to_owned(),
        Some(flow) => format!("{} {}", flow.application.keyword(), show(name(flow))),
    };
    let theirs = format!("{} {}", entry.application, show(entry.name.clone()));
    format!("{}\t{}\t{}\t{theirs}\t{ours}", entry.file, entry.frame, entry.ends)
}

/// A DNS response in a form that both sides can be written in: who asked whom for what, the response
/// code, and what led on to addresses.
type Answer = (IpAddr, IpAddr, String, u16, Vec<String>);

fn ours(answer: &DnsAnswer) -> Answer {
    let records = answer
        .records
        .iter()
        .filter_map(|record| match record {
            DnsRecord::Alias { owner, target, ttl } => Some(format!("{owner} {ttl} {target}")),
            DnsRecord::Address { owner, address, ttl } => Some(format!("{owner} {ttl} {address}")),
            DnsRecord::Lost => None,
        })
        .collect();
    (answer.client, answer.server, answer.question.to_string(), answer.code.0, records)
}

/// The same from the ground truth, or `None` where the question is no host name, or not for its
/// addresses: other responses are no evidence.
fn theirs(entry: &Value) -> Option<Answer> {
    if !matches!(entry["qtype"].as_str(), Some("A" | "AAAA")) {
        return None;
    }
    let host = |value: &Value| Fqdn::parse(value.as_str()?).ok().map(|name| name.to_string());
    let records = entry["answers"]
        .as_array()?
        .iter()
        .filter(|record| matches!(record["type"].as_str(), Some("A" | "AAAA" | "CNAME")))
        .filter_map(|record| {
            let value = &record["value"];
            let target = match record["type"].as_str()? {
                "CNAME" => host(value)?,
                _ => value.as_str()?.to_owned(),
            };
            Some(format!("{} {} {target}", host(&record["name"])?, record["ttl"]))
        })
        .collect();
    let code = u16::try_from(entry["rcode"].as_u64()?).ok()?;
    let address = |key: &str| entry[key].as_str()?.parse().ok();
    Some((address("client")?, address("server")?, host(&entry["qname"])?, code, records))
}

#[test]
#[expect(clippy::print_stderr, reason = "the scores are the result")]
fn dns_answers_agree_with_the_ground_truth() {
    let Some(folder) = captures::captures() else { return };
    let (mut entries, mut agreed) = (0_u32, 0_u32);
    let mut missed = Vec::new();
    let mut made_up = Vec::new();
    for file in files(&folder) {
        let (taken, _) = read(&fs::read(folder.join(&file)).unwrap());
        let mut found: Vec<Answer> = taken.answers.iter().map(ours).collect();
        if let Ok(text) = fs::read_to_string(folder.join(format!("{file}.dns.json"))) {
            let truth: Vec<Value> = serde_json::from_str(&text).unwrap();
            for answer in truth.iter().filter_map(theirs) {
                entries += 1;
                match found.iter().position(|ours| *ours == answer) {
                    Some(place) => {
                        found.remove(place);
                        agreed += 1;
                    }
                    None => missed.push(format!("{file} {answer:?}")),
                }
            }
        }
        made_up.extend(found.into_iter().map(|answer| format!("{file} {answer:?}")));
    }
    eprintln!("{agreed} of {entries} responses agree; missed:\n{}", missed.join("\n"));
    assert!(made_up.is_empty(), "answers that nobody else sees:\n{}", made_up.join("\n"));
    // What is missed lies in tunnels, in ICMP errors or in damaged messages.
    assert!(agreed * 100 >= entries * 97, "{agreed} of {entries}");
}

#[test]
fn the_flows_of_a_file_do_not_depend_on_how_it_is_cut_into_pieces() {
    let Some(folder) = captures::captures() else { return };
    for file in files(&folder) {
        let bytes = fs::read(folder.join(&file)).unwrap();
        let (whole, whole_summary) = read(&bytes);
        let sizes: &[usize] = if bytes.len() < 20_000 { &[1, 13, 1000] } else { &[61, 5000] };
        for size in sizes {
            let mut taken = Taken::default();
            let mut reader = Reader::new();
            let fed = bytes.chunks(*size).try_for_each(|piece| reader.feed(piece, &mut taken));
            let summary = fed.and_then(|()| reader.finish(&mut taken));
            assert_eq!(summary, whole_summary, "{file} in pieces of {size}");
            assert_eq!(taken.flows, whole.flows, "{file} in pieces of {size}");
            assert_eq!(taken.answers, whole.answers, "{file} in pieces of {size}");
        }
    }
}

/// Gives so many bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(buffer.len());
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn the_flows_of_a_file_do_not_depend_on_how_many_threads_read_it() {
    let Some(folder) = captures::captures() else { return };
    for file in files(&folder) {
        let bytes = fs::read(folder.join(&file)).unwrap();
        let (whole, whole_summary) = read(&bytes);
        for threads in [1, 2] {
            let mut taken = Taken::default();
            let summary = capture::read(Pieces(&bytes, 997), threads, &mut taken);
            let summary = summary.map_err(|error| match error {
                ReadError::Capture(error) => error,
                ReadError::Input(error) => panic!("{file}: {error}"),
            });
            assert_eq!(summary, whole_summary, "{file} on {threads}");
            assert_eq!(taken.flows, whole.flows, "{file} on {threads}");
            assert_eq!(taken.answers, whole.answers, "{file} on {threads}");
        }
    }
}

#[test]
fn a_file_that_is_cut_short_gives_no_other_names() {
    let Some(folder) = captures::captures() else { return };
    for file in files(&folder) {
        let bytes = fs::read(folder.join(&file)).unwrap();
        let (whole, _) = read(&bytes);
        let names: BTreeSet<String> = whole.flows.iter().filter_map(name).collect();
        for part in 0..8 {
            let (taken, _) = read(&bytes[..bytes.len() * part / 8]);
            for found in taken.flows.iter().filter_map(name) {
                assert!(names.contains(&found), "{file} cut to {part}/8 gives {found}");
            }
        }
    }
}
