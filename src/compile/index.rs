//! The rules of a list or a parent, found by the flows that they may share with another.
//!
//! Most rules of a list meet few of the others: they differ in sources, ports, names or addresses.
//! Each question is asked of the axis on which the fewest rules come near, and what is near is then
//! judged as the shapes define it, so that the answer is that of a look at every rule.

use super::shape::ApplicationShape;
use super::shape::NetworkShape;
use super::shape::Shapes;
use crate::azure::policy::Action;
use crate::flow::AddressSet;
use crate::flow::NameSet;
use crate::flow::PortSet;
use crate::flow::set::SetIndex;

/// Rules by kind and action; each answer is in the order of the shapes.
#[derive(Debug)]
pub(super) struct Index<'s, 'a> {
    pub network_allows: NetworkIndex<'s, 'a>,
    pub network_denies: NetworkIndex<'s, 'a>,
    pub application_allows: ApplicationIndex<'s, 'a>,
    pub application_denies: ApplicationIndex<'s, 'a>,
}

impl<'s, 'a> Index<'s, 'a> {
    pub(super) fn new(shapes: &'s Shapes<'a>) -> Index<'s, 'a> {
        let network = |action| {
            NetworkIndex::new(shapes.network.iter().filter(|rule| rule.action == action).collect())
        };
        let application = |action| {
            let rules = shapes.application.iter().filter(|rule| rule.action == action);
            ApplicationIndex::new(rules.collect())
        };
        Index {
            network_allows: network(Action::Allow),
            network_denies: network(Action::Deny),
            application_allows: application(Action::Allow),
            application_denies: application(Action::Deny),
        }
    }
}

/// Network rules by sources, TCP ports and destinations.
#[derive(Debug)]
pub(super) struct NetworkIndex<'s, 'a> {
    shapes: Vec<&'s NetworkShape<'a>>,
    sources: SetIndex<AddressSet>,
    tcp: SetIndex<PortSet>,
    destinations: SetIndex<AddressSet>,
}

impl<'s, 'a> NetworkIndex<'s, 'a> {
    fn new(shapes: Vec<&'s NetworkShape<'a>>) -> NetworkIndex<'s, 'a> {
        let numbered = || shapes.iter().enumerate();
        NetworkIndex {
            sources: SetIndex::new(numbered().map(|(at, shape)| (at, &shape.sources))),
            tcp: SetIndex::new(numbered().map(|(at, shape)| (at, &shape.tcp))),
            destinations: SetIndex::new(numbered().map(|(at, shape)| (at, &shape.destinations))),
            shapes,
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &'s NetworkShape<'a>> {
        self.shapes.iter().copied()
    }

    /// Those that meet `other`.
    pub(super) fn meeting(
        &self,
        other: &NetworkShape<'_>,
    ) -> impl Iterator<Item = &'s NetworkShape<'a>> {
        let by_sources = self.sources.cost(&other.sources);
        let near = if by_sources <= self.destinations.cost(&other.destinations) {
            self.sources.meeting(&other.sources)
        } else {
            self.destinations.meeting(&other.destinations)
        };
        self.at(near).filter(|rule| rule.meets(other))
    }

    /// Those that reach `other`.
    pub(super) fn reaching(
        &self,
        other: &ApplicationShape<'_>,
    ) -> impl Iterator<Item = &'s NetworkShape<'a>> {
        let ports = other.ports();
        let near = if self.tcp.cost(&ports) <= self.sources.cost(&other.sources) {
            self.tcp.meeting(&ports)
        } else {
            self.sources.meeting(&other.sources)
        };
        self.at(near).filter(|rule| rule.reaches(other))
    }

    /// Those that share a source with `sources`.
    pub(super) fn from(&self, sources: &AddressSet) -> impl Iterator<Item = &'s NetworkShape<'a>> {
        self.at(self.sources.meeting(sources))
    }

    fn at(&self, places: Vec<usize>) -> impl Iterator<Item = &'s NetworkShape<'a>> {
        places.into_iter().filter_map(|at| self.shapes.get(at).copied())
    }
}

/// Application rules by sources, ports and names.
#[derive(Debug)]
pub(super) struct ApplicationIndex<'s, 'a> {
    shapes: Vec<&'s ApplicationShape<'a>>,
    sources: SetIndex<AddressSet>,
    ports: SetIndex<PortSet>,
    names: SetIndex<NameSet>,
    /// Places of the rules that also take names which are not known.
    open: Vec<usize>,
}

impl<'s, 'a> ApplicationIndex<'s, 'a> {
    fn new(shapes: Vec<&'s ApplicationShape<'a>>) -> ApplicationIndex<'s, 'a> {
        let numbered = || shapes.iter().enumerate();
        let ports: Vec<PortSet> = shapes.iter().map(|shape| shape.ports()).collect();
        ApplicationIndex {
            sources: SetIndex::new(numbered().map(|(at, shape)| (at, &shape.sources))),
            ports: SetIndex::new(ports.iter().enumerate()),
            names: SetIndex::new(numbered().map(|(at, shape)| (at, &shape.names))),
            open: numbered().filter(|(_, shape)| shape.more_names).map(|(at, _)| at).collect(),
            shapes,
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &'s ApplicationShape<'a>> {
        self.shapes.iter().copied()
    }

    /// Those that meet `other`.
    pub(super) fn meeting(
        &self,
        other: &ApplicationShape<'_>,
    ) -> impl Iterator<Item = &'s ApplicationShape<'a>> {
        self.sharing(other).filter(|rule| rule.meets(other))
    }

    /// Those that share a source and a name with `other`, and perhaps no service.
    pub(super) fn sharing(
        &self,
        other: &ApplicationShape<'_>,
    ) -> impl Iterator<Item = &'s ApplicationShape<'a>> {
        let by_names = self.names.cost(&other.names).saturating_add(self.open.len());
        let near = if !other.more_names && by_names < self.sources.cost(&other.sources) {
            let mut near = self.names.meeting(&other.names);
            near.extend(&self.open);
            near.sort_unstable();
            near.dedup();
            near
        } else {
            self.sources.meeting(&other.sources)
        };
        self.at(near).filter(|rule| rule.sources.meets(&other.sources) && rule.shares_a_name(other))
    }

    /// Those that `other` reaches.
    pub(super) fn reached(
        &self,
        other: &NetworkShape<'_>,
    ) -> impl Iterator<Item = &'s ApplicationShape<'a>> {
        let near = if self.ports.cost(&other.tcp) <= self.sources.cost(&other.sources) {
            self.ports.meeting(&other.tcp)
        } else {
            self.sources.meeting(&other.sources)
        };
        self.at(near).filter(|rule| other.reaches(rule))
    }

    fn at(&self, places: Vec<usize>) -> impl Iterator<Item = &'s ApplicationShape<'a>> {
        places.into_iter().filter_map(|at| self.shapes.get(at).copied())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ipnet::IpNet;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::shape::Whose;
    use super::*;
    use crate::azure::Key;
    use crate::azure::RuleId;
    use crate::azure::rule::ApplicationProtocol;
    use crate::azure::rule::ApplicationProtocolType;
    use crate::flow::FqdnPattern;
    use crate::flow::PortRange;

    fn whose() -> Whose<'static> {
        let key = Key::new("k");
        Whose::Parents(RuleId {
            policy: key.clone(),
            group: key.clone(),
            collection: key,
            rule: "r".to_owned(),
        })
    }

    fn addresses() -> impl Strategy<Value = AddressSet> {
        let one = select(vec!["10.1.0.0/24", "10.1.0.0/26", "10.1.0.128/25", "10.2.0.0/16"]);
        prop::collection::vec(one, 0..3)
            .prop_map(|list| list.iter().map(|one| one.parse::<IpNet>().unwrap()).collect())
    }

    fn ports() -> impl Strategy<Value = PortSet> {
        prop::collection::vec((440u16..446, 0u16..3), 0..3).prop_map(|list| {
            list.iter().filter_map(|(first, more)| PortRange::new(*first, first + more)).collect()
        })
    }

    fn network() -> impl Strategy<Value = NetworkShape<'static>> {
        (addresses(), ports(), ports(), any::<bool>(), addresses()).prop_map(
            |(sources, tcp, udp, icmp, destinations)| NetworkShape {
                whose: whose(),
                action: Action::Allow,
                sources,
                tcp,
                udp,
                icmp,
                destinations,
                named_ports: PortSet::empty(),
            },
        )
    }

    fn application() -> impl Strategy<Value = ApplicationShape<'static>> {
        let names = select(vec!["a.com", "*.a.com", "b.a.com", "*", "c.com"]);
        let pairs = prop::collection::btree_set(440u16..446, 0..3);
        (addresses(), pairs, prop::collection::vec(names, 0..3), any::<bool>()).prop_map(
            |(sources, ports, names, more_names)| {
                let names: Vec<FqdnPattern> =
                    names.iter().map(|name| name.parse().unwrap()).collect();
                let pair =
                    |port| ApplicationProtocol { protocol: ApplicationProtocolType::Https, port };
                ApplicationShape {
                    whose: whose(),
                    action: Action::Allow,
                    sources,
                    protocols: ports.into_iter().map(pair).collect::<BTreeSet<_>>(),
                    any_service: false,
                    names: names.iter().collect(),
                    more_names,
                    except: NameSet::empty(),
                }
            },
        )
    }

    /// The places in memory of what a look at every rule finds, and of what the index finds.
    fn check<'t, T: 't>(
        all: &'t [T],
        is_meant: impl Fn(&T) -> bool,
        found: impl Iterator<Item = &'t T>,
    ) -> Result<(), TestCaseError> {
        let expected: Vec<*const T> =
            all.iter().filter(|rule| is_meant(rule)).map(std::ptr::from_ref).collect();
        let found: Vec<*const T> = found.map(std::ptr::from_ref).collect();
        prop_assert_eq!(found, expected);
        Ok(())
    }

    proptest! {
        #[test]
        fn the_index_finds_what_a_look_at_every_rule_finds(
            networks in prop::collection::vec(network(), 0..8),
            applications in prop::collection::vec(application(), 0..8),
            network in network(),
            application in application(),
        ) {
            let shapes = Shapes { network: networks, application: applications };
            let index = Index::new(&shapes);
            let (by_address, by_name) = (&index.network_allows, &index.application_allows);
            check(&shapes.network, |one| one.meets(&network), by_address.meeting(&network))?;
            check(&shapes.network, |one| one.reaches(&application), by_address.reaching(&application))?;
            check(
                &shapes.network,
                |one| one.sources.meets(&application.sources),
                by_address.from(&application.sources),
            )?;
            check(&shapes.application, |one| one.meets(&application), by_name.meeting(&application))?;
            check(&shapes.application, |one| network.reaches(one), by_name.reached(&network))?;
            check(
                &shapes.application,
                |one| one.sources.meets(&application.sources) && one.shares_a_name(&application),
                by_name.sharing(&application),
            )?;
            prop_assert_eq!(index.network_denies.all().count() + index.application_denies.all().count(), 0);
        }
    }
}
