//! The sets of flows against Z3: the same questions of the same rules, to both.
//!
//! Each pair of rule sets, policies or lists, is asked three things: whether they are equal, whether
//! one holds the other, and whether nothing is left of one behind the denies of the other. One side
//! is what `exeat::prove` makes of it; the other is the text that `exeat::certificate` writes, decided by Z3
//! where one is installed. `cargo test --test z3` asks of [`PAIRS`] pairs; `EXEAT_Z3=500` of so many, and
//! `-- --nocapture` shows shares and times.
#![cfg(test)]

#[path = "square/draw.rs"]
mod draw;
#[path = "support/list.rs"]
#[expect(dead_code, reason = "lists here have no network")]
mod list;
#[path = "z3/lists.rs"]
mod lists;
#[path = "z3/points.rs"]
mod points;
#[path = "z3/policies.rs"]
mod policies;
#[path = "support/z3.rs"]
mod z3;

use std::time::Duration;
use std::time::Instant;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::date;

use exeat::azure::Deployment;
use exeat::certificate::Definitions;
use exeat::certificate::Given;
use exeat::certificate::Readings;
use exeat::emit;
use exeat::evidence::Evidence;
use exeat::flow::AddressSet;
use exeat::flow::Atom;
use exeat::flow::FqdnPattern;
use exeat::flow::IpProtocol;
use exeat::flow::PortRange;
use exeat::flow::set::flows::AxisSet;
use exeat::flow::set::flows::Cuts;
use exeat::flow::set::flows::FlowSet;
use exeat::flow::set::flows::PayloadForm;
use exeat::flow::set::flows::ShownSet;
use exeat::import;
use exeat::prove::FlowAtom;
use exeat::prove::outcomes;
use exeat::prove::stances;
use exeat::simulate::Assumptions;
use exeat::simulate::Simulator;

use self::draw::Draw;
use self::lists::List;
use self::points::point;
use self::policies::Policies;

/// How many pairs a test run asks about.
const PAIRS: u64 = 40;

/// The most rules of a set.
const MOST_RULES: usize = 60;

/// The least share of each answer, in hundredths of all questions.
const LEAST_SHARE: usize = 35;

/// The nodes that the sets of one question may take.
const MAX_NODES: usize = 1 << 22;

const TODAY: Date = date(2026, 3, 1);

/// Three rule sets, as sets of flows and as symbols of one text.
struct Pair {
    sets: [FlowSet<FlowAtom>; 3],
    definitions: String,
    symbols: [&'static str; 3],
}

/// The pair of this seed: one in three is of lists.
fn pair(seed: u64) -> Pair {
    let mut draw = Draw::new(seed);
    let most = if draw.chance(30) { 6 } else { MOST_RULES };
    if seed.is_multiple_of(3) { lists(&mut draw, most) } else { policies(&mut draw, most) }
}

fn policies(draw: &mut Draw, most: usize) -> Pair {
    let one = Policies::draw(draw, most);
    let other = one.neighbour(draw);
    let rest = one.without(&other);
    // Names that only Azure knows are let out of what no rule matches, so nothing would be empty.
    let closes = draw.chance(60);
    let readings = Readings { infrastructure: closes.then_some(false), ..Readings::default() };
    let mut assumptions = Assumptions::default();
    if closes {
        assumptions.set("infrastructure=empty").expect("a reading");
    }
    let assumptions = assumptions.in_proofs();
    let mut definitions = Definitions::new(readings);
    let sets = [("a-", &one), ("b-", &other), ("c-", &rest)].map(|(prefix, policies)| {
        let stated = policies.stated(draw).to_string();
        let deployment =
            import::json::read(&stated).unwrap_or_else(|error| panic!("{error}:\n{stated}"));
        let files = emit::arm::write(&deployment).expect("templates");
        let templates: Vec<Given<'_>> = files
            .iter()
            .filter(|file| !file.is_script && file.path != emit::arm::ORDER_FILE)
            .map(|file| Given { file: &file.path, text: &file.text })
            .collect();
        definitions.add_policy(prefix, &templates).expect("rules that are covered");
        let simulator = Simulator::new(&deployment).expect("an order");
        let sets = outcomes(&simulator, &Evidence::default(), &assumptions, MAX_NODES);
        sets.expect("small sets").allow
    });
    let definitions = definitions.text().expect("few labels");
    Pair { sets, definitions, symbols: ["a-leaves", "b-leaves", "c-leaves"] }
}

fn lists(draw: &mut Draw, most: usize) -> Pair {
    let one = List::draw(draw, most);
    let other = one.neighbour(draw);
    let rest = one.without(&other);
    let mut definitions = Definitions::new(Readings::default());
    let sets = [("a-", &one), ("b-", &other), ("c-", &rest)].map(|(prefix, list)| {
        let intent = list.intent();
        definitions.add_list(prefix, &intent, Timestamp::UNIX_EPOCH).expect("a list");
        let nothing = Deployment::default();
        let simulator = Simulator::new(&nothing).expect("an order");
        let assumptions = Assumptions::default().in_proofs();
        let list = (&intent, TODAY);
        let sets = stances(list, &simulator, &Evidence::default(), &assumptions, MAX_NODES);
        sets.expect("small sets").permitted
    });
    let definitions = definitions.text().expect("few labels");
    Pair { sets, definitions, symbols: ["a-permits", "b-permits", "c-permits"] }
}

impl Pair {
    /// What the sets of flows say: whether each question has a flow for an answer.
    fn by_sets(&self) -> [bool; 3] {
        let [one, other, rest] = &self.sets;
        let mut cuts = Cuts::default();
        cuts.extend_set(one);
        cuts.extend_set(other);
        let left = cuts.with_algebra(MAX_NODES, |mut algebra| {
            let (one, other) = (algebra.thaw(one)?, algebra.thaw(other)?);
            let left = algebra.difference(one, other)?;
            Ok::<_, exeat::flow::set::flows::AlgebraError>(!algebra.is_empty(left))
        });
        let left = left.expect("an algebra").expect("small sets");
        [one != other, left, !rest.is_empty()]
    }

    /// The same questions for Z3.
    fn script(&self) -> String {
        let [one, other, rest] = self.symbols;
        let questions = [
            format!("(distinct {one} {other})"),
            format!("(and {one} (not {other}))"),
            rest.to_owned(),
        ];
        let asked = questions.map(|question| {
            format!("(push)\n(assert is-a-flow)\n(assert {question})\n(check-sat)\n(pop)\n")
        });
        format!("(push)\n{}{}(pop)\n", self.definitions, asked.concat())
    }
}

/// What witnesses are preferred to have: some of these, in this order.
fn preferences(draw: &mut Draw) -> Vec<AxisSet> {
    let port = |port| AxisSet::destination_ports(&PortRange::single(port).into());
    let prefix = |text: &str| -> AddressSet { text.parse::<IpNet>().expect("a prefix").into() };
    let names = |text: &str| {
        let pattern: FqdnPattern = text.parse().expect("a pattern");
        AxisSet::names(&ShownSet::names([&pattern].into_iter().collect()))
    };
    let payloads = [PayloadForm::Http, PayloadForm::Tls, PayloadForm::Mssql, PayloadForm::Other];
    let all = [
        AxisSet::payloads([draw.pick(&payloads)]),
        AxisSet::protocols([draw.pick(&[IpProtocol::TCP, IpProtocol::UDP, IpProtocol::ICMP])]),
        port(draw.pick(&[80, 443, 1433, 8443, 11_000, 8080, 22])),
        AxisSet::request_ports(false, &PortRange::ALL.into()),
        names(draw.pick(&["*.example.com", "*.example.org", "*le.com", "*.net", "example.com"])),
        AxisSet::sources(&prefix(draw.pick(&["10.1.8.0/24", "10.1.0.0/22", "fd00:1::/64"]))),
        AxisSet::destinations(&prefix(draw.pick(&["203.0.113.0/24", "10.20.0.0/16"]))),
    ];
    draw.some(&all, 1, 5)
}

impl Pair {
    /// Flows of each set, and flows that lie outside, each with what it must not be to Z3.
    fn points(&self, draw: &mut Draw) -> Vec<(String, String)> {
        let mut points = Vec::new();
        for (set, symbol) in self.sets.iter().zip(self.symbols) {
            let mut cuts = Cuts::default();
            cuts.extend_set(set);
            let preferred = preferences(draw);
            cuts.extend(&preferred);
            let outside = cuts.with_algebra(MAX_NODES, |mut algebra| {
                let (all, set) = (algebra.all(), algebra.thaw(set)?);
                let outside = algebra.difference(all, set)?;
                algebra.freeze(outside)
            });
            let outside = outside.expect("an algebra").expect("small sets");
            for (set, against) in [(set, format!("(not {symbol})")), (&outside, symbol.to_owned())]
            {
                let Some(witness) = set.witness(&preferred) else { continue };
                let facts = witness.atoms.iter();
                let facts =
                    facts.filter_map(|(atom, holds)| Some((atom.at(&witness.flow)?, *holds)));
                let facts: Vec<(Atom, bool)> = facts.collect();
                let at = point(&self.definitions, &witness.flow, &facts);
                points.push((at, against));
            }
        }
        points
    }
}

#[test]
fn flows_in_sets_and_outside_are_the_same_to_z3() {
    if !z3::is_there() {
        return;
    }
    let (mut asked, mut wrong) = (0, Vec::new());
    for seed in 0..pairs_asked_for() {
        let pair = pair(seed);
        let mut draw = Draw::new(!seed);
        let points: Vec<_> = (0..4).flat_map(|_| pair.points(&mut draw)).collect();
        let questions = points.iter().map(|(point, against)| {
            format!(
                "(push)\n(assert is-a-flow)\n(assert {point})\n(check-sat)\n(assert {against})\n(check-sat)\n(pop)\n"
            )
        });
        let script = pair.definitions.clone() + &questions.collect::<String>();
        let printed = z3::printed(&script);
        let answers: Vec<&str> = printed.lines().collect();
        assert_eq!(answers.len(), 2 * points.len(), "seed {seed}: {printed}");
        for ((point, against), answers) in points.iter().zip(answers.chunks(2)) {
            if answers != ["sat", "unsat"] {
                wrong.push(format!("seed {seed}: {answers:?}: {against} at {point}"));
            }
        }
        asked += points.len();
    }
    assert!(
        wrong.is_empty(),
        "{} of {asked}: {}",
        wrong.len(),
        wrong[..3.min(wrong.len())].join("\n")
    );
}

#[expect(clippy::disallowed_methods, reason = "the environment says how much is to be asked")]
fn pairs_asked_for() -> u64 {
    let asked = std::env::var("EXEAT_Z3").ok();
    asked.map_or(PAIRS, |text| text.parse().expect("a number"))
}

#[expect(clippy::disallowed_methods, reason = "how long it takes is shown")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

#[test]
#[expect(clippy::print_stderr, reason = "shares and times are part of the result")]
fn sets_of_flows_and_z3_say_the_same_of_equality_containment_and_emptiness() {
    if !z3::is_there() {
        return;
    }
    let count = pairs_asked_for();
    let (mut flows_found, mut questions, mut of_each) = (0, 0, [0; 3]);
    let (mut by_sets, mut by_z3, mut longest) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut wrong = Vec::new();
    for seed in 0..count {
        let pair = pair(seed);
        let (expected, took) = timed(|| pair.by_sets());
        by_sets += took;
        let (printed, took) = timed(|| z3::printed(&pair.script()));
        by_z3 += took;
        longest = longest.max(took);
        let found: Vec<bool> = printed
            .lines()
            .map(|line| match line {
                "sat" => true,
                "unsat" => false,
                other => panic!("seed {seed}: z3 says `{other}`"),
            })
            .collect();
        questions += found.len();
        for (count, is_sat) in of_each.iter_mut().zip(&found) {
            *count += usize::from(*is_sat);
        }
        flows_found += found.iter().filter(|is_sat| **is_sat).count();
        if found != expected {
            wrong.push(format!("seed {seed}: sets say {expected:?}, Z3 {found:?}"));
        }
    }
    eprintln!(
        "{count} pairs, {questions} questions: {flows_found} sat (by question {of_each:?}), {} unsat; Z3 took {by_z3:.1?}, for one pair at \
         most {longest:.1?}; the sets, once made, {by_sets:.1?}",
        questions - flows_found
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(u64::try_from(questions), Ok(3 * count));
    for share in [flows_found, questions - flows_found] {
        assert!(share * 100 >= questions * LEAST_SHARE, "{share} of {questions}");
    }
}
