//! What a list says of a flow: required, permitted, by which statement (`semantics.md`, Intent).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::assumptions::Assumption;
use super::assumptions::Assumptions;
use super::assumptions::CLIENT_ANSWERS;
use super::decision::Decision;
use super::decision::Field;
use super::decision::Missing;
use super::environment::Answer;
use super::environment::Environment;
use super::explore::Path;
use super::explore::differ_in;
use super::explore::explore;
use super::fewest::MAX_COMPARED;
use super::fewest::differing;
use super::fewest::fewest;
use super::inquiry::Inquiry;
use super::judge::MAX_READINGS;
use super::judge::is_about_a_name;
use super::matching::PathFit;
use super::matching::fit_path;
use super::matching::fqdn_tag;
use super::views::Name;
use super::views::Statement;
use super::views::View;
use super::views::carries;
use crate::azure::address::ServiceTag;
use crate::evidence::Evidence;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::Observation;
use crate::flow::PayloadKind;
use crate::intent::Deny;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::Requirement;
use crate::intent::Service;
use crate::intent::permission::MssqlMode;
use crate::intent::permission::Names;
use crate::intent::topology::Tier;

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

    /// [`Intent::judge`] with the permissions that are active on `day`, which may be another than
    /// that of the flow: an old capture can be judged by the list of today.
    pub fn judge_on(
        &self,
        day: Date,
        observation: &Observation,
        environment: &Environment<'_>,
    ) -> Judged {
        let proxies = self.dns_proxies();
        let mut heard: Vec<Heard> = Vec::new();
        let mut perhaps_by: BTreeSet<usize> = BTreeSet::new();
        let is_accepted = |one: &Permission| one.accept_undetermined.is_some();
        let may_be_accepted = self.permissions.iter().any(is_accepted);
        let mut assumptions: BTreeSet<&'static str> = BTreeSet::new();
        let mut is_cut = false;
        for (index, view) in self.views(day, observation, environment).into_iter().enumerate() {
            let question = Question::new(self, view, environment, day);
            let mut known = |atom: &Atom| environment.answer(atom, &proxies);
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
        day: Date,
        observation: &Observation,
        environment: &Environment<'_>,
    ) -> BTreeMap<usize, Meant> {
        let proxies = self.dns_proxies();
        let mut known = |atom: &Atom| environment.answer(atom, &proxies);
        // The names, and in how many readings it is settled.
        let mut found: BTreeMap<usize, (BTreeSet<Option<Fqdn>>, usize)> = BTreeMap::new();
        let views = self.views(day, observation, environment);
        let readings = views.len();
        for view in views {
            let question = Question::new(self, view, environment, day);
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

/// What a list says of a flow with one name, in one environment.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Stance {
    /// Whether it must be able to leave.
    pub required: bool,
    /// Whether it may leave. What is required is permitted.
    pub permitted: bool,
    /// The permission that speaks for it, as [`Judged::by`].
    pub by: Option<usize>,
    /// The deny that wins, as [`Judged::denied_by`].
    pub denied_by: Option<usize>,
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
    let atoms: BTreeSet<&Atom> = heard.iter().flat_map(|heard| heard.given.keys()).collect();
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

impl Stance {
    fn answer(&self) -> (bool, bool) {
        (self.required, self.permitted)
    }
}

/// Whether a service carries a flow.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fit {
    No,
    /// Protocol and port are right, but not a byte was sent: permitted, and required of nobody.
    Silent,
    Yes,
}

/// What is asked of the list with one name.
struct Question<'q> {
    /// The statements that may speak of the flow, by label: the order in which they are written
    /// means nothing.
    permissions: Vec<(usize, &'q Permission)>,
    denies: Vec<(usize, &'q Deny)>,
    intent: &'q Intent,
    view: View<'q>,
    environment: &'q Environment<'q>,
}

impl<'q> Question<'q> {
    fn new(
        intent: &'q Intent,
        view: View<'q>,
        environment: &'q Environment<'q>,
        day: Date,
    ) -> Question<'q> {
        let mut question =
            Question { permissions: Vec::new(), denies: Vec::new(), intent, view, environment };
        let permissions = (0..intent.permissions.len()).map(Statement::Permission);
        let every = permissions.chain((0..intent.denies.len()).map(Statement::Deny));
        match question.view.concerned.take() {
            Some(concerned) => concerned.into_iter().for_each(|one| question.add(one, day)),
            None => every.for_each(|one| question.add(one, day)),
        }
        question.permissions.sort_by_key(|(_, one)| &one.label);
        question.denies.sort_by_key(|(_, one)| &one.label);
        question
    }

    /// Takes in a statement that is active and means the source.
    fn add(&mut self, statement: Statement, day: Date) {
        let source = self.view.observation.source;
        match statement {
            Statement::Permission(index) => {
                let one = self.intent.permissions.get(index);
                let one = one.filter(|one| one.is_active(day) && one.sources.set.contains(source));
                self.permissions.extend(one.map(|one| (index, one)));
            }
            Statement::Deny(index) => {
                let one = self.intent.denies.get(index);
                let one = one.filter(|one| one.is_active(day) && one.sources.set.contains(source));
                self.denies.extend(one.map(|one| (index, one)));
            }
        }
    }

    /// Asks of each kind of statement only until one speaks, so that many statements of which
    /// nothing is known make few readings.
    fn answer(&self, inquiry: &mut Inquiry<'_>) -> Stance {
        let denied_by = self.denies.iter().find(|(_, deny)| self.denies(deny, inquiry));
        let required = self.permissions.iter().find(|(_, one)| self.requires(one, inquiry));
        let by = match required {
            // Whatever is required is permitted.
            Some(required) => Some(required),
            None => self.permissions.iter().find(|(_, one)| self.permits(one, inquiry)),
        };
        Stance {
            required: required.is_some() && denied_by.is_none(),
            permitted: by.is_some() && denied_by.is_none(),
            by: by.map(|(index, _)| *index),
            denied_by: denied_by.map(|(index, _)| *index),
        }
    }

    /// Whether some reading has `permission` speak for the flow, whatever others say.
    fn may_speak(&self, permission: &Permission, known: &mut dyn FnMut(&Atom) -> Answer) -> bool {
        let speaks = |oracle: &mut dyn FnMut(&Atom) -> bool| {
            let inquiry = &mut Inquiry::new(oracle);
            self.requires(permission, inquiry) || self.permits(permission, inquiry)
        };
        let explored = explore(MAX_READINGS, known, speaks);
        explored.is_cut || explored.branches.iter().any(|branch| branch.outcome)
    }

    /// Whether some reading has `permission` mean the flow without its excess, whatever others say.
    /// Whether it strictly means the flow; `None` where that is not settled.
    fn means(
        &self,
        permission: &Permission,
        known: &mut dyn FnMut(&Atom) -> Answer,
    ) -> Option<bool> {
        let means = |oracle: &mut dyn FnMut(&Atom) -> bool| {
            let inquiry = &mut Inquiry::new(oracle);
            meanings(permission).any(|(service, destination)| {
                self.strictly(service, destination, inquiry).0 != Fit::No
            })
        };
        let explored = explore(MAX_READINGS, known, means);
        let mut outcomes = explored.branches.iter().map(|branch| branch.outcome);
        let first = outcomes.next().filter(|_| !explored.is_cut)?;
        outcomes.all(|outcome| outcome == first).then_some(first)
    }

    fn requires(&self, permission: &Permission, inquiry: &mut Inquiry<'_>) -> bool {
        permission.requirement == Requirement::Required
            && meanings(permission).any(|(service, destination)| {
                let (fit, held) = self.strictly(service, destination, inquiry);
                let is_sent = |inquiry: &mut Inquiry<'_>| {
                    self.would_be_sent(service, destination, inquiry) && self.is_held(inquiry)
                };
                fit == Fit::Yes && (held || is_sent(inquiry))
            })
    }

    fn permits(&self, permission: &Permission, inquiry: &mut Inquiry<'_>) -> bool {
        meanings(permission).any(|(service, destination)| {
            self.strictly(service, destination, inquiry).0 != Fit::No
                || permission.by_address.is_some() && self.is_excess(service, destination, inquiry)
        })
    }

    /// The strict meaning of one destination with one service. The second half says that the
    /// destination needs no cut to the client's addresses of the name.
    fn strictly(
        &self,
        service: Service,
        destination: &Destination,
        inquiry: &mut Inquiry<'_>,
    ) -> (Fit, bool) {
        let by_name = self.fits(service);
        let by_address = if self.carries(service) { Fit::Yes } else { Fit::No };
        let if_so = |fit: Fit, holds: bool| if holds { fit } else { Fit::No };
        match destination {
            Destination::Names(names) if service.shows_a_name() => {
                let fit = if by_name == Fit::No { Fit::No } else { by_name };
                (if_so(fit, fit != Fit::No && self.names_match(names)), false)
            }
            Destination::Names(names) if self.asks_a_gateway(service) => {
                (if_so(by_name, self.names_match(names)), false)
            }
            Destination::Names(names) => {
                let holds = by_address != Fit::No
                    && self.wire_name_fits(names)
                    && self.client_holds_one_of(names, inquiry);
                (if_so(by_address, holds), true)
            }
            Destination::Addresses(addresses) => {
                let holds = addresses.set.contains(self.view.observation.destination);
                (if_so(by_address, holds), true)
            }
            Destination::ServiceTag(tag) => {
                let holds = by_address != Fit::No && self.in_service_tag(tag, inquiry);
                (if_so(by_address, holds), true)
            }
            Destination::FqdnTag(_) | Destination::WebCategory(_) | Destination::Url { .. } => {
                let holds = by_name != Fit::No && self.target_matches(destination, inquiry);
                (if_so(by_name, holds), false)
            }
            Destination::Any => (by_address, true),
        }
    }

    /// The accepted excess: the addresses that client or firewall hold for the names, whatever is
    /// sent there.
    fn is_excess(
        &self,
        service: Service,
        destination: &Destination,
        inquiry: &mut Inquiry<'_>,
    ) -> bool {
        let Destination::Names(names) = destination else { return false };
        let address = self.view.observation.destination;
        self.carries(service)
            && (exact_names(names)
                .any(|name| inquiry.ask(&Atom::FirewallAnswer { name: name.clone(), address }))
                || self.client_holds_one_of(names, inquiry))
    }

    fn denies(&self, deny: &Deny, inquiry: &mut Inquiry<'_>) -> bool {
        deny.services.iter().any(|service| self.is_denied_with(*service))
            && deny.destinations.iter().any(|destination| match destination {
                Destination::Names(names) => self.names_match(names),
                Destination::Addresses(addresses) => {
                    addresses.set.contains(self.view.observation.destination)
                }
                Destination::ServiceTag(tag) => self.in_service_tag(tag, inquiry),
                Destination::FqdnTag(_) | Destination::WebCategory(_) | Destination::Url { .. } => {
                    self.target_matches(destination, inquiry)
                }
                Destination::Any => true,
            })
    }

    /// Whether a deny of `service` means the flow: all of the port where the service shows no name.
    fn is_denied_with(&self, service: Service) -> bool {
        if service.shows_a_name() { self.fits(service) != Fit::No } else { self.carries(service) }
    }

    /// Whether the flow asks the gateway of redirected SQL for a server, whose name it shows
    /// (`azure-firewall.md §2.11`); the flow on to that server goes by its address.
    fn asks_a_gateway(&self, service: Service) -> bool {
        match service {
            Service::Mssql { mode: MssqlMode::Redirect, port } => {
                self.view.observation.destination_port == port
                    && self.fits(service) == Fit::Yes
                    && matches!(self.view.name, Name::Shown(_) | Name::Supposed(_))
            }
            _ => false,
        }
    }

    /// Whether the flow is one of `service`, with a name that the firewall can read.
    fn fits(&self, service: Service) -> Fit {
        if !self.carries(service) {
            return Fit::No;
        }
        let wanted = match service {
            Service::Https { .. } => PayloadKind::Tls,
            Service::Http { .. } => PayloadKind::Http,
            Service::Mssql { .. } => PayloadKind::Mssql,
            Service::Tcp(_)
            | Service::Udp(_)
            | Service::Icmp
            | Service::Protocol(_)
            | Service::Any => return Fit::Yes,
        };
        match self.view.kind {
            Some(PayloadKind::Silent) => Fit::Silent,
            Some(kind) if kind != wanted => Fit::No,
            Some(_) | None => Fit::Yes,
        }
    }

    fn carries(&self, service: Service) -> bool {
        carries(service, self.view.observation)
    }

    /// Whether a client of the service would send the request, as far as it was seen. A firewall
    /// drops one with another port in `Host` before it looks at any rule (`azure-firewall.md §2.5`),
    /// and no list that names a host means a request for another one inside.
    fn would_be_sent(
        &self,
        service: Service,
        destination: &Destination,
        inquiry: &mut Inquiry<'_>,
    ) -> bool {
        let Some(request) = self.view.request else { return true };
        match service {
            // The host is the name that the list is asked with.
            Service::Http { port } => request.port.unwrap_or(80) == port,
            Service::Https { port } => {
                let host = request.host.as_ref();
                request.port.unwrap_or(443) == port
                    && host.is_some_and(|host| self.is_named(destination, host, inquiry))
            }
            Service::Mssql { .. }
            | Service::Tcp(_)
            | Service::Udp(_)
            | Service::Icmp
            | Service::Protocol(_)
            | Service::Any => true,
        }
    }

    /// Whether the name that the list is asked with is one of `names`.
    fn names_match(&self, names: &Names) -> bool {
        match &self.view.name {
            Name::Shown(host) | Name::Supposed(host) => holds_host(names, host),
            Name::Presumed(name) => names.set.contains(name),
            Name::Absent => false,
        }
    }

    /// For services that show no name: the wire name is absent or one of `names`.
    fn wire_name_fits(&self, names: &Names) -> bool {
        match &self.view.name {
            Name::Shown(host) | Name::Supposed(host) => holds_host(names, host),
            Name::Presumed(_) | Name::Absent => true,
        }
    }

    fn in_service_tag(&self, tag: &str, inquiry: &mut Inquiry<'_>) -> bool {
        let tag = ServiceTag(tag.to_owned()).with_azure_suffix().folded();
        let address = self.view.observation.destination;
        inquiry.ask(&Atom::InServiceTag { tag, address })
    }

    /// FQDN tags, categories and URLs.
    fn target_matches(&self, destination: &Destination, inquiry: &mut Inquiry<'_>) -> bool {
        let host = match &self.view.name {
            Name::Shown(host) | Name::Supposed(host) => host.clone(),
            Name::Presumed(name) => Host::Name(name.clone()),
            Name::Absent => return false,
        };
        self.is_named(destination, &host, inquiry)
            && match destination {
                Destination::Url { path, .. } => self.path_matches(path, &host, inquiry),
                Destination::Names(_)
                | Destination::Addresses(_)
                | Destination::ServiceTag(_)
                | Destination::FqdnTag(_)
                | Destination::WebCategory(_)
                | Destination::Any => true,
            }
    }

    /// Whether `host` is one that the destination names; a URL by its host alone.
    fn is_named(&self, destination: &Destination, host: &Host, inquiry: &mut Inquiry<'_>) -> bool {
        match destination {
            Destination::Names(names) => holds_host(names, host),
            Destination::FqdnTag(tag) => {
                let (host, port) = (host.clone(), self.view.observation.destination_port);
                inquiry.ask(&Atom::InFqdnTag { tag: fqdn_tag(tag), host, port })
            }
            Destination::WebCategory(category) => {
                let premium =
                    self.intent.topology.firewalls.iter().any(|f| f.tier == Tier::Premium);
                let path = self.view.request.filter(|_| premium).map(|request| &request.path);
                let url = format!("{host}{}", path.map_or("", String::as_str));
                let category = category.to_ascii_lowercase();
                inquiry.ask(&Atom::InWebCategory { category, url })
            }
            Destination::Url { host: pattern, .. } => pattern.matches_host(host),
            Destination::Addresses(_) | Destination::ServiceTag(_) | Destination::Any => false,
        }
    }

    fn path_matches(&self, pattern: &str, host: &Host, inquiry: &mut Inquiry<'_>) -> bool {
        let Some(request) = self.view.request else {
            let is_supposed = matches!(self.view.name, Name::Supposed(_));
            let host = (!is_supposed).then(|| host.clone());
            return inquiry.ask(&Atom::Request { host, path: pattern.to_owned() });
        };
        match fit_path(pattern, &request.path) {
            PathFit::Yes => true,
            PathFit::No => false,
            PathFit::HostOnly => {
                inquiry.second_reading(super::assumptions::URL_HOST_ONLY_COVERS_PATHS)
            }
        }
    }

    /// Whether the client holds the destination for the name that it shows.
    fn is_held(&self, inquiry: &mut Inquiry<'_>) -> bool {
        let Observation { source, destination, .. } = *self.view.observation;
        match &self.view.name {
            Name::Shown(Host::Name(name)) | Name::Supposed(Host::Name(name)) => {
                match self.environment.client_holds(source, name, destination) {
                    Some(held) => held,
                    None if !inquiry.second_reading(CLIENT_ANSWERS) => true,
                    None if matches!(self.view.name, Name::Supposed(_)) => {
                        let shown: &dyn Display = &"the name that it shows";
                        inquiry.ask(&held_by_client(source, destination, shown))
                    }
                    None => inquiry.ask(&held_by_client(source, destination, name)),
                }
            }
            Name::Shown(Host::Address(address)) | Name::Supposed(Host::Address(address)) => {
                *address == destination
            }
            Name::Absent => false,
            Name::Presumed(_) => true,
        }
    }

    /// Whether the client holds the destination for one of `names`.
    fn client_holds_one_of(&self, names: &Names, inquiry: &mut Inquiry<'_>) -> bool {
        let Observation { source, destination, .. } = *self.view.observation;
        let environment = self.environment;
        let told = environment.evidence.timeline.names(source, destination, environment.at);
        if !told.is_empty() {
            return told.iter().any(|held| names.set.contains(&held.name));
        }
        let mut open = names.patterns.iter().filter(|pattern| match pattern {
            FqdnPattern::Exact(name) => {
                environment.client_holds(source, name, destination).is_none()
            }
            FqdnPattern::Any | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => true,
        });
        open.any(|pattern| inquiry.ask(&held_by_client(source, destination, pattern)))
    }
}

/// Each service of a permission with each of its destinations.
fn meanings(permission: &Permission) -> impl Iterator<Item = (Service, &Destination)> {
    permission.services.iter().flat_map(|service| {
        permission.destinations.iter().map(move |destination| (*service, destination))
    })
}

fn held_by_client(client: IpAddr, address: IpAddr, name: &dyn Display) -> Atom {
    Atom::ClientAnswer { client, address, name: name.to_string() }
}

/// An address literal is a name to `*` only, as it is to the firewall (`azure-firewall.md §2.3`).
fn holds_host(names: &Names, host: &Host) -> bool {
    match host {
        Host::Name(name) => names.set.contains(name),
        Host::Address(_) => names.patterns.contains(&FqdnPattern::Any),
    }
}

fn exact_names(names: &Names) -> impl Iterator<Item = &Fqdn> {
    names.patterns.iter().filter_map(|pattern| match pattern {
        FqdnPattern::Exact(name) if names.set.contains(name) => Some(name),
        FqdnPattern::Exact(_)
        | FqdnPattern::Any
        | FqdnPattern::Under(_)
        | FqdnPattern::EndsWith(_) => None,
    })
}
