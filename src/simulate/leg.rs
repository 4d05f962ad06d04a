//! A leg of a flow's way: what a hop that leads to no firewall means for it.

use super::assumptions::UNKNOWN_APPLIANCE;
use super::decision::Note;
use super::decision::Reason;
use super::decision::Verdict;
use super::firewall::Passed;
use super::inquiry::Inquiry;
use super::route::Hop;
use super::route::Vantage;
use super::special_purpose::is_private;
use crate::azure::Key;
use crate::azure::firewall::Firewall;
use crate::azure::firewall::FirewallPlace;
use crate::flow::Flow;

/// A leg of a way.
#[derive(Clone, Copy)]
pub(super) struct Leg<'l, 'a> {
    pub(super) vantage: Vantage<'a>,
    pub(super) flow: &'l Flow,
    /// What the last firewall said; `None` where the flow met none.
    pub(super) passed: Option<&'l Passed>,
}

impl Leg<'_, '_> {
    /// What a hop that leads to no firewall means (`azure-routing.md §13`).
    pub(super) fn delivered(&self, hop: &Hop, inquiry: &mut Inquiry<'_>) -> (Verdict, Reason) {
        let around = |verdict: Verdict, reason: Reason| match self.passed {
            Some(passed) => (Verdict::Allow, passed.reason),
            None => (verdict, reason),
        };
        match hop {
            Hop::Platform => (Verdict::Platform, Reason::PlatformAddress),
            Hop::Local => around(Verdict::Local, Reason::VnetLocal),
            Hop::Peering(remote) => {
                if self.is_refused_by(remote) {
                    (Verdict::Deny, Reason::PeeringRefused)
                } else {
                    around(Verdict::Bypass, Reason::Peering)
                }
            }
            Hop::PrivateEndpoint(_) => {
                if self.passed.is_some_and(|passed| !passed.translated) {
                    inquiry.note(Note::AsymmetricReturn);
                }
                let reason = if self.reaches_an_api_server() {
                    Reason::ApiServer
                } else {
                    Reason::PrivateEndpoint
                };
                around(Verdict::Local, reason)
            }
            Hop::ServiceEndpoint(_) => around(Verdict::Bypass, Reason::ServiceEndpoint),
            Hop::Internet if self.cannot_reach_the_internet() => {
                (Verdict::Deny, Reason::Undeliverable)
            }
            Hop::Internet => around(Verdict::Bypass, Reason::InternetRoute),
            // The firewall has addresses of its own.
            Hop::NoOutbound if self.passed.is_some() => around(Verdict::Bypass, Reason::NoOutbound),
            Hop::NoOutbound => (Verdict::Deny, Reason::NoOutbound),
            Hop::Gateway => {
                if self.passed.is_some() {
                    inquiry.note(Note::ForwardedTo(hop.to_string()));
                }
                around(Verdict::Bypass, Reason::Gateway)
            }
            Hop::Appliance(_) => {
                if !inquiry.second_reading(UNKNOWN_APPLIANCE) {
                    return (Verdict::Deny, Reason::Appliance);
                }
                if self.passed.is_some() {
                    inquiry.note(Note::ForwardedTo(hop.to_string()));
                }
                around(Verdict::Bypass, Reason::Appliance)
            }
            Hop::Unreachable(_) => (Verdict::Deny, Reason::NextHopUnreachable),
            Hop::Dropped | Hop::Firewall(_) => (Verdict::Deny, Reason::RouteNone),
        }
    }

    /// Whether the flow's destination is the private endpoint of a cluster's API server
    /// (`aks-egress.md §6`).
    fn reaches_an_api_server(&self) -> bool {
        let endpoint = self.vantage.private_endpoint(self.flow.destination);
        endpoint.is_some_and(|(endpoint, _, _)| self.vantage.is_for_an_api_server(&endpoint.name))
    }

    /// Whether the network in which `firewall` stands takes no such packets.
    pub(super) fn is_refused_at(&self, firewall: &Firewall) -> bool {
        match &firewall.place {
            FirewallPlace::VirtualNetwork(network) => {
                network != self.vantage.network_name && self.is_refused_by(network)
            }
            FirewallPlace::Hub(_) => false,
        }
    }

    /// A network takes packets from a peer with a source outside of the peer's addresses only if
    /// its peering says so (`azure-routing.md §8`).
    fn is_refused_by(&self, remote: &Key) -> bool {
        let here = self.vantage.network;
        let forwarded = !here.address_space.iter().any(|p| p.contains(&self.flow.source));
        let remote = self.vantage.deployment.virtual_networks.get(remote);
        let back =
            remote.and_then(|r| r.peerings.iter().find(|p| p.remote == *self.vantage.network_name));
        forwarded && back.is_some_and(|peering| !peering.allow_forwarded_traffic)
    }

    /// Private addresses are neither found on the internet nor answered there: a network rule
    /// without source NAT delivers only where a NAT gateway translates (`azure-firewall.md §4.2`).
    fn cannot_reach_the_internet(&self) -> bool {
        let untranslated = self.passed.is_some_and(|passed| !passed.translated)
            && is_private(self.flow.source)
            && !self.vantage.subnet.explicit_outbound;
        is_private(self.flow.destination) || untranslated
    }
}
