//! The way through a response from the name that was asked for to its addresses.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::answer::DnsRecord;
use crate::flow::Fqdn;

/// The most aliases that are followed, as in the common resolvers; a longer way leads to no address.
const LONGEST_CHAIN: usize = 16;

/// The names that a response leads over, and the addresses at its end.
pub(super) struct Chain {
    // Invariant: never empty; the first is the name that was asked for.
    pub(super) links: Vec<Link>,
    pub(super) addresses: BTreeSet<IpAddr>,
}

/// One name of a chain.
pub(super) struct Link {
    pub(super) name: Fqdn,
    /// Seconds that the way from here to the addresses holds: the least of its records, and 0
    /// where it leads to none.
    pub(super) ttl: u32,
}

impl Chain {
    /// Follows the aliases of `records` from `question`, whatever the order of the records.
    ///
    /// Records off the way are not looked at: a server can put anything into a response. An alias
    /// has one target (RFC 2181 §10.1), so of several the first is taken; a loop ends where it
    /// would begin again.
    pub(super) fn follow(question: &Fqdn, records: &[DnsRecord]) -> Chain {
        let mut targets: BTreeMap<&Fqdn, (&Fqdn, u32)> = BTreeMap::new();
        for record in records {
            if let DnsRecord::Alias { owner, target, ttl } = record {
                targets.entry(owner).or_insert((target, *ttl));
            }
        }
        let mut steps = Vec::new();
        let mut last = question;
        while steps.len() < LONGEST_CHAIN
            && let Some((target, ttl)) = targets.remove(last)
        {
            steps.push((last.clone(), lifetime(ttl)));
            last = target;
        }

        let mut addresses = BTreeSet::new();
        let mut ttl = u32::MAX;
        for record in records {
            if let DnsRecord::Address { owner, address, ttl: own } = record
                && owner == last
            {
                addresses.insert(*address);
                ttl = ttl.min(lifetime(*own));
            }
        }
        if addresses.is_empty() {
            ttl = 0;
        }

        let mut links = vec![Link { name: last.clone(), ttl }];
        for (name, own) in steps.into_iter().rev() {
            ttl = ttl.min(own);
            links.push(Link { name, ttl });
        }
        links.reverse();
        Chain { links, addresses }
    }

    /// The names after the first, in the order in which they are met.
    #[cfg(feature = "live-dns")]
    pub(super) fn aliases(&self) -> impl Iterator<Item = &Fqdn> {
        self.links.iter().skip(1).map(|link| &link.name)
    }

    /// Seconds that the whole way holds.
    #[cfg(feature = "live-dns")]
    pub(super) fn ttl(&self) -> u32 {
        self.links.first().map_or(0, |link| link.ttl)
    }
}

/// The TTL that a record means: one with the highest bit set is to be taken as 0 (RFC 2181 §8).
fn lifetime(ttl: u32) -> u32 {
    if ttl > i32::MAX.unsigned_abs() { 0 } else { ttl }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Fqdn {
        Fqdn::parse(text).unwrap()
    }

    fn alias(owner: &str, target: &str, ttl: u32) -> DnsRecord {
        DnsRecord::Alias { owner: name(owner), target: name(target), ttl }
    }

    fn address(owner: &str, address: &str, ttl: u32) -> DnsRecord {
        DnsRecord::Address { owner: name(owner), address: address.parse().unwrap(), ttl }
    }

    /// The chain from `a.test` as text: each name with its TTL, then the addresses.
    #[track_caller]
    fn check(records: &[DnsRecord], expected: &str) {
        let chain = Chain::follow(&name("a.test"), records);
        let links: Vec<String> =
            chain.links.iter().map(|link| format!("{} {}", link.name, link.ttl)).collect();
        let addresses: Vec<String> = chain.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(format!("{} = {}", links.join(" -> "), addresses.join(" ")), expected);
    }

    #[test]
    fn a_link_holds_as_long_as_the_shortest_record_after_it() {
        check(
            &[
                alias("a.test", "b.test", 300),
                alias("b.test", "c.test", 20),
                address("c.test", "192.0.2.2", 60),
                address("c.test", "192.0.2.1", 60),
            ],
            "a.test 20 -> b.test 20 -> c.test 60 = 192.0.2.1 192.0.2.2",
        );
    }

    #[test]
    fn the_order_of_the_records_means_nothing() {
        check(
            &[address("b.test", "192.0.2.1", 60), alias("a.test", "b.test", 30)],
            "a.test 30 -> b.test 60 = 192.0.2.1",
        );
    }

    #[test]
    fn records_off_the_way_are_not_believed() {
        check(
            &[address("bank.test", "192.0.2.66", 60), address("a.test", "192.0.2.1", 60)],
            "a.test 60 = 192.0.2.1",
        );
    }

    #[test]
    fn a_chain_longer_than_resolvers_follow_leads_nowhere() {
        let mut records: Vec<DnsRecord> =
            (0..99).map(|n| alias(&format!("{n}.test"), &format!("{}.test", n + 1), 30)).collect();
        records.push(address("99.test", "192.0.2.1", 30));
        let chain = Chain::follow(&name("0.test"), &records);
        assert_eq!((chain.links.len(), chain.addresses.len()), (LONGEST_CHAIN + 1, 0));
    }

    #[test]
    fn a_loop_ends() {
        check(
            &[alias("a.test", "b.test", 30), alias("b.test", "a.test", 30)],
            "a.test 0 -> b.test 0 -> a.test 0 = ",
        );
    }

    #[test]
    fn a_ttl_with_the_highest_bit_is_none() {
        check(&[address("a.test", "192.0.2.1", 1 << 31)], "a.test 0 = 192.0.2.1");
    }
}
