//! What the slow engine makes of a class of flows, as questions to the environment.

use std::net::IpAddr;

use super::super::inquiry::Inquiry;
use crate::flow::Atom;
use crate::flow::Flow;

/// The most ends that are kept of one class. A subnet with a route for each of a hundred service
/// tags asks too much to be worth it.
const MAX_ENDS: usize = 32;

/// Questions in the order in which the slow engine puts them, each once, and what it says after each
/// way to answer them. One whose answer changes nothing is left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Questions<T> {
    Ask {
        question: Question,
        no: Box<Questions<T>>,
        yes: Box<Questions<T>>,
    },
    End(T),
    /// The slow engine has to be asked.
    Slow,
}

/// A question about any flow of a class.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Question {
    /// Whether the end of the flow is in the service tag.
    InServiceTag { tag: String, end: FlowEnd },
    /// Whether the tag's prefix there is longer.
    TagPrefixLonger { tag: String, end: FlowEnd, bits: u8 },
    /// Which reading is the true one.
    Reading { setting: &'static str },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FlowEnd {
    Source,
    Destination,
}

impl<T: PartialEq> Questions<T> {
    /// What `run` asks and says of `flow`, whose source is not its destination. `run` must not
    /// depend on more of it than all flows of its class have in common, but for the addresses in
    /// what it asks; `None` is for what it cannot say of all of them.
    pub(super) fn of(flow: &Flow, run: &dyn Fn(&mut Inquiry<'_>) -> Option<T>) -> Questions<T> {
        let mut ends = MAX_ENDS;
        Questions::after(&mut Vec::new(), flow, run, &mut ends)
    }

    fn after(
        given: &mut Vec<(Atom, bool)>,
        flow: &Flow,
        run: &dyn Fn(&mut Inquiry<'_>) -> Option<T>,
        ends: &mut usize,
    ) -> Questions<T> {
        let mut next: Option<Atom> = None;
        let mut oracle = |atom: &Atom| {
            let answer = given.iter().find(|(asked, _)| asked == atom);
            if answer.is_none() {
                next.get_or_insert_with(|| atom.clone());
            }
            answer.is_some_and(|(_, answer)| *answer)
        };
        let outcome = run(&mut Inquiry::new(&mut oracle));
        let Some(atom) = next else {
            *ends = ends.saturating_sub(1);
            return outcome.map_or(Questions::Slow, Questions::End);
        };
        let question = Question::about(flow, &atom).filter(|_| *ends > 0);
        let Some(question) = question else { return Questions::Slow };
        let mut answered = |answer| {
            given.push((atom.clone(), answer));
            let questions = Questions::after(given, flow, run, ends);
            given.pop();
            Box::new(questions)
        };
        let (no, yes) = (answered(false), answered(true));
        if no == yes { *no } else { Questions::Ask { question, no, yes } }
    }

    /// What is said of `flow` where `oracle` answers; `None` is for the slow engine.
    #[inline]
    pub(super) fn put(&self, flow: &Flow, oracle: &mut dyn FnMut(&Atom) -> bool) -> Option<&T> {
        let mut at = self;
        loop {
            match at {
                Questions::Ask { question, no, yes } => {
                    at = if oracle(&question.atom(flow)) { yes } else { no };
                }
                Questions::End(end) => return Some(end),
                Questions::Slow => return None,
            }
        }
    }
}

impl Question {
    /// `atom` as a question about any flow; `None` where it can be one about `flow` alone.
    fn about(flow: &Flow, atom: &Atom) -> Option<Question> {
        let end = |address: IpAddr| match address {
            _ if address == flow.destination => Some(FlowEnd::Destination),
            _ if address == flow.source => Some(FlowEnd::Source),
            _ => None,
        };
        match atom {
            Atom::InServiceTag { tag, address } => {
                Some(Question::InServiceTag { tag: tag.clone(), end: end(*address)? })
            }
            Atom::TagPrefixLonger { tag, address, bits } => {
                let (tag, end, bits) = (tag.clone(), end(*address)?, *bits);
                Some(Question::TagPrefixLonger { tag, end, bits })
            }
            Atom::Reading { setting } => Some(Question::Reading { setting }),
            Atom::FirewallAnswer { .. }
            | Atom::InFqdnTag { .. }
            | Atom::InWebCategory { .. }
            | Atom::Infrastructure { .. }
            | Atom::Resolvable { .. }
            | Atom::ThreatListed { .. }
            | Atom::ApplicationDestination { .. }
            | Atom::PrecededBy { .. }
            | Atom::Named { .. }
            | Atom::Request { .. }
            | Atom::ClientAnswer { .. } => None,
        }
    }

    fn atom(&self, flow: &Flow) -> Atom {
        let address = |end: FlowEnd| match end {
            FlowEnd::Source => flow.source,
            FlowEnd::Destination => flow.destination,
        };
        match self {
            Question::InServiceTag { tag, end } => {
                Atom::InServiceTag { tag: tag.clone(), address: address(*end) }
            }
            Question::TagPrefixLonger { tag, end, bits } => {
                Atom::TagPrefixLonger { tag: tag.clone(), address: address(*end), bits: *bits }
            }
            Question::Reading { setting } => Atom::Reading { setting },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_question_is_put_once_and_only_where_its_answer_matters() {
        let flow = Flow {
            source: [10, 1, 0, 4].into(),
            source_port: 50_000,
            destination: [203, 0, 113, 5].into(),
            destination_port: 443,
            protocol: crate::flow::IpProtocol::TCP,
            payload: crate::flow::Payload::Silent,
        };
        // The first changes nothing, the second is asked again.
        let run = |inquiry: &mut Inquiry<'_>| {
            let _ = inquiry.second_reading("first");
            let second = inquiry.second_reading("second");
            Some((
                second && inquiry.second_reading("third"),
                second == inquiry.second_reading("second"),
            ))
        };
        let questions = Questions::of(&flow, &run);
        for yes in [&[][..], &["second"], &["third"], &["second", "third"]] {
            let asked = RefCell::new(Vec::new());
            let mut oracle = |atom: &Atom| match atom {
                Atom::Reading { setting } => {
                    asked.borrow_mut().push(*setting);
                    yes.contains(setting)
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(questions.put(&flow, &mut oracle), Some(&(yes.len() == 2, true)), "{yes:?}");
            let both = yes.contains(&"second");
            let expected: &[&str] = if both { &["second", "third"] } else { &["second"] };
            assert_eq!(*asked.borrow(), expected);
        }
    }
}
