//! What is known of the environment: evidence first, then assumptions.

use std::net::IpAddr;

use jiff::Timestamp;

use super::assumptions::Assumptions;
use super::assumptions::INFRASTRUCTURE;
use super::assumptions::RESOLVER;
use super::assumptions::THREAT_LIST;
use super::special_purpose::is_private;
use crate::evidence::Evidence;
use crate::evidence::Fact;
use crate::flow::Atom;
use crate::flow::Fqdn;

/// The environment of a flow, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a> {
    /// What was seen or supplied.
    pub evidence: &'a Evidence,
    /// What is assumed without evidence.
    pub assumptions: &'a Assumptions,
    /// The time of the flow.
    pub at: Timestamp,
}

/// What the environment says of an atom.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Answer {
    /// Whether it holds; `None` where that is left open.
    pub truth: Option<bool>,
    /// The setting that says so, where no evidence does.
    pub assumption: Option<&'static str>,
}

impl From<Fact> for Answer {
    fn from(fact: Fact) -> Answer {
        let truth = match fact {
            Fact::True => Some(true),
            Fact::False => Some(false),
            Fact::Unknown => None,
        };
        Answer { truth, assumption: None }
    }
}

impl Environment<'_> {
    /// What is known of `atom`. `proxies` are the DNS proxies of the firewalls on the way, `None`
    /// for a firewall without one: an answer counts only where all of them agree.
    pub fn answer(&self, atom: &Atom, proxies: &[Option<IpAddr>]) -> Answer {
        let seen = self.seen(atom, proxies);
        if seen.truth.is_some() {
            return seen;
        }
        match atom {
            Atom::Resolvable { .. } => self.assumed(RESOLVER, |evidence_only| {
                // The second reading trusts evidence alone, and there is none.
                (!evidence_only).then_some(true)
            }),
            Atom::ThreatListed { .. } => self.assumed(THREAT_LIST, Some),
            Atom::Infrastructure { .. } => self.assumed(INFRASTRUCTURE, Some),
            Atom::Reading { setting } => self.assumed(setting, Some),
            Atom::TagPrefixLonger { tag, address, bits } => {
                Answer { truth: self.tag_prefix_is_longer(tag, *address, *bits), assumption: None }
            }
            // None holds a private address (`azure-firewall.md §3.3`, observed).
            Atom::InServiceTag { address, .. } => {
                Answer { truth: is_private(*address).then_some(false), assumption: None }
            }
            Atom::FirewallAnswer { .. }
            | Atom::InFqdnTag { .. }
            | Atom::InWebCategory { .. }
            | Atom::ApplicationDestination { .. }
            | Atom::PrecededBy { .. }
            | Atom::Named { .. }
            | Atom::Request { .. }
            | Atom::ClientAnswer { .. } => Answer::default(),
        }
    }

    /// Whether `client` holds `address` for `name`; `None` where no answer to it was seen.
    pub fn client_holds(&self, client: IpAddr, name: &Fqdn, address: IpAddr) -> Option<bool> {
        self.evidence.timeline.client_holds(client, name, address, self.at)
    }

    fn seen(&self, atom: &Atom, proxies: &[Option<IpAddr>]) -> Answer {
        let mut facts = proxies.iter().map(|proxy| self.evidence.fact(atom, *proxy, self.at));
        let first = facts.next().unwrap_or_else(|| self.evidence.fact(atom, None, self.at));
        let fact = if facts.all(|fact| fact == first) { first } else { Fact::Unknown };
        Answer::from(fact)
    }

    fn assumed(&self, setting: &'static str, truth: impl FnOnce(bool) -> Option<bool>) -> Answer {
        let truth = self.assumptions.reading(setting).and_then(truth);
        Answer { truth, assumption: Some(setting) }
    }

    /// Evidence keeps neighbouring prefixes of a tag as one. The tag's own prefix is at least as
    /// long as that one.
    fn tag_prefix_is_longer(&self, tag: &str, address: IpAddr, bits: u8) -> Option<bool> {
        let tags = self.evidence.service_tags.as_ref()?;
        let prefixes = tags.tag(tag)?.addresses.prefixes();
        let joined = prefixes.into_iter().find(|prefix| prefix.contains(&address))?;
        (joined.prefix_len() > bits).then_some(true)
    }
}
