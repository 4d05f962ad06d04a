//! Host names as vectors of labels, and patterns over them.
//!
//! A label is a number. Besides those that some pattern spells, there is one for each class of
//! other labels that the patterns tell apart: those that end as a `*text` asks, by the longest such
//! text, and all the rest. Nothing else can be told of a label, so these stand for all there are.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::CertificateError;
use super::script::commented;
use super::term::Term;
use super::term::constant;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;

/// The bits of a label's number, and of the number of labels.
pub(super) const LABEL_BITS: usize = 16;

/// The most labels that are told apart: one number for each.
const MAX_LABELS: usize = 1 << LABEL_BITS;

/// The longest label (RFC 1035 §2.3.4), in bytes.
const MAX_LABEL: usize = 63;

/// What a made-up label begins with, so that it is none of those that are spelled.
const LETTERS: &str = "xyzabcdefghijklmnopqrstuvw0123456789";

/// The patterns that something asks for, by the symbols that stand for them.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// In the order in which they were asked for first.
    patterns: Vec<FqdnPattern>,
    numbers: BTreeMap<FqdnPattern, usize>,
}

impl Names {
    /// The host that is shown is one that `pattern` matches. An address is matched by `*` only
    /// (`azure-firewall.md §2.3`, modelling choice).
    pub(super) fn matches(&mut self, pattern: &FqdnPattern) -> Term {
        if *pattern == FqdnPattern::Any {
            return Term::written("shows-a-host");
        }
        let number = self.numbers.get(pattern).copied().unwrap_or_else(|| {
            self.patterns.push(pattern.clone());
            self.numbers.insert(pattern.clone(), self.patterns.len());
            self.patterns.len()
        });
        Term::written(format!("name-{number}"))
    }

    /// The labels of a name, as constants of their own, and what is known of them.
    pub(super) fn definitions(&self) -> Result<String, CertificateError> {
        let labels = Labels::of(&self.patterns)?;
        // A label more than any pattern has: longer names are told apart by nothing.
        let slots = self.patterns.iter().map(|one| spelled(one).labels().count()).max();
        let slots = slots.unwrap_or_default() + 1;
        let mut text = String::new();
        let mut line = |words: String| {
            text.push_str(&words);
            text.push('\n');
        };
        for (number, label) in labels.texts.iter().enumerate() {
            let stands_for = match labels.kinds.get(number.wrapping_sub(labels.spelled)) {
                Some(end) if end.is_empty() => ", made up for all others".to_owned(),
                Some(end) => format!(", made up for all others that end with {end}"),
                None => String::new(),
            };
            let number = constant(as_value(number), LABEL_BITS);
            line(format!("; label {number} = {label}{stands_for}"));
        }
        line("; how many labels the name has, and which, the top-level label first".to_owned());
        line("(declare-const length (_ BitVec 16))".to_owned());
        let mut valid = vec![Term::between("length", 1, as_value(slots), LABEL_BITS)];
        for slot in 1..=slots {
            line(format!("(declare-const {} (_ BitVec 16))", label_at(slot)));
            let last = as_value(labels.texts.len() - 1);
            valid.push(Term::between(&label_at(slot), 0, last, LABEL_BITS));
        }
        line(format!("(define-fun is-a-name () Bool {})", Term::all(valid)));
        for (index, pattern) in self.patterns.iter().enumerate() {
            let matches = labels.matches(pattern);
            let number = index + 1;
            line(format!(
                "(define-fun name-{number} () Bool {matches}) ; {}",
                commented(&pattern.to_string())
            ));
        }
        Ok(text)
    }

    /// The constants that make up a name.
    pub(super) fn constants(&self) -> String {
        let slots = self.patterns.iter().map(|one| spelled(one).labels().count()).max();
        let mut text = "length".to_owned();
        for slot in 1..=slots.unwrap_or_default() + 1 {
            let _ = write!(text, " {}", label_at(slot));
        }
        text
    }
}

/// The constant of the label in this place, from 1 for the top-level label.
fn label_at(place: usize) -> String {
    format!("label-{place}")
}

fn as_value(number: usize) -> u128 {
    // A `usize` is never longer.
    number as u128
}

/// What a pattern spells out; the root's place is taken by a name that `*` does not have.
fn spelled(pattern: &FqdnPattern) -> Spelled<'_> {
    Spelled(match pattern {
        FqdnPattern::Any => None,
        FqdnPattern::Exact(name) | FqdnPattern::Under(name) | FqdnPattern::EndsWith(name) => {
            Some(name)
        }
    })
}

struct Spelled<'p>(Option<&'p Fqdn>);

impl<'p> Spelled<'p> {
    /// The labels, the top-level label first.
    fn labels(&self) -> impl Iterator<Item = &'p str> {
        self.0.into_iter().flat_map(|name| name.labels().rev())
    }
}

/// The labels that some pattern tells apart.
struct Labels {
    /// By number; those that patterns spell come first.
    texts: Vec<String>,
    spelled: usize,
    /// What those behind them end with, and stand for all others that do.
    kinds: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Labels {
    fn of(patterns: &[FqdnPattern]) -> Result<Labels, CertificateError> {
        let mut whole = BTreeSet::new();
        let mut ends = BTreeSet::new();
        for pattern in patterns {
            let mut labels: Vec<&str> = spelled(pattern).labels().collect();
            if let FqdnPattern::EndsWith(_) = pattern {
                ends.extend(labels.pop());
            }
            whole.extend(labels);
        }
        // A text that only ends labels is a label, too.
        whole.extend(ends.iter().copied());
        let mut texts: Vec<String> = whole.iter().map(|label| (*label).to_owned()).collect();
        let spelled = texts.len();
        let mut kinds = Vec::new();
        let too_many = || CertificateError::TooManyLabels { most: MAX_LABELS };
        for end in ends.iter().copied().chain([""]) {
            // Where no label can be longer than `end`, there is no such kind.
            if end.len() < MAX_LABEL {
                texts.push(made_up(end, &whole, &ends).ok_or_else(too_many)?);
                kinds.push(end.to_owned());
            }
        }
        if texts.len() > MAX_LABELS {
            return Err(too_many());
        }
        let numbers = texts.iter().enumerate().map(|(number, text)| (text.clone(), number));
        let numbers = numbers.collect();
        Ok(Labels { texts, spelled, kinds, numbers })
    }

    /// The name that is shown is one that `pattern` matches.
    fn matches(&self, pattern: &FqdnPattern) -> Term {
        let labels: Vec<&str> = spelled(pattern).labels().collect();
        let count = as_value(labels.len());
        let greatest = u128::from(u16::MAX);
        let (whole, end, length) = match pattern {
            FqdnPattern::Any => (labels.as_slice(), None, (1, greatest)),
            FqdnPattern::Exact(_) => (labels.as_slice(), None, (count, count)),
            FqdnPattern::Under(_) => (labels.as_slice(), None, (count + 1, greatest)),
            FqdnPattern::EndsWith(_) => match labels.split_last() {
                Some((end, whole)) => (whole, Some(*end), (count, greatest)),
                None => (labels.as_slice(), None, (1, greatest)),
            },
        };
        let mut parts = vec![
            Term::written("shows-a-name"),
            Term::between("length", length.0, length.1, LABEL_BITS),
        ];
        for (index, label) in whole.iter().enumerate() {
            let number = self.numbers.get(*label).copied().unwrap_or_default();
            parts.push(Term::equals(&label_at(index + 1), as_value(number), LABEL_BITS));
        }
        if let Some(end) = end {
            let place = label_at(labels.len());
            let ending = self.texts.iter().enumerate().filter(|(_, text)| text.ends_with(end));
            parts.push(Term::any(
                ending.map(|(number, _)| Term::equals(&place, as_value(number), LABEL_BITS)),
            ));
        }
        Term::all(parts)
    }
}

/// A label that ends with `end`, with no longer one of `ends`, and is none of `spelled`.
fn made_up(end: &str, spelled: &BTreeSet<&str>, ends: &BTreeSet<&str>) -> Option<String> {
    let fits = |label: &String| {
        let is_other = |longer: &&&str| longer.len() > end.len() && label.ends_with(**longer);
        !spelled.contains(label.as_str()) && ends.iter().find(is_other).is_none()
    };
    let one = LETTERS.chars().map(|letter| format!("{letter}{end}"));
    let two = LETTERS
        .chars()
        .flat_map(|first| LETTERS.chars().map(move |second| format!("{first}{second}{end}")));
    // Of three letters there are more than labels to tell apart.
    let three = LETTERS.chars().flat_map(|first| {
        LETTERS.chars().flat_map(move |second| {
            LETTERS.chars().map(move |third| format!("{first}{second}{third}{end}"))
        })
    });
    let mut candidates =
        one.chain(two).chain(three).filter(|label| label.len() <= MAX_LABEL).filter(fits);
    candidates.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definitions(patterns: &[&str]) -> String {
        let mut names = Names::default();
        for pattern in patterns {
            names.matches(&pattern.parse().unwrap());
        }
        names.definitions().unwrap()
    }

    #[test]
    fn a_label_is_made_up_for_each_kind_that_patterns_tell_apart() {
        let text = definitions(&["*contoso.com", "xcontoso.com", "*so.com"]);
        let labels: Vec<&str> = text.lines().filter(|line| line.starts_with("; label")).collect();
        assert_eq!(
            labels,
            [
                "; label #x0000 = com",
                "; label #x0001 = contoso",
                "; label #x0002 = so",
                "; label #x0003 = xcontoso",
                "; label #x0004 = ycontoso, made up for all others that end with contoso",
                "; label #x0005 = xso, made up for all others that end with so",
                "; label #x0006 = x, made up for all others",
            ]
        );
    }

    #[test]
    fn patterns_say_how_long_names_are() {
        let text = definitions(&["www.contoso.com", "*.contoso.com"]);
        let long = "(and shows-a-name (= length #x0003) (= label-1 #x0000) (= label-2 #x0001) (= label-3 #x0002))";
        assert!(text.contains(&format!("name-1 () Bool {long}) ; www.contoso.com")), "{text}");
        let below =
            "(and shows-a-name (bvule #x0003 length) (= label-1 #x0000) (= label-2 #x0001))";
        assert!(text.contains(&format!("name-2 () Bool {below}) ; *.contoso.com")), "{text}");
    }

    #[test]
    fn a_label_that_cannot_be_longer_has_no_kind() {
        let end = "a".repeat(MAX_LABEL);
        let text = definitions(&[&format!("*{end}")]);
        assert!(text.contains("; label #x0001 = x, made up"), "{text}");
        assert!(!text.contains("; label #x0002"), "{text}");
    }
}
