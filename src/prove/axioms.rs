//! What is known of atoms together: which assignments are possible (`semantics.md`, Flow).

use std::collections::BTreeMap;

use super::atom::FlowAtom;
use super::atom::Holder;
use super::atom::HostOf;
use super::atom::Party;
use super::encoder::Encoder;
use super::formula::Formula;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::simulate::explore::global_of;
use crate::simulate::policy::DnsProxy;
use crate::simulate::policy::Enforced;

impl Encoder<'_> {
    /// The flows and assignments that the axioms leave, as far as the atoms of `roots` are
    /// concerned.
    pub(super) fn axioms(&mut self, roots: &[Formula]) -> Formula {
        let atoms = self.formulas.atoms(roots);
        let mut longer: BTreeMap<(&str, Party), Vec<u8>> = BTreeMap::new();
        let asking = self.ask_the_firewall();
        let mut impossible = Vec::new();
        for atom in &atoms {
            match atom {
                FlowAtom::InServiceTag { tag, address } => {
                    let Some(global) = global_of(tag) else { continue };
                    let regional = self.in_tag(tag.clone(), *address);
                    let global = self.in_tag(global.to_owned(), *address);
                    impossible.push(self.without(regional, global));
                }
                FlowAtom::TagPrefixLonger { tag, address, bits } => {
                    longer.entry((tag, *address)).or_default().push(*bits);
                }
                FlowAtom::Answer { name, holder: Holder::Firewall(_) } => {
                    let Ok(name) = Fqdn::parse(name) else { continue };
                    let answered = self.ask(atom.clone());
                    let resolvable = self.ask(FlowAtom::TargetResolvable { name: name.clone() });
                    impossible.push(self.without(answered, resolvable));
                    for host in [HostOf::Wire, HostOf::Inner] {
                        let shown = self.is_name(host, [name.clone()]);
                        let resolvable = self.ask(FlowAtom::Resolvable { host });
                        let unresolvable = self.without(shown, resolvable);
                        impossible.push(self.all([answered, unresolvable]));
                    }
                }
                FlowAtom::InFqdnTag { .. }
                | FlowAtom::InFqdnTagOnSentPort { .. }
                | FlowAtom::InWebCategory { .. }
                | FlowAtom::Infrastructure { .. }
                | FlowAtom::Resolvable { .. }
                | FlowAtom::TargetResolvable { .. }
                | FlowAtom::AddressListed { .. }
                | FlowAtom::HostListed { .. }
                | FlowAtom::ApplicationDestination { .. }
                | FlowAtom::PrecededBy { .. }
                | FlowAtom::Reading { .. }
                | FlowAtom::Named { .. }
                | FlowAtom::Request { .. } => {}
                FlowAtom::Answer { name, holder: Holder::Client } => {
                    let Ok(name) = Fqdn::parse(name) else { continue };
                    let told = self.ask(atom.clone());
                    let answered = FlowAtom::firewall_answer(&name, Party::Destination);
                    let answered = self.ask(answered);
                    let unlike = self.without(told, answered);
                    let asking = self.address(Party::Source, &asking);
                    impossible.push(self.all([asking, unlike]));
                }
            }
        }
        for ((tag, address), bits) in longer {
            for pair in bits.windows(2) {
                let [less, more] = pair else { continue };
                let [less, more] = [less, more].map(|bits| {
                    let (tag, bits) = (tag.to_owned(), *bits);
                    self.ask(FlowAtom::TagPrefixLonger { tag, address, bits })
                });
                impossible.push(self.without(more, less));
            }
        }
        let impossible = self.any(impossible);
        self.not(impossible)
    }

    /// The clients that ask a firewall's DNS proxy, so that what they are told of a name is what the
    /// firewall knows of it (`semantics.md`, Flow; `azure-firewall.md §4.3`).
    fn ask_the_firewall(&self) -> AddressSet {
        let firewalls = self.deployment.firewalls.values();
        let proxies: Vec<_> = firewalls
            .filter(|firewall| {
                let enforced = Enforced::firewall(self.deployment, firewall);
                enforced.is_ok_and(|enforced| enforced.dns_proxy() == DnsProxy::On)
            })
            .map(|firewall| firewall.private_address)
            .collect();
        let networks = self.deployment.virtual_networks.values().filter(|network| {
            !network.dns_servers.is_empty()
                && network.dns_servers.iter().all(|server| proxies.contains(server))
        });
        let subnets = networks.flat_map(|network| &network.subnets);
        subnets.flat_map(|subnet| &subnet.prefixes).copied().collect()
    }
}
