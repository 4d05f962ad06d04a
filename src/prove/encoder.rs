//! The words in which deployments and lists are written down as formulas: coordinates, and facts as
//! far as they are known.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::atom::FlowAtom;
use super::atom::Holder;
use super::atom::HostOf;
use super::atom::Party;
use super::atom::Subject;
use super::formula::Formula;
use super::formula::Formulas;
use super::gate::Handled;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::address::AddressEntry;
use crate::azure::policy::Policy;
use crate::azure::policy::Rules;
use crate::evidence::Evidence;
use crate::evidence::Lock;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::set::flows::AxisSet;
use crate::flow::set::flows::PayloadForm;
use crate::flow::set::flows::ShownSet;
use crate::simulate::Assumptions;
use crate::simulate::assumptions::INFRASTRUCTURE;
use crate::simulate::assumptions::RESOLVER;
use crate::simulate::assumptions::THREAT_LIST;
use crate::simulate::route::Hop;
use crate::simulate::special_purpose::private_addresses;

/// A port, as far as it is told by the flow that is asked about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum PortOf {
    /// The flow's destination port.
    Destination,
    /// The port that the request names, else this one.
    Request(u16),
    /// This port, whatever the flow is.
    Fixed(u16),
}

/// The ends of a flow at some point of its way: a firewall may have replaced what the client sent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Ends {
    pub(super) source: Party,
    pub(super) destination: Party,
    pub(super) port: PortOf,
}

impl Ends {
    /// As the client sent them.
    pub(super) const SENT: Ends =
        Ends { source: Party::Source, destination: Party::Destination, port: PortOf::Destination };
}

/// What is known of the environment of all flows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) assumptions: &'a Assumptions,
}

/// Writes formulas about one deployment.
#[derive(Debug)]
pub(super) struct Encoder<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) known: Known<'a>,
    /// Whether some firewall looks at requests inside TLS. Where none does, TLS with a request is
    /// decided as TLS without, and is left out of proofs.
    pub(super) reads_requests_inside: bool,
    pub(super) formulas: Formulas,
    /// What each rule matches, in each place where it is looked at.
    pub(super) rules: BTreeMap<RuleId, Vec<Formula>>,
    /// What goes to each hop that leads around the firewall.
    pub(super) hops: Vec<(Hop, Formula)>,
    /// The settings that were asked for.
    pub(super) settings: BTreeSet<&'static str>,
    /// What becomes of flows at each firewall, the same wherever they come from.
    pub(super) handled: BTreeMap<(Option<&'a Key>, Ends), Handled>,
    /// Flows whose source port is 0, where a rule asks for it. Recorded flows of which it was not seen
    /// have that one; senders seldom do.
    pub(super) unseen_source_port: Formula,
    /// IP groups are long and used often.
    groups: BTreeMap<(&'a Key, Party), Formula>,
}

/// Whether a firewall may decrypt by a rule of `policy`, or is a proxy that clients name.
fn reads_requests_inside(policy: &Policy) -> bool {
    let collections = policy.groups.iter().flat_map(|group| &group.collections);
    let decrypts = collections.into_iter().any(|collection| match &collection.rules {
        Rules::Application(_, rules) => rules.iter().any(|rule| rule.terminate_tls),
        Rules::Network(..) | Rules::Nat(_) => false,
    });
    decrypts || policy.explicit_proxy.as_ref().is_some_and(|proxy| proxy.enabled)
}

impl<'a> Encoder<'a> {
    pub(super) fn new(deployment: &'a Deployment, known: Known<'a>) -> Encoder<'a> {
        Encoder {
            deployment,
            known,
            reads_requests_inside: deployment.policies.values().any(reads_requests_inside),
            formulas: Formulas::default(),
            rules: BTreeMap::new(),
            hops: Vec::new(),
            settings: BTreeSet::new(),
            handled: BTreeMap::new(),
            unseen_source_port: Formula::NEVER,
            groups: BTreeMap::new(),
        }
    }

    pub(super) fn all(&mut self, parts: impl IntoIterator<Item = Formula>) -> Formula {
        self.formulas.all(parts)
    }

    pub(super) fn any(&mut self, parts: impl IntoIterator<Item = Formula>) -> Formula {
        self.formulas.any(parts)
    }

    pub(super) fn without(&mut self, one: Formula, other: Formula) -> Formula {
        self.formulas.without(one, other)
    }

    pub(super) fn not(&mut self, one: Formula) -> Formula {
        self.formulas.not(one)
    }

    /// Keeps what a rule matches, and gives it.
    pub(super) fn remember(&mut self, rule: RuleId, matches: Formula) -> Formula {
        if matches != Formula::NEVER {
            self.rules.entry(rule).or_default().push(matches);
        }
        matches
    }

    /// The protocol is one of these.
    pub(super) fn protocol(&mut self, protocols: impl IntoIterator<Item = IpProtocol>) -> Formula {
        self.formulas.lies_in(AxisSet::protocols(protocols))
    }

    /// The protocol has ports.
    pub(super) fn has_ports(&mut self) -> Formula {
        self.protocol((0..=u8::MAX).map(IpProtocol).filter(|protocol| protocol.has_ports()))
    }

    /// The address is one of `set`.
    pub(super) fn address(&mut self, party: Party, set: &AddressSet) -> Formula {
        match party {
            Party::Source => self.formulas.lies_in(AxisSet::sources(set)),
            Party::Destination => self.formulas.lies_in(AxisSet::destinations(set)),
            Party::Literal(host) => self.host(host, &ShownSet::literals(set.clone())),
            Party::Address(address) => {
                if set.contains(address) {
                    Formula::ALWAYS
                } else {
                    Formula::NEVER
                }
            }
        }
    }

    /// The port is one of `set`.
    pub(super) fn port(&mut self, port: PortOf, set: &PortSet) -> Formula {
        match port {
            PortOf::Destination => self.formulas.lies_in(AxisSet::destination_ports(set)),
            PortOf::Request(usual) => self.request_port(set.contains(usual), set),
            PortOf::Fixed(port) => {
                if set.contains(port) {
                    Formula::ALWAYS
                } else {
                    Formula::NEVER
                }
            }
        }
    }

    pub(super) fn is_port(&mut self, port: PortOf, wanted: u16) -> Formula {
        self.port(port, &PortRange::single(wanted).into())
    }

    /// The request names no port, if `unwritten`, or one of `set`.
    pub(super) fn request_port(&mut self, unwritten: bool, set: &PortSet) -> Formula {
        self.formulas.lies_in(AxisSet::request_ports(unwritten, set))
    }

    /// The first bytes are of one of these forms.
    pub(super) fn payload(&mut self, forms: impl IntoIterator<Item = PayloadForm>) -> Formula {
        self.formulas.lies_in(AxisSet::payloads(forms))
    }

    /// The host is one of `set`.
    pub(super) fn host(&mut self, host: HostOf, set: &ShownSet) -> Formula {
        self.formulas.lies_in(match host {
            HostOf::Wire => AxisSet::names(set),
            HostOf::Inner => AxisSet::inner_names(set),
        })
    }

    /// The host is shown, as a name or as an address.
    pub(super) fn is_shown(&mut self, host: HostOf) -> Formula {
        let names: NameSet = [&FqdnPattern::Any].into_iter().collect();
        self.host(host, &ShownSet::literals(AddressSet::all()).union(&ShownSet::names(names)))
    }

    /// The host is an address.
    pub(super) fn is_literal(&mut self, host: HostOf) -> Formula {
        self.host(host, &ShownSet::literals(AddressSet::all()))
    }

    /// The host is one that a pattern matches.
    pub(super) fn matches<'p>(
        &mut self,
        host: HostOf,
        patterns: impl IntoIterator<Item = &'p FqdnPattern>,
    ) -> Formula {
        self.host(host, &patterns.into_iter().collect())
    }

    /// The host is one of these names.
    pub(super) fn is_name(
        &mut self,
        host: HostOf,
        names: impl IntoIterator<Item = Fqdn>,
    ) -> Formula {
        let patterns: Vec<FqdnPattern> = names.into_iter().map(FqdnPattern::Exact).collect();
        self.host(host, &ShownSet::names(patterns.iter().collect::<NameSet>()))
    }

    /// The address is one of an entry's.
    pub(super) fn entry(&mut self, party: Party, entry: &AddressEntry) -> Formula {
        match (entry, entry.addresses()) {
            (_, Some(set)) => self.address(party, &set),
            (AddressEntry::Unknown(name), _) => self.address_named(party, format!(" in {name}")),
            (_, None) => Formula::NEVER,
        }
    }

    /// The address is one of these entries'.
    pub(super) fn entries(&mut self, party: Party, entries: &[AddressEntry]) -> Formula {
        let set = if entries.contains(&AddressEntry::Any) {
            AddressSet::all()
        } else {
            entries.iter().filter_map(AddressEntry::range).collect()
        };
        let unknown = entries.iter().filter(|entry| matches!(entry, AddressEntry::Unknown(_)));
        let mut one_of: Vec<Formula> = unknown.map(|entry| self.entry(party, entry)).collect();
        one_of.push(self.address(party, &set));
        self.any(one_of)
    }

    /// The address is one of an IP group's.
    pub(super) fn ip_group(&mut self, party: Party, name: &'a Key) -> Formula {
        if let Some(formula) = self.groups.get(&(name, party)) {
            return *formula;
        }
        let formula = match self.deployment.ip_groups.get(name) {
            Some(group) => self.entries(party, &group.addresses),
            None => self.address_named(party, format!(" in IP group {name}")),
        };
        self.groups.insert((name, party), formula);
        formula
    }

    /// A fact about an address for which the model has no atom of its own.
    pub(super) fn address_named(&mut self, party: Party, after: String) -> Formula {
        let subject = Subject::Address(party);
        self.ask(FlowAtom::Named { before: String::new(), subject, after })
    }

    /// A fact about all flows for which the model has no atom of its own.
    pub(super) fn named(&mut self, before: String) -> Formula {
        let (subject, after) = (Subject::Nothing, String::new());
        self.ask(FlowAtom::Named { before, subject, after })
    }

    /// The address is in a service tag, written as atoms write it.
    pub(super) fn in_tag(&mut self, tag: String, address: Party) -> Formula {
        self.ask(FlowAtom::InServiceTag { tag, address })
    }

    /// The second reading of a setting is the true one.
    pub(super) fn second_reading(&mut self, setting: &'static str) -> Formula {
        self.ask(FlowAtom::Reading { setting })
    }

    /// The atom holds: by evidence, else by assumption, else it is left open
    /// (`Environment::answer`).
    pub(super) fn ask(&mut self, atom: FlowAtom) -> Formula {
        let evidence = self.known.evidence;
        match &atom {
            FlowAtom::InServiceTag { tag, address } => {
                let tags = evidence.service_tags.as_ref();
                if let Some(tag) = tags.and_then(|tags| tags.tag(tag)) {
                    return self.address(*address, &tag.addresses);
                }
                // None holds a private address (`azure-firewall.md §3.3`, observed).
                let public = AddressSet::all().difference(private_addresses());
                let public = self.address(*address, &public);
                let holds = self.formulas.holds(atom);
                self.all([public, holds])
            }
            FlowAtom::TagPrefixLonger { tag, address, bits } => {
                let tags = evidence.service_tags.as_ref();
                // Neighbouring prefixes are kept as one, and the tag's own is at least as long.
                let longer: AddressSet = tags
                    .and_then(|tags| tags.tag(tag))
                    .map(|tag| tag.addresses.prefixes())
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|prefix| prefix.prefix_len() > *bits)
                    .collect();
                let longer = self.address(*address, &longer);
                let holds = self.formulas.holds(atom);
                self.any([longer, holds])
            }
            FlowAtom::Answer { name, holder: Holder::Firewall(address) } => {
                let name = Fqdn::parse(name).ok();
                let lock = evidence.lock.as_ref();
                match lock.zip(name).and_then(|(lock, name)| lock.name(&name)) {
                    Some(locked) => {
                        let set = locked.addresses.iter().map(|address| (*address).into());
                        let set = set.fold(AddressSet::empty(), |all, one| all.union(&one));
                        self.address(*address, &set)
                    }
                    None => self.formulas.holds(atom),
                }
            }
            FlowAtom::TargetResolvable { name } => {
                match evidence.lock.as_ref().and_then(|lock| lock.name(name)) {
                    Some(locked) if locked.addresses.iter().any(std::net::IpAddr::is_ipv4) => {
                        Formula::ALWAYS
                    }
                    Some(_) => Formula::NEVER,
                    None => self.unless_told(RESOLVER, atom),
                }
            }
            FlowAtom::Resolvable { host } => {
                let host = *host;
                let locked = evidence.lock.iter().flat_map(Lock::names);
                let (with, without): (Vec<_>, Vec<_>) =
                    locked.partition(|name| name.addresses.iter().any(std::net::IpAddr::is_ipv4));
                let with = self.is_name(host, with.iter().map(|locked| locked.name.clone()));
                let without = self.is_name(host, without.iter().map(|one| one.name.clone()));
                let told = self.unless_told(RESOLVER, atom);
                let resolves = self.any([with, told]);
                self.without(resolves, without)
            }
            FlowAtom::AddressListed { .. } | FlowAtom::HostListed { .. } => {
                self.assumed(THREAT_LIST, atom)
            }
            FlowAtom::Infrastructure { .. } => self.assumed(INFRASTRUCTURE, atom),
            FlowAtom::Reading { setting } => self.assumed(setting, atom),
            FlowAtom::InFqdnTag { .. }
            | FlowAtom::InFqdnTagOnSentPort { .. }
            | FlowAtom::InWebCategory { .. }
            | FlowAtom::ApplicationDestination { .. }
            | FlowAtom::PrecededBy { .. }
            | FlowAtom::Named { .. }
            | FlowAtom::Request { .. }
            | FlowAtom::Answer { holder: Holder::Client, .. } => self.formulas.holds(atom),
        }
    }

    /// What the setting says; open where it leaves either reading.
    fn assumed(&mut self, setting: &'static str, atom: FlowAtom) -> Formula {
        self.settings.insert(setting);
        match self.known.assumptions.reading(setting) {
            Some(true) => Formula::ALWAYS,
            Some(false) => Formula::NEVER,
            None => self.formulas.holds(atom),
        }
    }

    /// True under the first reading; under the second nothing but evidence counts.
    fn unless_told(&mut self, setting: &'static str, atom: FlowAtom) -> Formula {
        self.settings.insert(setting);
        match self.known.assumptions.reading(setting) {
            Some(false) => Formula::ALWAYS,
            Some(true) | None => self.formulas.holds(atom),
        }
    }
}
