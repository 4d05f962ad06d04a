//! What the firewall's proxy makes of a connection that it answers itself: steps 6b to 13 of
//! `azure-firewall.md §10.2`.

use super::Gate;
use super::Handled;
use super::Hit;
use super::Passed;
use super::denied;
use super::has_protocol;
use crate::azure::RuleId;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::azure::policy::Tier;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::Host;
use crate::flow::Payload;
use crate::flow::Request;
use crate::simulate::assumptions::HOST_WITHOUT_PORT;
use crate::simulate::assumptions::HTTPS_DESTINATION;
use crate::simulate::decision::Note;
use crate::simulate::decision::Peer;
use crate::simulate::decision::Reason;
use crate::simulate::decision::Stage;
use crate::simulate::inquiry::Inquiry;
use crate::simulate::matching;
use crate::simulate::matching::ApplicationView;

/// Categories that are never decrypted (`azure-firewall.md §1.9`).
pub(crate) const NEVER_DECRYPTED: [&str; 4] =
    ["education", "finance", "government", "healthandmedicine"];

impl<'a> Gate<'a> {
    /// Steps 6b and 7: what the first bytes are, and the name in them.
    pub(super) fn sniff(
        self,
        flow: &Flow,
        inquiry: &mut Inquiry<'_>,
    ) -> Result<ApplicationView, Reason> {
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
    pub(super) fn sniff_proxied(
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
    pub(super) fn application(
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
                // A client writes the port that it speaks to, unless that is the usual one (RFC 9110
                // §7.2). Where one firewall has changed it for another, both are tried instead.
                let port = Some(view.port);
                unseen = Request { host: Some(view.host.clone()), port, path: "/".to_owned() };
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

/// Step 7b: whether the port of the `Host` header is the one connected to
/// (`azure-firewall.md §2.5`).
fn fits_port(request: &Request, usual: u16, connected: u16, inquiry: &mut Inquiry<'_>) -> bool {
    match request.port {
        Some(port) => port == connected,
        None => usual == connected || inquiry.second_reading(HOST_WITHOUT_PORT),
    }
}
