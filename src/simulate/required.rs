//! What a list says of a flow: required, permitted, by which statement (`semantics.md`, Intent).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::assumptions::Assumption;
use super::assumptions::Assumptions;
use super::decision::Decision;
use super::decision::Field;
use super::decision::Missing;
use super::environment::Environment;
use super::explore::Path;
use super::explore::differ_in;
use super::explore::explore;
use super::fewest::MAX_COMPARED;
use super::fewest::differing;
use super::fewest::fewest;
use super::indexed::IndexedIntent;
use super::inquiry::Inquiry;
use super::judge::MAX_READINGS;
use super::judge::is_about_a_name;
use super::question::Question;
use super::question::Stance;
use super::views::Name;
use super::views::View;
use crate::evidence::Evidence;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::Fqdn;
use crate::flow::Host;
use crate::flow::Observation;
use crate::intent::Intent;
use crate::intent::Permission;

/// What a list says of a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged {
    /// Whether it must be able to leave; `None` where that is not settled.
    pub required: Option<bool>,
    /// Whether it may leave; `None` where that is not settled. What is required is permitted.
    pub permitted: Option<bool>,
    /// The permission that speaks for it, as an index into `Intent::permissions`: the first by
    /// label that requires it, else that permits it. A deny may still win.
    pub by: Option<usize>,
    /// All permissions that speak for it in some reading, as such indices, if one of the list
    /// accepts what is undetermined; else none, as nobody asks.
    pub perhaps_by: BTreeSet<usize>,
    /// The deny that wins, as an index into `Intent::denies`.
    pub denied_by: Option<usize>,
    /// What would settle the two answers: empty where both are settled.
    pub missing: Vec<Missing>,
    /// The assumptions that they depend on, sorted.
    pub assumptions: Vec<Assumption>,
}

/// How a permission means a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Meant {
    /// The names that the list was asked with, where one was seen or told.
    pub(super) names: BTreeSet<Option<Fqdn>>,
    /// Whether it means the flow in every reading.
    pub(super) is_certain: bool,
}

impl Intent {
    /// What the list says of `observation`, with the name that was seen in it, else with a name
    /// whose answer to that client held the destination.
    /// Permissions are active or not on the day of the environment.
    pub fn judge(&self, observation: &Observation, environment: &Environment<'_>) -> Judged {
        let day = environment.at.to_zoned(TimeZone::UTC).date();
        self.judge_on(day, observation, environment)
    }

    /// The DNS proxy of each firewall.
    pub(super) fn dns_proxies(&self) -> Vec<Option<IpAddr>> {
        let firewalls = self.topology.firewalls.iter();
        firewalls.map(|one| one.dns_proxy.then_some(one.private_address)).collect()
    }

    /// What the list says on `day` of a flow of whose client no DNS answer was seen, in the
    /// environment whose facts `oracle` knows: total and two-valued.
    pub fn decide(&self, day: Date, flow: &Flow, oracle: &mut dyn FnMut(&Atom) -> bool) -> Stance {
        let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
        let at = Timestamp::default();
        let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
        let observation = Observation::from(flow.clone());
        let question = Question::new(self, View::of(&observation), &environment, day);
        question.answer(&mut Inquiry::new(oracle))
    }

    /// [`Intent::judge`] with the permissions that are active on `day`, which may be another than
    /// that of the flow: an old capture can be judged by the list of today.
    pub fn judge_on(
        &self,
        day: Date,
        observation: &Observation,
        environment: &Environment<'_>,
    ) -> Judged {
        IndexedIntent::of_one_flow(self, day).judge(observation, environment)
    }
}

impl IndexedIntent<'_> {
    /// What the list says of `observation`, as [`Intent::judge_on`] has it.
    pub fn judge(&self, observation: &Observation, environment: &Environment<'_>) -> Judged {
        let mut heard: Vec<Heard> = Vec::new();
        let mut perhaps_by: BTreeSet<usize> = BTreeSet::new();
        let is_accepted = |one: &Permission| one.accept_undetermined.is_some();
        let may_be_accepted = self.intent.permissions.iter().any(is_accepted);
        let mut assumptions: BTreeSet<&'static str> = BTreeSet::new();
        let mut is_cut = false;
        for (index, view) in self.views(observation, environment).into_iter().enumerate() {
            let question = Question::new(self.intent, view, environment, self.day);
            let mut known = |atom: &Atom| environment.answer(atom, &self.proxies);
            if may_be_accepted {
                let speaking = question.permissions.iter().filter(|(index, one)| {
                    !perhaps_by.contains(index) && question.may_speak(one, &mut known)
                });
                let speaking: Vec<usize> = speaking.map(|(index, _)| *index).collect();
                perhaps_by.extend(speaking);
            }
            // A name costs nothing against the limit; what is not known of it does.
            let left = MAX_READINGS.saturating_sub(heard.len().saturating_sub(index));
            let explored =
                explore(left, &mut known, |oracle| question.answer(&mut Inquiry::new(oracle)));
            assumptions.extend(explored.assumptions);
            if explored.is_cut {
                is_cut = true;
                break;
            }
            let branches = explored.branches.into_iter();
            heard.extend(branches.map(|b| Heard { view: index, given: b.path, says: b.outcome }));
        }
        let shown = assumptions.iter().filter_map(|key| environment.assumptions.show(key));
        let assumptions = shown.collect();
        if is_cut {
            let missing = vec![Missing::TooManyUnknowns];
            let unknown = Judged {
                required: None,
                permitted: None,
                by: None,
                perhaps_by,
                denied_by: None,
                missing,
                assumptions,
            };
            return unknown;
        }
        Judged {
            required: agreed(&heard, |says| says.required),
            permitted: agreed(&heard, |says| says.permitted),
            by: agreed(&heard, |says| says.by).flatten(),
            perhaps_by,
            denied_by: agreed(&heard, |says| says.denied_by).flatten(),
            missing: missing(&heard),
            assumptions,
        }
    }

    /// The permissions, by their indices, that strictly mean `observation` in some reading, whatever
    /// denies say.
    pub(super) fn perhaps_meant_by(
        &self,
        observation: &Observation,
        environment: &Environment<'_>,
    ) -> BTreeMap<usize, Meant> {
        let mut known = |atom: &Atom| environment.answer(atom, &self.proxies);
        // The names, and in how many readings it is settled.
        let mut found: BTreeMap<usize, (BTreeSet<Option<Fqdn>>, usize)> = BTreeMap::new();
        let views = self.views(observation, environment);
        let readings = views.len();
        for view in views {
            let question = Question::new(self.intent, view, environment, self.day);
            let name = match &question.view.name {
                Name::Shown(Host::Name(name)) | Name::Presumed(name) => Some(name.clone()),
                Name::Shown(Host::Address(_)) | Name::Supposed(_) | Name::Absent => None,
            };
            for (index, permission) in &question.permissions {
                let means = question.means(permission, &mut known);
                if means == Some(false) {
                    continue;
                }
                let (names, settled) = found.entry(*index).or_default();
                names.insert(name.clone());
                *settled += usize::from(means == Some(true));
            }
        }
        let meant = |(names, settled)| Meant { names, is_certain: settled == readings };
        found.into_iter().map(|(index, found)| (index, meant(found))).collect()
    }
}

impl Judged {
    /// What would settle the verdict of `decision` and what the list says, each once.
    pub fn missing_with(&self, decision: &Decision) -> Vec<Missing> {
        let own = self.missing.iter().filter(|one| !decision.missing.contains(one));
        decision.missing.iter().chain(own).cloned().collect()
    }

    /// Why the list accepts that the flow is undetermined: each permission that may speak for it
    /// does, and this is the reason of the first.
    pub fn accepts_undetermined<'i>(&self, intent: &'i Intent) -> Option<&'i str> {
        // Where there was too much to try, not all were asked.
        if self.missing.contains(&Missing::TooManyUnknowns) {
            return None;
        }
        let speaking = self.perhaps_by.iter().filter_map(|index| intent.permissions.get(*index));
        let reasons: Option<Vec<&str>> =
            speaking.map(|permission| permission.accept_undetermined.as_deref()).collect();
        reasons?.first().copied()
    }
}

/// What was heard with one name, in one environment.
#[derive(Clone, Debug)]
struct Heard {
    /// Which of the names it was asked with.
    view: usize,
    given: Path,
    says: Stance,
}

/// The part of the answer in which all agree.
fn agreed<T: Ord>(heard: &[Heard], part: impl Fn(&Stance) -> T) -> Option<T> {
    let mut answers: BTreeSet<T> = heard.iter().map(|heard| part(&heard.says)).collect();
    if answers.len() == 1 { answers.pop_first() } else { None }
}

/// The fewest facts that settle what is required and permitted.
fn missing(heard: &[Heard]) -> Vec<Missing> {
    let is_settled = heard.windows(2).all(|two| match two {
        [one, other] => one.says.answer() == other.says.answer(),
        _ => true,
    });
    if is_settled {
        return Vec::new();
    }
    let several = heard.iter().any(|heard| heard.view > 0);
    let heard = one_of_each_kind(heard);
    let given = heard.iter().flat_map(|heard| heard.given.keys());
    let atoms: BTreeSet<&Atom> = given.map(|atom| &**atom).collect();
    let name = several.then_some(Missing::Field(Field::Name));
    // Names in atoms only stand for others where none was seen.
    let atoms = atoms.into_iter().filter(|atom| !several || !is_about_a_name(atom));
    let items: Vec<Missing> = name.into_iter().chain(atoms.cloned().map(Missing::Atom)).collect();
    if heard.len() > MAX_COMPARED {
        return items;
    }
    let pairs = differing(&heard, |a, b| a.says.answer() != b.says.answer());
    fewest(&items, pairs, |item, a, b| match item {
        Missing::Field(_) => a.view != b.view,
        Missing::Atom(atom) => differ_in(atom, &a.given, &b.given),
        Missing::TooManyUnknowns => false,
    })
}

/// What was heard with one of the names of which the list says the same in every environment.
/// Whatever tells its answers apart tells them apart with the others, too.
fn one_of_each_kind(heard: &[Heard]) -> Vec<&Heard> {
    let mut kinds: BTreeSet<Vec<(&Path, (bool, bool))>> = BTreeSet::new();
    let by_name = heard.chunk_by(|a, b| a.view == b.view);
    by_name
        .filter(|heard| {
            kinds.insert(heard.iter().map(|heard| (&heard.given, heard.says.answer())).collect())
        })
        .flatten()
        .collect()
}
