//! A firewall with its policy, made ready to be asked.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::assumptions::DNS_SETTINGS_INHERITED;
use super::classify::Index;
use super::inquiry::Inquiry;
use super::special_purpose::is_private;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::address::AddressEntry;
use crate::azure::firewall::Firewall;
use crate::azure::order::OrderError;
use crate::azure::order::Placed;
use crate::azure::order::RuleKind;
use crate::azure::policy::ExplicitProxy;
use crate::azure::policy::Policy;
use crate::azure::policy::PrivateRange;
use crate::azure::policy::Rules;
use crate::azure::policy::SnatSettings;
use crate::azure::policy::ThreatIntelMode;
use crate::azure::policy::Tier;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::Host;

/// A firewall and the collections of its policy chain in the order of `azure-firewall.md §1.2`.
#[derive(Clone, Debug)]
pub(crate) struct Enforced<'a> {
    /// The firewall; `None` where only a policy is stated.
    pub(crate) firewall: Option<&'a Firewall>,
    /// The tier that decides which features work.
    pub(crate) tier: Tier,
    /// The policies, the root parent first.
    chain: Vec<(&'a Key, &'a Policy)>,
    pub(crate) nat: Vec<Placed<'a>>,
    pub(crate) network: Vec<Placed<'a>>,
    pub(crate) application: Vec<Placed<'a>>,
    /// The ports of all application rules (`azure-firewall.md §1.5`).
    pub(crate) application_ports: BTreeSet<u16>,
    /// Where there is one, rules that cannot matter for a flow are passed over.
    pub(super) index: Option<Arc<Index<'a>>>,
}

impl<'a> Enforced<'a> {
    /// `firewall` as the deployment has it.
    pub(crate) fn firewall(
        deployment: &'a Deployment,
        firewall: &'a Firewall,
    ) -> Result<Enforced<'a>, OrderError> {
        let enforced = match &firewall.policy {
            Some(policy) => Enforced::policy(deployment, policy)?,
            None => Enforced::empty(),
        };
        Ok(Enforced { firewall: Some(firewall), tier: firewall.tier, ..enforced })
    }

    /// A firewall of which only the policy is known.
    pub(crate) fn policy(
        deployment: &'a Deployment,
        name: &Key,
    ) -> Result<Enforced<'a>, OrderError> {
        let chain = deployment.policy_chain(name)?;
        let application = deployment.collections_in_order(name, RuleKind::Application)?;
        let application_ports = application
            .iter()
            .flat_map(|placed| match &placed.collection.rules {
                Rules::Application(_, rules) => rules.as_slice(),
                Rules::Network(..) | Rules::Nat(_) => &[],
            })
            .flat_map(|rule| rule.protocols.iter().map(|protocol| protocol.port))
            .collect();
        Ok(Enforced {
            firewall: None,
            tier: chain.last().map_or(Tier::Standard, |(_, policy)| policy.tier),
            chain,
            nat: deployment.collections_in_order(name, RuleKind::Nat)?,
            network: deployment.collections_in_order(name, RuleKind::Network)?,
            application,
            application_ports,
            index: None,
        })
    }

    fn empty() -> Enforced<'a> {
        Enforced {
            firewall: None,
            tier: Tier::Standard,
            chain: Vec::new(),
            nat: Vec::new(),
            network: Vec::new(),
            application: Vec::new(),
            application_ports: BTreeSet::new(),
            index: None,
        }
    }

    pub(crate) fn policies(&self) -> impl DoubleEndedIterator<Item = &'a Policy> {
        self.chain.iter().map(|(_, policy)| *policy)
    }

    /// Whether `name` is the policy of the firewall itself, not a parent of it.
    pub(crate) fn is_own_policy(&self, name: &Key) -> bool {
        self.chain.last().is_some_and(|(own, _)| *own == name)
    }

    /// Whether `address` is that to which routes point.
    pub(crate) fn is_private_address(&self, address: IpAddr) -> bool {
        self.firewall.is_some_and(|firewall| firewall.private_address == address)
    }

    /// Whether `address` is one of the firewall's public ones.
    pub(crate) fn is_public_address(&self, address: IpAddr) -> bool {
        self.firewall.is_some_and(|firewall| firewall.public_addresses.contains(&address))
    }

    /// Whether `address` is one of the firewall's own.
    pub(crate) fn is_own_address(&self, address: IpAddr) -> bool {
        self.is_private_address(address) || self.is_public_address(address)
    }

    /// The stricter mode of the chain (`azure-firewall.md §1.3`); Basic only alerts (`§1.7`).
    pub(crate) fn threat_intel_mode(&self) -> ThreatIntelMode {
        let mode = self.policies().map(|policy| policy.threat_intel_mode).max();
        match (mode.unwrap_or(ThreatIntelMode::Off), self.tier) {
            (ThreatIntelMode::Deny, Tier::Basic) => ThreatIntelMode::Alert,
            (mode, Tier::Basic | Tier::Standard | Tier::Premium) => mode,
        }
    }

    /// Whether threat intelligence leaves `host` alone; allow lists are inherited
    /// (`azure-firewall.md §1.3`).
    pub(super) fn is_threat_allowed(&self, host: &Host, inquiry: &mut Inquiry<'_>) -> bool {
        self.policies().any(|policy| {
            let list = &policy.threat_intel_allowlist;
            match host {
                Host::Address(address) => list.addresses.iter().any(|entry| match entry {
                    AddressEntry::Unknown(name) => {
                        inquiry.ask_named(format!("{address} in {name}"))
                    }
                    known => known.addresses().is_some_and(|set| set.contains(*address)),
                }),
                Host::Name(name) => list.fqdns.iter().any(|pattern| pattern.matches(name)),
            }
        })
    }

    /// The names that threat intelligence leaves alone.
    pub(crate) fn threat_allowed_names(&self) -> impl Iterator<Item = &'a FqdnPattern> {
        self.policies().flat_map(|policy| &policy.threat_intel_allowlist.fqdns)
    }

    /// Whether the firewall answers DNS (`azure-firewall.md §4.3`). A child without settings of
    /// its own has its parent's in one reading (`§1.3`).
    pub(super) fn has_dns_proxy(&self, inquiry: &mut Inquiry<'_>) -> bool {
        match self.dns_proxy() {
            DnsProxy::Off => false,
            DnsProxy::On => true,
            DnsProxy::In(setting) => inquiry.second_reading(setting),
        }
    }

    /// [`Enforced::has_dns_proxy`], as far as the policies say.
    pub(crate) fn dns_proxy(&self) -> DnsProxy {
        let of = |is_on| if is_on { DnsProxy::On } else { DnsProxy::Off };
        // Basic has none (`azure-firewall.md §6.2`).
        if self.tier == Tier::Basic {
            return DnsProxy::Off;
        }
        let enabled =
            |policy: &Policy| policy.dns.as_ref().is_some_and(|dns| dns.enable_proxy == Some(true));
        let mut policies = self.policies().rev();
        let Some(own) = policies.next() else { return DnsProxy::Off };
        if own.dns.is_some() {
            return of(enabled(own));
        }
        let inherited = policies.find(|policy| policy.dns.is_some()).is_some_and(enabled);
        if inherited { DnsProxy::In(DNS_SETTINGS_INHERITED) } else { DnsProxy::Off }
    }

    /// The explicit proxy, where it is on (`azure-firewall.md §2.12`).
    pub(crate) fn explicit_proxy(&self) -> Option<&'a ExplicitProxy> {
        let own = self.policies().next_back()?;
        own.explicit_proxy.as_ref().filter(|proxy| proxy.enabled)
    }

    /// Whether sessions sent on by SQL servers are let through (`azure-firewall.md §2.11`).
    pub(crate) fn allows_sql_redirect(&self) -> bool {
        self.policies().next_back().is_some_and(|policy| policy.allow_sql_redirect)
    }

    /// Whether intrusion detection denies: the stricter mode of the chain (`azure-firewall.md
    /// §1.8`); Premium only.
    pub(crate) fn intrusion_detection_denies(&self) -> bool {
        self.tier == Tier::Premium
            && self.policies().any(|policy| {
                let settings = policy.intrusion_detection.as_ref();
                settings.is_some_and(|settings| settings.mode == ThreatIntelMode::Deny)
            })
    }

    /// Whether a certificate authority for inspection is named.
    pub(crate) fn has_certificate_authority(&self) -> bool {
        self.policies().any(|policy| policy.certificate_authority.is_some())
    }

    /// Whether a network rule's flow to `destination` leaves with an address of the firewall
    /// (`azure-firewall.md §4.2`).
    pub(super) fn translates_source(&self, destination: IpAddr, inquiry: &mut Inquiry<'_>) -> bool {
        if destination.is_ipv6() {
            // §1.13: always, except within fc00::/7.
            return !is_private(destination);
        }
        let Some((ranges, learns)) = self.source_nat() else { return !is_private(destination) };
        if ranges.contains(destination) {
            return false;
        }
        !(learns
            && inquiry.ask_named(format!("{destination} in the ranges that the firewall learned")))
    }

    /// The IPv4 ranges that the policies call private, and whether the firewall learns more;
    /// nothing where they do not say.
    pub(crate) fn source_nat(&self) -> Option<(AddressSet, bool)> {
        let snat = self.policies().rev().find_map(|policy| policy.snat.as_ref())?;
        Some((private_ranges(snat), snat.auto_learn))
    }
}

/// Whether a firewall answers DNS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DnsProxy {
    /// It does not.
    Off,
    /// It does.
    On,
    /// It does in the second reading of this setting.
    In(&'static str),
}

/// The private ranges of `snat`; without any, Azure's default.
fn private_ranges(snat: &SnatSettings) -> AddressSet {
    let iana = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];
    let iana = || iana.iter().filter_map(|text| text.parse::<IpNet>().ok());
    if snat.private_ranges.is_empty() {
        return iana().collect();
    }
    let ranges = snat.private_ranges.iter().flat_map(|range| match range {
        PrivateRange::Iana => iana().collect::<Vec<_>>(),
        PrivateRange::Prefix(prefix) => vec![*prefix],
    });
    ranges.collect()
}
