//! The laws that fuzzing tries to break.
//!
//! Each is a plain function over bytes that panics where the law does not hold. Bytes that say
//! nothing the law is about are passed over. A file in `fuzz_targets` hands each to the fuzzer;
//! `tests/laws.rs` of the main package tries them on the corpus and on what fuzzing found before,
//! without a fuzzer.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hash as _;
use std::hash::Hasher as _;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use exeat::azure::Deployment;
use exeat::capture::CaptureError;
use exeat::capture::CapturedFlow;
use exeat::capture::Reader;
use exeat::capture::Sink;
use exeat::capture::Summary;
use exeat::compile;
use exeat::diagnostic::FileId;
use exeat::diagnostic::Severity;
use exeat::diagnostic::SourceMap;
use exeat::diagnostic::render;
use exeat::emit;
use exeat::evidence::DnsAnswer;
use exeat::evidence::Evidence;
use exeat::evidence::Lock;
use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::FqdnPattern;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::NameSet;
use exeat::flow::Payload;
use exeat::flow::Request;
use exeat::flow::notation::FlowText;
use exeat::import;
use exeat::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Classifier;
use exeat::simulate::Environment;
use exeat::simulate::Outcome;
use exeat::simulate::Simulator;
use exeat::syntax;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A law over the fuzzer's bytes.
pub type Law = fn(&[u8]);

/// Every law under the name of its target, corpus and regressions.
pub const LAWS: &[(&str, Law)] = &[
    ("source", source),
    ("list", list),
    ("deployment", deployment),
    ("lock", lock),
    ("capture", capture),
    ("log", log),
    ("notation", notation),
    ("names", names),
];

/// Packets that may lie in one frame: one, and those in it that are looked into.
const LAYERS: u64 = 9;

/// The day on which lists are judged.
const TODAY: Date = Date::constant(2026, 3, 1);

/// A text without mistakes is formatted to one that reads as the same tree with the same comments,
/// and formatting that changes nothing. Mistakes stand within the text and can be drawn.
///
/// # Panics
///
/// Where the law does not hold.
pub fn source(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut map = SourceMap::new();
    let Ok(file) = map.add("law.egress", text.to_owned()) else { return };
    let (tree, mistakes) = syntax::parse(file, text);
    for mistake in &mistakes {
        let label = mistake.primary().expect("a mistake has a place");
        assert!(text.get(label.span.range()).is_some(), "{mistake:?} stands outside the text");
        render::draw(mistake, &map, render::Style::Plain);
    }
    if !mistakes.is_empty() {
        return;
    }

    let written = syntax::format(&tree).expect("what is read can be written");
    let (again, mistakes) = syntax::parse(FileId::NONE, &written);
    assert!(mistakes.is_empty(), "{mistakes:?} in the formatted\n{written}");
    assert_eq!(again.statements, tree.statements, "formatting changed the tree:\n{written}");
    assert_eq!(again.comments, tree.comments, "formatting changed the comments:\n{written}");
    assert_eq!(syntax::format(&again).as_deref(), Ok(written.as_str()), "formatting goes on");
}

/// A list means the same in any order. What it compiles to can be decided, and no flow of its
/// examples is a leak: one that surely leaves and surely is not permitted, under the default
/// assumptions and without evidence. What is undetermined on either side is passed over.
///
/// # Panics
///
/// Where the law does not hold.
pub fn list(bytes: &[u8]) {
    let mut only = Some(bytes.to_vec());
    let mut read = |_: &std::path::Path| only.take().ok_or(io::ErrorKind::NotFound.into());
    let resolved = resolve::resolve("list.egress", &mut read, &resolve::Options::default());
    let mistaken = resolved.diagnostics.iter().any(|found| found.severity() == Severity::Error);
    assert_eq!(resolved.intent.is_none(), mistaken, "{:?}", resolved.diagnostics);
    let Some(intent) = resolved.intent else { return };

    let mut turned = intent.clone();
    turned.permissions.reverse();
    turned.denies.reverse();
    let nothing = Deployment::default();
    let compiled = compile::compile(&intent, &nothing, TODAY);
    let turned = compile::compile(&turned, &nothing, TODAY);
    assert_eq!(compiled.is_ok(), turned.is_ok(), "the order decided whether the list can be had");
    let (Ok(compiled), Ok(turned)) = (compiled, turned) else { return };
    assert_eq!(compiled.deployment, turned.deployment, "the order changed the deployment");

    let simulator = Simulator::new(&compiled.deployment).expect("what is compiled has an order");
    let at = TODAY.to_zoned(TimeZone::UTC).expect("a day within range").timestamp();
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
    for flow in intent.examples.iter().flat_map(|example| &example.flows) {
        let decision = simulator.judge(flow, &environment);
        let judged = intent.judge(flow, &environment);
        let outcome = Outcome::of(Some(&judged), &decision);
        assert_ne!(outcome, Outcome::Leak, "{flow}: {decision:?}, but {judged:?}");
    }
}

/// A deployment that was read is written so that it is read back as the same, both engines say the
/// same of flows near what its text names, and a text that is refused is refused at a place within
/// it.
///
/// # Panics
///
/// Where the law does not hold.
pub fn deployment(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match import::json::read(text) {
        Ok(deployment) => {
            let written = emit::json::write(&deployment).expect("what is read can be written");
            let again = import::json::read(&written).expect("what we write, we can read");
            assert_eq!(again, deployment, "writing changed the deployment:\n{written}");
            let rewritten = emit::json::write(&again).expect("what is read can be written");
            assert_eq!(rewritten, written, "writing again changed the text");
            engines(&deployment, &written);
        }
        Err(error) => {
            assert!(!error.problems.is_empty(), "refused without a reason");
            for problem in &error.problems {
                assert!(problem.offset <= text.len(), "{problem} stands outside the text");
            }
        }
    }
}

/// How many flows are put to both engines.
const FLOWS: usize = 60;

/// The fast engine says of each flow what the slow one says, whatever holds.
fn engines(deployment: &Deployment, text: &str) {
    let Ok(slow) = Simulator::new(deployment) else { return };
    let fast = Classifier::new(&slow);
    let named = Named::of(text);
    for number in 0..FLOWS {
        let flow = named.flow(number);
        let holds = |atom: &Atom| {
            let mut hasher = DefaultHasher::new();
            (number, atom).hash(&mut hasher);
            hasher.finish() % 4 < number as u64 % 4
        };
        let (mut asked, mut same) = (Vec::new(), Vec::new());
        let ask = |asked: &mut Vec<Atom>, atom: &Atom| {
            asked.push(atom.clone());
            holds(atom)
        };
        let expected = slow.decide(&flow, &mut |atom| ask(&mut asked, atom));
        let indexed = fast.simulator().decide(&flow, &mut |atom| ask(&mut same, atom));
        assert_eq!((&indexed, &same), (&expected, &asked), "{flow} by index");
        let found = fast.classify(&flow, &mut |atom| holds(atom));
        let said = (found.verdict, found.reason, found.rule.as_deref());
        assert_eq!(said, (expected.verdict, expected.reason, expected.rule.as_ref()), "{flow}");
    }
}

/// What a text names of which flows can be made.
struct Named {
    addresses: Vec<IpAddr>,
    ports: Vec<u16>,
    names: Vec<Host>,
}

impl Named {
    /// The ends of what stands between quotation marks, with their neighbours.
    fn of(text: &str) -> Named {
        let mut named = Named {
            addresses: ["203.0.113.5", "10.1.8.4", "2001:db8::5"]
                .map(|a| a.parse().unwrap())
                .into(),
            ports: vec![443, 80, 53],
            names: vec![Host::parse("unnamed.example").unwrap()],
        };
        for word in text.split('"').flat_map(|word| word.split([',', ':', '-'])) {
            let (start, length) = word.split_once('/').unwrap_or((word, "32"));
            if let (Ok(start), Ok(length)) = (start.parse::<Ipv4Addr>(), length.parse::<u32>()) {
                let start = u32::from(start);
                let size = 1_u32.checked_shl(32_u32.saturating_sub(length)).unwrap_or(0);
                let end = start.wrapping_add(size.wrapping_sub(1));
                let ends = [start.wrapping_sub(1), start, end, end.wrapping_add(1)];
                named.addresses.extend(ends.map(|end| IpAddr::from(Ipv4Addr::from(end))));
            } else if let Ok(port) = word.parse::<u16>() {
                named.ports.extend([port.wrapping_sub(1), port, port.wrapping_add(1)]);
            } else if let Ok(pattern) = FqdnPattern::parse(word) {
                let hosts = match pattern {
                    FqdnPattern::Any => vec!["203.0.113.9".to_owned()],
                    FqdnPattern::Exact(name) => vec![name.to_string(), format!("a.{name}")],
                    FqdnPattern::Under(end) => vec![format!("a.{end}"), format!("b{end}")],
                    FqdnPattern::EndsWith(end) => vec![end.to_string(), format!("a{end}")],
                };
                named.names.extend(hosts.iter().filter_map(|host| Host::parse(host).ok()));
            }
        }
        // IPv6 is written with the colons that separate ports.
        let starts = text.split('"').filter_map(|word| word.split('/').next());
        named.addresses.extend(starts.filter_map(|start| start.parse::<IpAddr>().ok()));
        named
    }

    fn flow(&self, number: usize) -> Flow {
        // Steps without a common factor with most lengths, so that all meet all in the end.
        let at = |step: usize, length: usize| (number * step + step) % length.max(1);
        let name = || Some(self.names[at(31, self.names.len())].clone());
        let port = self.ports[at(17, self.ports.len())];
        let path = ["/", "/a", "/a/b?c"][number % 3].to_owned();
        let request = |host, port| Request { host, port, path };
        let payload = match number % 9 {
            0..3 => Payload::Tls { name: name(), inner: None },
            3 => Payload::Tls { name: name(), inner: Some(request(name(), None)) },
            4 => Payload::Http(request(name(), None)),
            5 => Payload::Http(request(name(), Some(port))),
            6 => Payload::Mssql { name: name() },
            7 => Payload::Silent,
            _ => Payload::Other,
        };
        Flow {
            source: self.addresses[at(13, self.addresses.len())],
            source_port: if number.is_multiple_of(5) { 0 } else { 50_000 },
            destination: self.addresses[at(29, self.addresses.len())],
            destination_port: port,
            protocol: [IpProtocol::TCP, IpProtocol::UDP, IpProtocol::TCP, IpProtocol::ICMP]
                [number / 9 % 4],
            payload,
        }
    }
}

/// A lock that was read is written so that it is read back as the same, in the same text.
///
/// # Panics
///
/// Where the law does not hold.
pub fn lock(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(lock) = Lock::read(text) else { return };
    let written = lock.write();
    let again = Lock::read(&written).expect("what we write, we can read");
    assert_eq!(again, lock, "writing changed the lock:\n{written}");
    assert_eq!(again.write(), written, "writing again changed the text");
}

/// A capture gives the same flows, answers and summary, or the same error, however it is cut into
/// pieces; no more comes out than went in; and each packet is counted in one flow.
///
/// # Panics
///
/// Where the law does not hold.
pub fn capture(bytes: &[u8]) {
    let (whole, result) = captured(bytes, bytes.len().max(1));
    for size in [1, 1 + bytes.len() % 61] {
        let (taken, again) = captured(bytes, size);
        assert_eq!(again, result, "in pieces of {size}");
        assert_eq!(taken, whole, "in pieces of {size}");
    }
    let mut by_two = Captured::default();
    let pieces = Pieces { rest: bytes, most: 1 + bytes.len() / 3 };
    let again = exeat::capture::read(pieces, 2, &mut by_two).map_err(|error| error.to_string());
    let expected = result.clone().map_err(|error| error.to_string());
    assert_eq!(again, expected, "with two threads");
    assert!(again.is_err() || by_two == whole, "with two threads: {by_two:?} for {whole:?}");

    let opened: usize = whole.flows.iter().map(|flow| flow.openings.len() + flow.names.len()).sum();
    // Compression may hide any number of packets in a few bytes; they are counted below.
    assert!(
        is_compressed(bytes) || opened + whole.answers.len() <= bytes.len(),
        "more out than in"
    );
    assert!(whole.flows.iter().all(|flow| !flow.openings.is_empty()), "a flow that asks nothing");
    // What a log counts is the log's affair; it has a law of its own.
    if let Ok(summary) = result
        && summary.logs.is_empty()
    {
        let packets: u64 = whole.flows.iter().filter_map(|flow| flow.packets).sum();
        assert_eq!(packets, summary.packets, "a packet is counted twice or not at all");
        let outside = whole.flows.iter().filter(|flow| flow.depth == 0);
        let outside: u64 = outside.filter_map(|flow| flow.packets).sum();
        assert!(outside <= summary.frames, "more packets than frames");
        let most = summary.frames * LAYERS;
        assert!(packets + summary.copies <= most, "more packets than lie in each other");
        assert!(whole.flows.iter().all(|flow| flow.frame <= summary.frames));
    }
}

/// A flow log gives the same flows however it is cut into pieces, each asks something, and it gives no
/// more of them than it has records. Bytes that are no log are passed over.
///
/// # Panics
///
/// Where the law does not hold.
pub fn log(bytes: &[u8]) {
    let (whole, result) = captured(bytes, bytes.len().max(1));
    for size in [1, 1 + bytes.len() % 61] {
        let (taken, again) = captured(bytes, size);
        assert_eq!(again, result, "in pieces of {size}");
        assert_eq!(taken, whole, "in pieces of {size}");
    }
    let Ok(summary) = result else { return };
    if summary.logs.is_empty() {
        return;
    }
    assert!(whole.flows.iter().all(|flow| !flow.openings.is_empty()), "a flow that asks nothing");
    assert!(
        whole.flows.iter().all(|flow| flow.first <= flow.last),
        "a flow that ends before it begins"
    );
    let others = summary.unreadable.records + summary.passed_over;
    assert!(others <= summary.frames, "more records than there are");
    // A row of a table that Log Analytics gives is no record of the file.
    let most = if is_compressed(bytes) { usize::MAX } else { bytes.len() };
    assert!(whole.flows.len() + whole.answers.len() <= most, "more out than in");
}

/// Whether a file is one that unfolds: gzip, or Zstandard, also behind a frame that is skipped.
fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
        || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// A file that is read in pieces.
struct Pieces<'b> {
    rest: &'b [u8],
    most: usize,
}

impl io::Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.most.min(into.len()).min(self.rest.len());
        let (here, behind) = self.rest.split_at(length);
        into[..length].copy_from_slice(here);
        self.rest = behind;
        Ok(length)
    }
}

/// Everything that a capture gave.
#[derive(Debug, Default, PartialEq)]
struct Captured {
    flows: Vec<CapturedFlow>,
    answers: Vec<DnsAnswer>,
}

impl Sink for Captured {
    fn flow(&mut self, flow: CapturedFlow) {
        self.flows.push(flow);
    }

    fn answer(&mut self, answer: DnsAnswer) {
        self.answers.push(answer);
    }
}

/// What a capture gives when it is fed in pieces of `size` bytes.
fn captured(bytes: &[u8], size: usize) -> (Captured, Result<Summary, CaptureError>) {
    let mut taken = Captured::default();
    let mut reader = Reader::new();
    let fed = bytes.chunks(size).try_for_each(|piece| reader.feed(piece, &mut taken));
    let result = fed.and_then(|()| reader.finish(&mut taken));
    (taken, result)
}

/// What a flow in text says is printed so that it is read back as the same.
///
/// # Panics
///
/// Where the law does not hold.
pub fn notation(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(written) = FlowText::parse(text) else { return };
    let Some(observation) = written.to_observation() else { return };
    let printed = observation.to_string();
    let again = FlowText::parse(&printed).expect("what we print, we can read");
    assert_eq!(again.to_observation().as_ref(), Some(&observation), "{text} printed as {printed}");
}

/// A set of names holds exactly what its patterns match, and so do union, intersection and
/// difference; what a pattern or a set prints is read back as the same.
///
/// The first line is a name; the patterns that follow belong to two sets in turn.
///
/// # Panics
///
/// Where the law does not hold.
pub fn names(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut lines = text.lines();
    let Some(Ok(name)) = lines.next().map(Fqdn::parse) else { return };
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for pattern in lines.filter_map(|line| FqdnPattern::parse(line).ok()) {
        let again = FqdnPattern::parse(&pattern.to_string()).expect("what we print, we can read");
        assert_eq!(again, pattern, "printing changed a pattern");
        if left.len() > right.len() { right.push(pattern) } else { left.push(pattern) }
    }

    let (in_left, left) = matched_and_set(&left, &name);
    let (in_right, right) = matched_and_set(&right, &name);
    assert_eq!(left.union(&right).contains(&name), in_left || in_right, "union, {name}");
    assert_eq!(left.intersection(&right).contains(&name), in_left && in_right, "both, {name}");
    assert_eq!(left.difference(&right).contains(&name), in_left && !in_right, "without, {name}");
}

/// Whether one of `patterns` matches `name`, and the set of them, which must say the same.
fn matched_and_set(patterns: &[FqdnPattern], name: &Fqdn) -> (bool, NameSet) {
    let matched = patterns.iter().any(|pattern| pattern.matches(name));
    let set: NameSet = patterns.iter().collect();
    assert_eq!(set.contains(name), matched, "{name} in {patterns:?}");
    if let Some(told) = set.patterns() {
        let again: NameSet = told.iter().collect();
        assert_eq!(again, set, "{patterns:?} told as {told:?}");
    }
    (matched, set)
}
