//! Flows as products of sets, and what is left of some when others are taken away.

use crate::flow::AddressSet;
use crate::flow::NameSet;
use crate::flow::PortSet;

/// Flows: every combination of one of the sources, services, destinations and names.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub sources: AddressSet,
    pub services: Services,
    pub destinations: AddressSet,
    /// The names that clients show; every name where none is looked at.
    pub names: NameSet,
}

/// Protocols with their ports.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Services {
    pub tcp: PortSet,
    pub udp: PortSet,
    pub icmp: bool,
    /// Every protocol besides.
    pub others: bool,
}

/// What is left of a block.
#[derive(Clone, Debug)]
pub(super) enum Left {
    Nothing,
    /// These flows, and perhaps more.
    Some(Block),
    /// To find out would take too long.
    Unknown,
}

impl Block {
    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
            || self.services.is_empty()
            || self.destinations.is_empty()
            || self.names.is_empty()
    }

    /// Whether some flow is in both.
    pub(super) fn meets(&self, other: &Block) -> bool {
        self.sources.meets(&other.sources)
            && self.services.meets(&other.services)
            && self.destinations.meets(&other.destinations)
            && self.names.meets(&other.names)
    }

    /// The flows that are not in `other`, parted.
    fn less(&self, other: &Block) -> [Block; 4] {
        let mut shared = self.clone();
        let sources = Block { sources: self.sources.difference(&other.sources), ..shared.clone() };
        shared.sources = self.sources.intersection(&other.sources);
        let services =
            Block { services: self.services.difference(&other.services), ..shared.clone() };
        shared.services = self.services.intersection(&other.services);
        let destinations = Block {
            destinations: self.destinations.difference(&other.destinations),
            ..shared.clone()
        };
        shared.destinations = self.destinations.intersection(&other.destinations);
        let names = Block { names: self.names.difference(&other.names), ..shared };
        [sources, services, destinations, names]
    }

    /// The first part of this block that is in none of `taken`. Each comparison is one of `steps`;
    /// without any left, the answer is not known.
    pub(super) fn left_by<'b>(
        self,
        taken: impl Iterator<Item = &'b Block>,
        steps: &mut usize,
    ) -> Left {
        let mut near = Vec::new();
        for other in taken {
            let Some(fewer) = steps.checked_sub(1) else { return Left::Unknown };
            *steps = fewer;
            if self.meets(other) {
                near.push(other);
            }
        }
        // Parts with flows, and how many of `near` they are already without. At most three wait for
        // each of `near`.
        let mut parts = vec![(self, 0)];
        parts.retain(|(part, _)| !part.is_empty());
        while let Some((part, without)) = parts.pop() {
            let mut next = near.iter().enumerate().skip(without);
            let met = loop {
                let Some((at, other)) = next.next() else { return Left::Some(part) };
                let Some(fewer) = steps.checked_sub(1) else { return Left::Unknown };
                *steps = fewer;
                if part.meets(other) {
                    break (at, *other);
                }
            };
            let (at, other) = met;
            let less = part.less(other).into_iter().rev().filter(|part| !part.is_empty());
            parts.extend(less.map(|part| (part, at + 1)));
        }
        Left::Nothing
    }
}

impl Services {
    pub(super) fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.udp.is_empty() && !self.icmp && !self.others
    }

    fn meets(&self, other: &Services) -> bool {
        self.tcp.meets(&other.tcp)
            || self.udp.meets(&other.udp)
            || self.icmp && other.icmp
            || self.others && other.others
    }

    fn intersection(&self, other: &Services) -> Services {
        Services {
            tcp: self.tcp.intersection(&other.tcp),
            udp: self.udp.intersection(&other.udp),
            icmp: self.icmp && other.icmp,
            others: self.others && other.others,
        }
    }

    fn difference(&self, other: &Services) -> Services {
        Services {
            tcp: self.tcp.difference(&other.tcp),
            udp: self.udp.difference(&other.udp),
            icmp: self.icmp && !other.icmp,
            others: self.others && !other.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::flow::Fqdn;
    use crate::flow::FqdnPattern;
    use crate::flow::PortRange;

    const NAMES: [&str; 3] = ["a.com", "b.com", "c.com"];

    fn addresses() -> impl Strategy<Value = AddressSet> {
        prop::collection::vec(0u8..4, 0..4).prop_map(|list| {
            list.into_iter()
                .map(address)
                .map(AddressSet::from)
                .fold(AddressSet::empty(), |all, one| all.union(&one))
        })
    }

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn ports() -> impl Strategy<Value = PortSet> {
        prop::collection::vec((0u16..4, 0u16..2), 0..3).prop_map(|list| {
            list.iter().filter_map(|(first, more)| PortRange::new(*first, first + more)).collect()
        })
    }

    fn block() -> impl Strategy<Value = Block> {
        let names = prop::collection::vec(prop::sample::select(NAMES.to_vec()), 0..4);
        let services = (ports(), ports(), any::<bool>(), any::<bool>())
            .prop_map(|(tcp, udp, icmp, others)| Services { tcp, udp, icmp, others });
        (addresses(), services, addresses(), names).prop_map(
            |(sources, services, destinations, names)| {
                let names: Vec<FqdnPattern> =
                    names.iter().map(|name| name.parse().unwrap()).collect();
                Block { sources, services, destinations, names: names.iter().collect() }
            },
        )
    }

    /// Every flow there is, as a block.
    fn flows() -> Vec<Block> {
        let mut services = vec![
            Services { icmp: true, ..Services::default() },
            Services { others: true, ..Services::default() },
        ];
        for port in 0..5 {
            let port = PortSet::from(PortRange::single(port));
            services.push(Services { tcp: port.clone(), ..Services::default() });
            services.push(Services { udp: port, ..Services::default() });
        }
        let mut flows = Vec::new();
        for (source, destination) in (0..4).flat_map(|one| (0..4).map(move |other| (one, other))) {
            for (service, name) in services.iter().flat_map(|one| NAMES.map(|name| (one, name))) {
                let name = FqdnPattern::Exact(Fqdn::parse(name).unwrap());
                flows.push(Block {
                    sources: address(source).into(),
                    services: service.clone(),
                    destinations: address(destination).into(),
                    names: NameSet::from(&name),
                });
            }
        }
        flows
    }

    proptest! {
        #[test]
        fn something_is_left_exactly_if_a_flow_is_and_all_of_it_is(
            whole in block(),
            taken in prop::collection::vec(block(), 0..6),
        ) {
            let is_left = |flow: &Block| {
                whole.meets(flow) && !taken.iter().any(|other| other.meets(flow))
            };
            match whole.clone().left_by(taken.iter(), &mut usize::MAX.clone()) {
                Left::Nothing => prop_assert!(!flows().iter().any(is_left)),
                Left::Some(part) => {
                    let mut flows = flows();
                    flows.retain(|flow| part.meets(flow));
                    prop_assert!(!flows.is_empty() && flows.iter().all(is_left));
                }
                Left::Unknown => prop_assert!(false, "there were steps enough"),
            }
            let few = whole.left_by(taken.iter(), &mut 0);
            prop_assert!(taken.is_empty() || matches!(few, Left::Unknown));
        }
    }
}
