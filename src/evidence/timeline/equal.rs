//! When two time lines are equal: where they say the same, whatever it takes to keep that and in
//! whatever order it came.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;

use super::DnsTimeline;
use super::client::NamedAddress;
use super::told::Histories;
use super::told::Told;
use crate::flow::Fqdn;

impl PartialEq for DnsTimeline {
    fn eq(&self, other: &DnsTimeline) -> bool {
        self.in_full(&self.by_client) == other.in_full(&other.by_client)
            && self.in_full(&self.by_server) == other.in_full(&other.by_server)
            && self.names_in_full(&self.names.kept) == other.names_in_full(&other.names.kept)
            && self.names_in_full(&self.hints) == other.names_in_full(&other.hints)
            && self.lacking_in_full() == other.lacking_in_full()
            && (&self.clients, &self.asides, &self.servers)
                == (&other.clients, &other.asides, &other.servers)
            && (&self.asked_of, self.dropped, self.whole_until)
                == (&other.asked_of, other.dropped, other.whole_until)
    }
}

impl Eq for DnsTimeline {}

impl DnsTimeline {
    fn in_full<'t>(
        &'t self,
        histories: &'t Histories,
    ) -> BTreeMap<(IpAddr, &'t Fqdn, Timestamp), &'t [Told]> {
        let in_full = histories.iter().filter_map(|(when, told)| {
            let (party, name) = self.party_and_name(when)?;
            Some(((party, name, when.2), &**told))
        });
        in_full.collect()
    }

    fn names_in_full(&self, told: &BTreeSet<NamedAddress>) -> BTreeSet<(IpAddr, IpAddr, &Fqdn)> {
        let numbers = &self.numbers;
        let in_full = told.iter().filter_map(|(client, address, name)| {
            let client = numbers.address_of(*client)?;
            Some((client, numbers.address_of(*address)?, numbers.name_of(*name)?))
        });
        in_full.collect()
    }

    fn lacking_in_full(&self) -> BTreeMap<(IpAddr, IpAddr), Timestamp> {
        let numbers = &self.numbers;
        let in_full = self.names.whole_until.iter().filter_map(|((client, address), until)| {
            Some(((numbers.address_of(*client)?, numbers.address_of(*address)?), *until))
        });
        in_full.collect()
    }
}
