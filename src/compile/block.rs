//! Flows as products of sets, and what is left of some when others are taken away.

use crate::flow::AddressSet;
use crate::flow::NameSet;
use crate::flow::PortSet;
use crate::flow::set::IntervalSet;
use crate::flow::set::SetIndex;

/// How many ends of intervals are compared in one step; sets with more cost more.
const ENDS_PER_STEP: usize = 64;

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

/// Blocks, found by those that meet one. Each question is asked of the set in which the fewest come
/// near.
#[derive(Debug)]
pub(super) struct BlockIndex {
    sources: SetIndex<AddressSet>,
    tcp: SetIndex<PortSet>,
    udp: SetIndex<PortSet>,
    destinations: SetIndex<AddressSet>,
    names: SetIndex<NameSet>,
}

/// Takes `cost` from `steps`; `None`, and nothing is left, where there are fewer.
pub(super) fn spend(steps: &mut usize, cost: usize) -> Option<()> {
    let left = steps.checked_sub(cost);
    *steps = left.unwrap_or_default();
    left.map(|_| ())
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

    /// How many steps it takes to compare it with `other`.
    pub(super) fn cost(&self, other: &Block) -> usize {
        1 + (self.ends() + other.ends()) / ENDS_PER_STEP
    }

    fn ends(&self) -> usize {
        self.sources.intervals().cuts().len()
            + self.services.tcp.intervals().cuts().len()
            + self.services.udp.intervals().cuts().len()
            + self.destinations.intervals().cuts().len()
            + self.names.intervals().cuts().len()
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

    /// The first part of this block that is in none of `taken`. Comparisons take from `steps`;
    /// without enough of them, the answer is not known.
    pub(super) fn left_by<'b>(
        self,
        taken: impl Iterator<Item = &'b Block>,
        steps: &mut usize,
    ) -> Left {
        let mut near = Vec::new();
        for other in taken {
            if spend(steps, self.cost(other)).is_none() {
                return Left::Unknown;
            }
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
                if spend(steps, part.cost(other)).is_none() {
                    return Left::Unknown;
                }
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

impl BlockIndex {
    pub(super) fn new<'b>(blocks: impl Iterator<Item = &'b Block>) -> BlockIndex {
        let blocks: Vec<&Block> = blocks.collect();
        let numbered = || blocks.iter().copied().enumerate();
        BlockIndex {
            sources: SetIndex::new(numbered().map(|(at, block)| (at, &block.sources))),
            tcp: SetIndex::new(numbered().map(|(at, block)| (at, &block.services.tcp))),
            udp: SetIndex::new(numbered().map(|(at, block)| (at, &block.services.udp))),
            destinations: SetIndex::new(numbered().map(|(at, block)| (at, &block.destinations))),
            names: SetIndex::new(numbered().map(|(at, block)| (at, &block.names))),
        }
    }

    /// Those of `all`, whose blocks this is the index of, that meet `flows`, in their order; `None`
    /// without enough `steps`.
    pub(super) fn meeting<'a, T>(
        &self,
        all: &'a [T],
        block: impl Fn(&T) -> &Block,
        flows: &Block,
        steps: &mut usize,
    ) -> Option<Vec<&'a T>> {
        let mut found = Vec::new();
        for at in self.near(flows, steps)? {
            let Some(one) = all.get(at) else { continue };
            spend(steps, block(one).cost(flows))?;
            if block(one).meets(flows) {
                found.push(one);
            }
        }
        Some(found)
    }

    fn near(&self, flows: &Block, steps: &mut usize) -> Option<Vec<usize>> {
        let Services { tcp, udp, icmp, others } = &flows.services;
        let by_sources = self.sources.cost(&flows.sources);
        let by_destinations = self.destinations.cost(&flows.destinations);
        let by_names = self.names.cost(&flows.names);
        let by_ports = if *icmp || *others {
            usize::MAX
        } else {
            self.tcp.cost(tcp).saturating_add(self.udp.cost(udp))
        };
        let least = by_sources.min(by_destinations).min(by_names).min(by_ports);
        spend(steps, 1 + (flows.ends().saturating_add(least)) / ENDS_PER_STEP)?;
        Some(if least == by_ports {
            let mut near = self.tcp.meeting(tcp);
            near.extend(self.udp.meeting(udp));
            near.sort_unstable();
            near.dedup();
            near
        } else if least == by_destinations {
            self.destinations.meeting(&flows.destinations)
        } else if least == by_sources {
            self.sources.meeting(&flows.sources)
        } else {
            self.names.meeting(&flows.names)
        })
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

        #[test]
        fn the_index_finds_the_blocks_that_meet(
            blocks in prop::collection::vec(block(), 0..8),
            asked in block(),
        ) {
            let index = BlockIndex::new(blocks.iter());
            let found = index.meeting(&blocks, |one| one, &asked, &mut usize::MAX.clone()).unwrap();
            let found: Vec<*const Block> = found.into_iter().map(std::ptr::from_ref).collect();
            let meant = blocks.iter().filter(|one| one.meets(&asked)).map(std::ptr::from_ref);
            prop_assert_eq!(found, meant.collect::<Vec<_>>());
            prop_assert!(index.meeting(&blocks, |one| one, &asked, &mut 0).is_none());
        }
    }
}
