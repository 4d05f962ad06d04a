//! The laws that fuzzing tries to break.
//!
//! Each is a plain function over bytes that panics where the law does not hold. Bytes that say
//! nothing the law is about are passed over. A file in `fuzz_targets` hands each to the fuzzer;
//! `tests/laws.rs` of the main package tries them on the corpus and on what fuzzing found before,
//! without a fuzzer.

use exeat::flow::Fqdn;
use exeat::flow::FqdnPattern;
use exeat::flow::NameSet;
use exeat::flow::notation::FlowText;

/// A law over the fuzzer's bytes.
pub type Law = fn(&[u8]);

/// Every law under the name of its target, corpus and regressions.
pub const LAWS: &[(&str, Law)] = &[("names", names), ("notation", notation)];

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
