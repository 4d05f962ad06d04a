//! What one firewall does with one flow: steps 1 to 13 of `azure-firewall.md §10.2`.

use std::net::IpAddr;

use super::assumptions::HOST_WITHOUT_PORT;
use super::assumptions::HTTPS_DESTINATION;
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
use super::matching::ApplicationView;
use super::policy::Enforced;
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
use crate::flow::Payload;
use crate::flow::Request;

/// Ports that are always proxied (`azure-firewall.md §1.5`).
pub(crate) const PROXIED_PORTS: [u16; 2] = [80, 443];
/// Categories that are never decrypted (`azure-firewall.md §1.9`).
pub(crate) const NEVER_DECRYPTED: [&str; 4] =
    ["education", "finance", "government", "healthandmedicine"];

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
        if port == 53 && flow.protocol.has_ports() && self.enforced.has_dns_proxy(inquiry) {
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

    /// Steps 6b and 7: what the first bytes are, and the name in them.
    fn sniff(self, flow: &Flow, inquiry: &mut Inquiry<'_>) -> Result<ApplicationView, Reason> {
        inquiry.read_payload = true;
        let port = flow.destination_port;
        let view = |protocol, host, path| ApplicationView {
            source: flow.source,
            destination: flow.destination,
            protocol,
            port,
            host,
            path,
            inspected: false,
        };
        let sniffed = match &flow.payload {
            Payload::Silent => Err(Reason::HandshakeOnly),
            Payload::Tls { name, .. } => name
                .clone()
                .map(|name| view(ApplicationProtocolType::Https, name, None))
                .ok_or(Reason::SniMissing),
            Payload::Mssql { name } if self.expects_sql(port) => name
                .clone()
                .map(|name| view(ApplicationProtocolType::Mssql, name, None))
                .ok_or(Reason::SniMissing),
            Payload::Http(request) => match &request.host {
                None => Err(Reason::HostMissing),
                Some(_) if !fits_port(request, 80, port, inquiry) => Err(Reason::HostPortMismatch),
                Some(host) => {
                    let path = Some(request.path.clone());
                    Ok(view(ApplicationProtocolType::Http, host.clone(), path))
                }
            },
            Payload::Other | Payload::Mssql { .. } | Payload::Quic { .. } => {
                Err(Reason::UnrecognisedProtocol)
            }
        };
        let result = match &sniffed {
            Ok(view) => format!("{} for {}", view.protocol.keyword(), view.host),
            Err(reason) => format!("deny, {reason}"),
        };
        let looked_at = format!("first bytes: {}", flow.payload);
        inquiry.step(Stage::Sniff, looked_at, result, "azure-firewall.md §2.5");
        sniffed
    }

    /// TDS is looked for only where a rule expects it (`azure-firewall.md §2.2`).
    fn expects_sql(self, port: u16) -> bool {
        self.enforced.application.iter().any(|placed| match &placed.collection.rules {
            Rules::Application(_, rules) => {
                rules.iter().any(|r| has_protocol(r, ApplicationProtocolType::Mssql, Some(port)))
            }
            Rules::Network(..) | Rules::Nat(_) => false,
        })
    }

    /// The target that a client names to the explicit proxy (`azure-firewall.md §2.12`).
    ///
    /// Modelling choice: on the HTTPS port, or for port 443, it is a CONNECT and counts as HTTPS;
    /// else it is a request with an absolute URI and counts as HTTP.
    fn sniff_proxied(
        flow: &Flow,
        https: bool,
        inquiry: &mut Inquiry<'_>,
    ) -> Result<ApplicationView, Reason> {
        inquiry.read_payload = true;
        let request = match &flow.payload {
            Payload::Http(request) | Payload::Tls { inner: Some(request), .. } => request,
            Payload::Silent => return Err(Reason::HandshakeOnly),
            Payload::Other
            | Payload::Tls { inner: None, .. }
            | Payload::Mssql { .. }
            | Payload::Quic { .. } => return Err(Reason::UnrecognisedProtocol),
        };
        let host = request.host.clone().ok_or(Reason::HostMissing)?;
        let connect = https || request.port == Some(443);
        let (protocol, usual) = if connect {
            (ApplicationProtocolType::Https, 443)
        } else {
            (ApplicationProtocolType::Http, 80)
        };
        Ok(ApplicationView {
            source: flow.source,
            destination: flow.destination,
            protocol,
            port: request.port.unwrap_or(usual),
            host,
            path: (!connect).then(|| request.path.clone()),
            inspected: false,
        })
    }

    /// Steps 8 to 13.
    fn application(
        self,
        flow: &Flow,
        view: &ApplicationView,
        explicit: bool,
        inquiry: &mut Inquiry<'_>,
    ) -> Handled {
        if self.is_threat(flow, std::slice::from_ref(&view.host), inquiry) {
            return denied(Reason::ThreatIntel, None);
        }
        let hit = self.first_application(view, inquiry);
        self.trace_application(Stage::Application, hit.as_ref(), inquiry);
        let plain = Self::ruling(hit.as_ref(), &view.host, inquiry);
        let inspecting = hit.as_ref().filter(|hit| {
            // What is denied for its name is not decrypted (`azure-firewall.md §10.3`).
            let is_open = hit.action == Action::Allow || matching::needs_url(hit.rule, &view.host);
            hit.rule.terminate_tls
                && is_open
                && view.protocol == ApplicationProtocolType::Https
                && self.enforced.tier == Tier::Premium
                && !explicit
        });
        let (ruling, inspected) = match inspecting {
            Some(hit) => self.inspect(flow, view, hit, plain, inquiry),
            None => (plain, false),
        };
        match ruling {
            Ruling::Deny(reason, rule) => denied(reason, rule),
            Ruling::Allow(reason, rule) => self.resolve(view, inspected, reason, rule, inquiry),
        }
    }

    fn first_application(
        self,
        view: &ApplicationView,
        inquiry: &mut Inquiry<'_>,
    ) -> Option<Hit<'a, ApplicationRule>> {
        let tier = self.enforced.tier;
        if let Some(index) = &self.enforced.index {
            let service = (view.protocol, view.port);
            let mut rows = index.application_rules(view.source, service, &view.host);
            let hit = rows.find(|row| {
                let id = || row.id();
                matching::application_rule(row.rule, id, view, tier, self.deployment, inquiry)
            });
            return hit.map(Hit::at);
        }
        for placed in &self.enforced.application {
            let Rules::Application(action, rules) = &placed.collection.rules else { continue };
            for rule in rules {
                let id = || placed.rule_id(&rule.name);
                if matching::application_rule(rule, id, view, tier, self.deployment, inquiry) {
                    return Some(Hit { action: *action, rule, id: id() });
                }
            }
        }
        None
    }

    fn trace_application(
        self,
        stage: Stage,
        hit: Option<&Hit<'_, ApplicationRule>>,
        inquiry: &mut Inquiry<'_>,
    ) {
        let looked_at = format!("{} application collections", self.enforced.application.len());
        let result = match hit {
            Some(hit) => format!("{} by {}", hit.action.keyword().to_ascii_lowercase(), hit.id),
            None => "no match".to_owned(),
        };
        inquiry.step(stage, looked_at, result, "azure-firewall.md §2.1");
    }

    /// Steps 9 to 11: the rule's action, the infrastructure rules, the default.
    fn ruling(
        hit: Option<&Hit<'_, ApplicationRule>>,
        host: &Host,
        inquiry: &mut Inquiry<'_>,
    ) -> Ruling {
        if let Some(hit) = hit {
            let rule = Some(hit.id.clone());
            return match hit.action {
                Action::Allow => Ruling::Allow(Reason::ApplicationRule, rule),
                Action::Deny => Ruling::Deny(Reason::ApplicationRule, rule),
            };
        }
        let section = "azure-firewall.md §2.13";
        if inquiry.ask(&Atom::Infrastructure { host: host.clone() }) {
            inquiry.step(Stage::Infrastructure, host.to_string(), "allow", section);
            return Ruling::Allow(Reason::Infrastructure, None);
        }
        inquiry.step(Stage::Infrastructure, host.to_string(), "not listed", section);
        inquiry.step(Stage::Default, "no rule matched", "deny", "azure-firewall.md §1.1");
        Ruling::Deny(Reason::DefaultDeny, None)
    }

    /// Step 9a: the rules once more, with the decrypted request. The second half of the answer is
    /// whether TLS was decrypted.
    fn inspect(
        self,
        flow: &Flow,
        view: &ApplicationView,
        hit: &Hit<'_, ApplicationRule>,
        plain: Ruling,
        inquiry: &mut Inquiry<'_>,
    ) -> (Ruling, bool) {
        if !self.enforced.has_certificate_authority() {
            inquiry.note(Note::NoCertificateAuthority);
        }
        let decrypted = self.decrypted(flow, view, inquiry);
        // A category that is never decrypted is asked for only where it makes a difference.
        let matters =
            decrypted.allows() != plain.allows() && !matching::lists_url_of(hit.rule, &view.host);
        let exempt = matters
            && NEVER_DECRYPTED.iter().any(|category| {
                let (category, url) = ((*category).to_owned(), view.host.to_string());
                inquiry.ask(&Atom::InWebCategory { category, url })
            });
        if exempt { (plain, false) } else { (decrypted, true) }
    }

    fn decrypted(self, flow: &Flow, view: &ApplicationView, inquiry: &mut Inquiry<'_>) -> Ruling {
        let unseen;
        let request = match &flow.payload {
            Payload::Tls { inner: Some(request), .. } => request,
            Payload::Tls { inner: None, .. }
            | Payload::Silent
            | Payload::Other
            | Payload::Http(_)
            | Payload::Mssql { .. }
            | Payload::Quic { .. } => {
                inquiry.read_unseen_request = true;
                inquiry.note(Note::InnerTakenFromSni);
                unseen =
                    Request { host: Some(view.host.clone()), port: None, path: "/".to_owned() };
                &unseen
            }
        };
        let Some(host) = &request.host else { return Ruling::Deny(Reason::HostMissing, None) };
        if !fits_port(request, 443, view.port, inquiry) {
            return Ruling::Deny(Reason::HostPortMismatch, None);
        }
        let inner = ApplicationView {
            host: host.clone(),
            path: Some(request.path.clone()),
            inspected: true,
            ..view.clone()
        };
        let hit = self.first_application(&inner, inquiry);
        self.trace_application(Stage::Inspection, hit.as_ref(), inquiry);
        Self::ruling(hit.as_ref(), host, inquiry)
    }

    /// Steps 12 and 13: the firewall connects to its own answer for the name.
    fn resolve(
        self,
        view: &ApplicationView,
        inspected: bool,
        reason: Reason,
        rule: Option<RuleId>,
        inquiry: &mut Inquiry<'_>,
    ) -> Handled {
        let section = "azure-firewall.md §2.5";
        let looked_at = view.host.to_string();
        let sees_request = inspected || view.protocol == ApplicationProtocolType::Http;
        let (peer, destination) = match &view.host {
            Host::Address(address) => (Peer::Address(*address), *address),
            Host::Name(name) => {
                if !inquiry.ask(&Atom::Resolvable { name: name.clone() })
                    && (sees_request || !inquiry.second_reading(HTTPS_DESTINATION))
                {
                    inquiry.step(Stage::Resolve, looked_at, "deny, no address", section);
                    return denied(Reason::Unresolvable, rule);
                }
                let peer = if sees_request { Peer::Answer } else { Peer::AnswerOrDestination };
                (peer(view.host.clone()), view.destination)
            }
        };
        inquiry.step(Stage::Resolve, looked_at, "the firewall connects", section);
        let passed = Passed { reason, rule, peer, translated: true, destination, port: view.port };
        self.passes(passed, inquiry)
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

/// What the application rules, the infrastructure rules and the default say.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Ruling {
    Allow(Reason, Option<RuleId>),
    Deny(Reason, Option<RuleId>),
}

impl Ruling {
    fn allows(&self) -> bool {
        match self {
            Ruling::Allow(..) => true,
            Ruling::Deny(..) => false,
        }
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

/// Step 7b: whether the port of the `Host` header is the one connected to
/// (`azure-firewall.md §2.5`).
fn fits_port(request: &Request, usual: u16, connected: u16, inquiry: &mut Inquiry<'_>) -> bool {
    match request.port {
        Some(port) => port == connected,
        None => usual == connected || inquiry.second_reading(HOST_WITHOUT_PORT),
    }
}
