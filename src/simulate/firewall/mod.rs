//! What one firewall does with one flow: steps 1 to 13 of `azure-firewall.md §10.2`, those from 6b on in
//! `proxy`.

mod proxy;

use std::net::IpAddr;

use super::assumptions::NETWORK_DENY_BEATS_DNAT;
use super::assumptions::PARENT_DNAT_INHERITED;
use super::assumptions::PROXY_PORTS_BASE;
use super::classify::Named;
use super::classify::Row;
use super::decision::Note;
use super::decision::Peer;
use super::decision::Reason;
use super::decision::Stage;
use super::decision::Verdict;
use super::inquiry::Inquiry;
use super::matching;
use super::policy::Enforced;
use super::security::DNS;
use super::special_purpose::is_private;
use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::azure::policy::ThreatIntelMode;
use crate::azure::policy::Tier;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::SQL_REDIRECT_PORTS;
use crate::azure::rule::Translation;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::Host;
use crate::flow::IpProtocol;

pub(crate) use proxy::NEVER_DECRYPTED;

/// Ports that are always proxied (`azure-firewall.md §1.5`).
pub(crate) const PROXIED_PORTS: [u16; 2] = [80, 443];

/// What a firewall makes of a flow.
#[derive(Clone, Debug)]
pub(super) enum Handled {
    /// It goes no further.
    Ends { verdict: Verdict, reason: Reason, rule: Option<RuleId> },
    /// It is let through.
    Passes(Passed),
}

/// A flow that a firewall lets through.
#[derive(Clone, Debug)]
pub(super) struct Passed {
    pub(super) reason: Reason,
    pub(super) rule: Option<RuleId>,
    pub(super) peer: Peer,
    /// Whether the source is an address of the firewall from here on.
    pub(super) translated: bool,
    /// Where it is sent from here on; for a name, the client's destination stands in.
    pub(super) destination: IpAddr,
    /// The port from here on.
    pub(super) port: u16,
}

/// One firewall, asked about flows.
#[derive(Clone, Copy)]
pub(super) struct Gate<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) enforced: &'a Enforced<'a>,
}

/// A filter rule that matched.
struct Hit<'a, R> {
    action: Action,
    rule: &'a R,
    id: RuleId,
}

impl<'a, R: Named> Hit<'a, R> {
    fn at(row: &Row<'a, R>) -> Hit<'a, R> {
        Hit { action: row.action, rule: row.rule, id: row.id() }
    }
}

impl<'a> Gate<'a> {
    /// Asks the firewall about `flow`.
    pub(super) fn handle(self, flow: &Flow, inquiry: &mut Inquiry<'_>) -> Handled {
        if let Some(handled) = self.local(flow, inquiry) {
            return handled;
        }
        let parties = [flow.destination, flow.source].map(Host::Address);
        if flow.destination.is_ipv4() && self.is_threat(flow, &parties, inquiry) {
            return denied(Reason::ThreatIntel, None);
        }
        if let Some(handled) = self.dnat(flow, inquiry) {
            return handled;
        }
        if let Some(handled) = self.network(flow, inquiry) {
            return handled;
        }
        if let Some(handled) = self.sql_redirect(flow, inquiry) {
            return handled;
        }
        if !self.intercepts(flow, inquiry) {
            inquiry.step(Stage::Default, "no rule matched", "deny", "azure-firewall.md §1.1");
            return denied(Reason::DefaultDeny, None);
        }
        match self.sniff(flow, inquiry) {
            Ok(view) => self.application(flow, &view, false, inquiry),
            Err(reason) => denied(reason, None),
        }
    }

    /// Step 1: the firewall's own services at its private address.
    fn local(self, flow: &Flow, inquiry: &mut Inquiry<'_>) -> Option<Handled> {
        if !self.enforced.is_private_address(flow.destination) {
            return None;
        }
        let port = flow.destination_port;
        if port == DNS && flow.protocol.has_ports() && self.enforced.has_dns_proxy(inquiry) {
            inquiry.step(Stage::Local, "port 53", "the DNS proxy", "azure-firewall.md §4.3");
            return Some(answered(Reason::DnsProxy));
        }
        let proxy = self.enforced.explicit_proxy()?;
        if flow.protocol != IpProtocol::TCP {
            return None;
        }
        if proxy.enable_pac_file && proxy.pac_file_port == Some(port) {
            inquiry.step(Stage::Local, "PAC port", "the PAC file", "azure-firewall.md §2.12");
            return Some(answered(Reason::PacFile));
        }
        let https = proxy.https_port == Some(port);
        if !https && proxy.http_port != Some(port) {
            return None;
        }
        let section = "azure-firewall.md §2.12";
        inquiry.step(Stage::Local, format!("port {port}"), "the explicit proxy", section);
        Some(match Self::sniff_proxied(flow, https, inquiry) {
            Ok(view) => self.application(flow, &view, true, inquiry),
            Err(reason) => denied(reason, None),
        })
    }

    /// Steps 3 and 8: whether threat intelligence denies `flow` because of one of `parties`.
    ///
    /// Modelling choice: the allow list is held against the flow (`azure-firewall.md §10.3`), so
    /// that a destination in it is left alone whoever sends and whatever name is shown. A source in
    /// it is itself no reason to deny, but excuses no destination. Names are not known before step 8.
    fn is_threat(self, flow: &Flow, parties: &[Host], inquiry: &mut Inquiry<'_>) -> bool {
        let mode = self.enforced.threat_intel_mode();
        if mode == ThreatIntelMode::Off {
            return false;
        }
        let section = "azure-firewall.md §1.7";
        let destination = Host::Address(flow.destination);
        for indicator in parties {
            let listed = inquiry.ask(&Atom::ThreatListed { indicator: indicator.clone() })
                && !self.enforced.is_threat_allowed(indicator, inquiry)
                && !self.enforced.is_threat_allowed(&destination, inquiry);
            if listed && mode == ThreatIntelMode::Deny {
                inquiry.step(Stage::ThreatIntel, indicator.to_string(), "deny", section);
                return true;
            }
            if listed {
                inquiry.step(Stage::ThreatIntel, indicator.to_string(), "alert", section);
                inquiry.note(Note::ThreatAlert(indicator.clone()));
            }
        }
        false
    }

    /// Step 4: DNAT rules, for flows to an address of the firewall.
    fn dnat(self, flow: &Flow, inquiry: &mut Inquiry<'_>) -> Option<Handled> {
        let public = self.enforced.is_public_address(flow.destination);
        if flow.destination.is_ipv6()
            || !public && !self.enforced.is_private_address(flow.destination)
        {
            return None;
        }
        let section = "azure-firewall.md §4.1";
        // Basic translates at public addresses only.
        let works = public || self.enforced.tier != Tier::Basic;
        let hit = if works { self.first_nat(flow, inquiry) } else { None };
        let Some((id, translation, port)) = hit else {
            inquiry.step(Stage::Dnat, "DNAT rules", "no match, deny", section);
            return Some(denied(Reason::DefaultDeny, None));
        };
        inquiry.step(Stage::Dnat, "DNAT rules", format!("translated by {id}"), section);
        if self.enforced.firewall.is_some_and(|firewall| firewall.forced_tunneling) {
            // §4.1: not supported with forced tunnelling.
            return Some(denied(Reason::Undeliverable, Some(id)));
        }
        if public && is_private(flow.source) {
            inquiry.note(Note::Hairpin);
        }
        let (destination, peer) = match translation {
            Translation::Address(address) => (*address, Peer::Address(*address)),
            Translation::Fqdn(name) => (flow.destination, Peer::Answer(name.clone().into())),
        };
        let translated = Flow { destination, destination_port: port, ..flow.clone() };
        let network = self.first_network(&translated, inquiry);
        if let Some(network) = network.filter(|hit| hit.action == Action::Deny) {
            inquiry.note(Note::NetworkDenyCoversDnat);
            if inquiry.second_reading(NETWORK_DENY_BEATS_DNAT) {
                return Some(denied(Reason::NetworkRule, Some(network.id)));
            }
        }
        Some(self.passes(
            Passed {
                reason: Reason::DnatRule,
                rule: Some(id),
                peer,
                translated: true,
                destination,
                port,
            },
            inquiry,
        ))
    }

    fn first_nat(
        self,
        flow: &Flow,
        inquiry: &mut Inquiry<'_>,
    ) -> Option<(RuleId, &'a Translation, u16)> {
        for placed in &self.enforced.nat {
            let Rules::Nat(rules) = &placed.collection.rules else { continue };
            for rule in rules {
                if !matching::nat_rule(rule, flow, self.deployment, inquiry) {
                    continue;
                }
                if let Translation::Fqdn(name) = &rule.translation
                    && !inquiry.ask(&Atom::Resolvable { name: name.clone() })
                {
                    continue;
                }
                if !self.enforced.is_own_policy(placed.policy) {
                    inquiry.note(Note::ParentDnat);
                    if inquiry.second_reading(PARENT_DNAT_INHERITED) {
                        continue;
                    }
                }
                return Some((placed.rule_id(&rule.name), &rule.translation, rule.translated_port));
            }
        }
        None
    }

    /// Steps 5 and 5a: network rules.
    fn network(self, flow: &Flow, inquiry: &mut Inquiry<'_>) -> Option<Handled> {
        let section = "azure-firewall.md §1.4";
        let count = self.enforced.network.len();
        let looked_at = format!("{count} network collections");
        let Some(hit) = self.first_network(flow, inquiry) else {
            inquiry.step(Stage::Network, looked_at, "no match", section);
            return None;
        };
        let word = hit.action.keyword().to_ascii_lowercase();
        inquiry.step(Stage::Network, looked_at, format!("{word} by {}", hit.id), section);
        if hit.action == Action::Deny {
            return Some(denied(Reason::NetworkRule, Some(hit.id)));
        }
        let translated = self.enforced.translates_source(flow.destination, inquiry);
        if !flow.protocol.has_ports() && translated {
            let looked_at = format!("{} with source NAT", flow.protocol);
            inquiry.step(Stage::Network, looked_at, "undeliverable", "azure-firewall.md §1.12");
            return Some(denied(Reason::Undeliverable, Some(hit.id)));
        }
        let passed = Passed {
            reason: Reason::NetworkRule,
            rule: Some(hit.id),
            peer: Peer::Destination,
            translated,
            destination: flow.destination,
            port: flow.destination_port,
        };
        Some(self.passes(passed, inquiry))
    }

    fn first_network(
        self,
        flow: &Flow,
        inquiry: &mut Inquiry<'_>,
    ) -> Option<Hit<'a, crate::azure::rule::NetworkRule>> {
        if let Some(index) = &self.enforced.index {
            let mut rows = index.network_rules(flow);
            let hit =
                rows.find(|row| matching::network_rule(row.rule, flow, self.deployment, inquiry));
            return hit.map(Hit::at);
        }
        for placed in &self.enforced.network {
            let Rules::Network(action, rules) = &placed.collection.rules else { continue };
            for rule in rules {
                if matching::network_rule(rule, flow, self.deployment, inquiry) {
                    return Some(Hit { action: *action, rule, id: placed.rule_id(&rule.name) });
                }
            }
        }
        None
    }

    /// `azure-firewall.md §2.11`, modelling choice: with the flag of the policy, a session that a
    /// SQL server sends on passes if one to that server was allowed before.
    fn sql_redirect(self, flow: &Flow, inquiry: &mut Inquiry<'_>) -> Option<Handled> {
        let redirected = flow.protocol == IpProtocol::TCP
            && SQL_REDIRECT_PORTS.contains(&flow.destination_port)
            && self.enforced.allows_sql_redirect()
            && self.allows_some_sql(flow.source, inquiry);
        if !redirected {
            return None;
        }
        let what = "an SQL session".to_owned();
        if !inquiry.ask(&Atom::PrecededBy { what, source: flow.source }) {
            return None;
        }
        let port = flow.destination_port;
        let section = "azure-firewall.md §2.11";
        inquiry.step(Stage::Network, format!("port {port}"), "SQL redirection, allow", section);
        let translated = self.enforced.translates_source(flow.destination, inquiry);
        let passed = Passed {
            reason: Reason::SqlRedirect,
            rule: None,
            peer: Peer::Destination,
            translated,
            destination: flow.destination,
            port,
        };
        Some(self.passes(passed, inquiry))
    }

    /// Whether an application rule allows SQL from `source` to anything.
    fn allows_some_sql(self, source: IpAddr, inquiry: &mut Inquiry<'_>) -> bool {
        self.enforced.application.iter().any(|placed| match &placed.collection.rules {
            Rules::Application(Action::Allow, rules) => rules.iter().any(|rule| {
                has_protocol(rule, ApplicationProtocolType::Mssql, None)
                    && matching::sources(&rule.sources, source, self.deployment, inquiry)
            }),
            Rules::Application(Action::Deny, _) | Rules::Network(..) | Rules::Nat(_) => false,
        })
    }

    /// Step 6: whether the proxy takes the connection (`azure-firewall.md §1.5`). IPv6 never gets
    /// there (`§1.13`).
    fn intercepts(self, flow: &Flow, inquiry: &mut Inquiry<'_>) -> bool {
        let port = flow.destination_port;
        let taken = flow.protocol == IpProtocol::TCP
            && flow.destination.is_ipv4()
            && (self.enforced.application_ports.contains(&port)
                || PROXIED_PORTS.contains(&port) && !inquiry.second_reading(PROXY_PORTS_BASE));
        let result = if taken { "the firewall answers the handshake" } else { "not proxied" };
        let looked_at = format!("{} port {port}", flow.protocol);
        inquiry.step(Stage::Intercept, looked_at, result, "azure-firewall.md §1.5");
        taken
    }

    /// Step 13: intrusion detection may still drop what passes.
    fn passes(self, passed: Passed, inquiry: &mut Inquiry<'_>) -> Handled {
        if self.enforced.intrusion_detection_denies() {
            let section = "azure-firewall.md §1.8";
            inquiry.step(Stage::Idps, "mode Deny", "may drop it", section);
            inquiry.note(Note::IdpsMayDrop);
        }
        Handled::Passes(passed)
    }
}

fn denied(reason: Reason, rule: Option<RuleId>) -> Handled {
    Handled::Ends { verdict: Verdict::Deny, reason, rule }
}

fn answered(reason: Reason) -> Handled {
    Handled::Ends { verdict: Verdict::Local, reason, rule: None }
}

fn has_protocol(
    rule: &ApplicationRule,
    protocol: ApplicationProtocolType,
    port: Option<u16>,
) -> bool {
    rule.protocols
        .iter()
        .any(|pair| pair.protocol == protocol && port.is_none_or(|port| pair.port == port))
}
