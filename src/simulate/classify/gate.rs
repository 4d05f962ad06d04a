//! What one firewall says of a flow, by its index: steps 1 to 12 of `azure-firewall.md §10.2` as
//! far as most flows need them.
//!
//! Each step that is seldom met is left to the slow engine: the firewall's own addresses (§1, §4),
//! what threat intelligence denies, SQL redirection, requests that are decrypted, and hosts that
//! are addresses where more than the firewall stands on the way.

use super::super::assumptions::HOST_WITHOUT_PORT;
use super::super::assumptions::HTTPS_DESTINATION;
use super::super::assumptions::PROXY_PORTS_BASE;
use super::super::decision::Reason;
use super::super::decision::Verdict;
use super::super::firewall::PROXIED_PORTS;
use super::super::inquiry::Inquiry;
use super::super::matching;
use super::super::matching::ApplicationView;
use super::super::policy::Enforced;
use super::Oracle;
use super::axis::Axis;
use super::index::Index;
use super::index::Row;
use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::azure::policy::Action;
use crate::azure::policy::ThreatIntelMode;
use crate::azure::policy::Tier;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::SQL_REDIRECT_PORTS;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::Request;

/// A flow with the classes of its addresses.
#[derive(Clone, Copy)]
pub(super) struct Classed<'f> {
    pub(super) flow: &'f Flow,
    /// On the axis of sources.
    pub(super) source: usize,
    /// On the axis of destinations.
    pub(super) destination: usize,
    /// The latter on the axis of ways.
    pub(super) to: usize,
}

/// What the firewall says.
pub(super) enum Said<'s> {
    /// That is the end, with the rule that decides.
    Ends(Verdict, Reason, Option<&'s RuleId>),
    /// A network rule lets it pass.
    Passes { rule: &'s RuleId, is_translated: bool },
    /// The slow engine has to be asked.
    Slow,
}

/// What a firewall makes of an address, beside its rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Nature {
    /// It is one of the firewall's own.
    Own,
    /// What is sent there keeps its source.
    Kept,
    /// What is sent there gets an address of the firewall.
    Translated,
    /// The environment knows which.
    Unknown,
}

/// One firewall.
pub(super) struct Gate<'a> {
    pub(super) enforced: Enforced<'a>,
    index: std::sync::Arc<Index<'a>>,
    mode: ThreatIntelMode,
    /// By class on the axis of ways.
    natures: Vec<Nature>,
    /// Whether what it sends to a name arrives, whatever the address of the name.
    sends_to_names: bool,
    /// Whether it sends on from no subnet that is known, and so delivers all that passes.
    pub(super) is_last: bool,
    network_ids: Vec<RuleId>,
    application_ids: Vec<RuleId>,
}

impl<'a> Gate<'a> {
    pub(super) fn of(
        enforced: &Enforced<'a>,
        index: std::sync::Arc<Index<'a>>,
        way: &Axis,
        beyond: Option<super::super::route::Vantage<'a>>,
    ) -> Gate<'a> {
        let nature = |address| {
            if enforced.is_own_address(address) {
                return Nature::Own;
            }
            let mut is_asked = false;
            let mut oracle = |_: &Atom| {
                is_asked = true;
                false
            };
            let translates = enforced.translates_source(address, &mut Inquiry::new(&mut oracle));
            match (is_asked, translates) {
                (true, _) => Nature::Unknown,
                (false, true) => Nature::Translated,
                (false, false) => Nature::Kept,
            }
        };
        Gate {
            mode: enforced.threat_intel_mode(),
            natures: way.lowest().map(nature).collect(),
            sends_to_names: beyond.is_none_or(|vantage| vantage.leads_to_the_internet_only()),
            is_last: beyond.is_none(),
            network_ids: index.network.rows.iter().map(Row::id).collect(),
            application_ids: index.application.rows.iter().map(Row::id).collect(),
            enforced: enforced.clone(),
            index,
        }
    }

    /// Asks the firewall about a flow that is sent to it.
    #[inline]
    pub(super) fn say(
        &self,
        deployment: &Deployment,
        classed: Classed<'_>,
        oracle: Oracle<'_>,
    ) -> Said<'_> {
        let Classed { flow, .. } = classed;
        let Some(nature) = self.natures.get(classed.to).copied() else { return Said::Slow };
        if nature == Nature::Own {
            return Said::Slow;
        }
        if self.mode == ThreatIntelMode::Deny && flow.destination.is_ipv4() {
            let parties = [flow.destination, flow.source];
            let is_listed = parties
                .into_iter()
                .any(|address| oracle(&Atom::ThreatListed { indicator: Host::Address(address) }));
            if is_listed {
                return Said::Slow;
            }
        }
        if let Some((action, rule)) = self.first_network(deployment, classed, oracle) {
            let is_translated = match (action, nature) {
                (Action::Deny, _) => {
                    return Said::Ends(Verdict::Deny, Reason::NetworkRule, Some(rule));
                }
                (Action::Allow, Nature::Translated) => true,
                (Action::Allow, Nature::Kept) => false,
                (Action::Allow, Nature::Own | Nature::Unknown) => return Said::Slow,
            };
            if is_translated && !flow.protocol.has_ports() {
                return Said::Ends(Verdict::Deny, Reason::Undeliverable, Some(rule));
            }
            return Said::Passes { rule, is_translated };
        }
        let port = flow.destination_port;
        let is_tcp = flow.protocol == IpProtocol::TCP;
        if is_tcp && SQL_REDIRECT_PORTS.contains(&port) && self.enforced.allows_sql_redirect() {
            return Said::Slow;
        }
        let is_proxied = is_tcp
            && flow.destination.is_ipv4()
            && (self.enforced.application_ports.contains(&port)
                || PROXIED_PORTS.contains(&port)
                    && !oracle(&Atom::Reading { setting: PROXY_PORTS_BASE }));
        if !is_proxied {
            return denies(Reason::DefaultDeny);
        }
        self.read(deployment, classed, oracle)
    }

    /// The first network rule that matches.
    #[inline]
    fn first_network(
        &self,
        deployment: &Deployment,
        classed: Classed<'_>,
        oracle: Oracle<'_>,
    ) -> Option<(Action, &RuleId)> {
        let Classed { flow, source, destination, .. } = classed;
        let (protocol, port) = (flow.protocol, flow.destination_port);
        for number in self.index.network.numbers(source, destination, protocol, port) {
            let brief = self.index.network.briefs.get(number)?;
            let matches = |oracle: Oracle<'_>| {
                let rule = self.index.network.rows.get(number).map(|row| row.rule);
                let inquiry = &mut Inquiry::new(oracle);
                rule.is_some_and(|rule| matching::network_rule(rule, flow, deployment, inquiry))
            };
            debug_assert!(!brief.is_settled || matches(&mut |_| false), "network rule {number}");
            if brief.is_settled || matches(oracle) {
                return Some((brief.action, self.network_ids.get(number)?));
            }
        }
        None
    }

    /// What the first bytes are, and whether their name may pass.
    fn read(&self, deployment: &Deployment, classed: Classed<'_>, oracle: Oracle<'_>) -> Said<'_> {
        let port = classed.flow.destination_port;
        let (protocol, host) = match &classed.flow.payload {
            Payload::Silent => return denies(Reason::HandshakeOnly),
            Payload::Tls { name, inner: _ } => match name {
                Some(name) => (ApplicationProtocolType::Https, name),
                None => return denies(Reason::SniMissing),
            },
            Payload::Mssql { name }
                if self.index.application.names((ApplicationProtocolType::Mssql, port)) =>
            {
                match name {
                    Some(name) => (ApplicationProtocolType::Mssql, name),
                    None => return denies(Reason::SniMissing),
                }
            }
            Payload::Http(request) => match &request.host {
                Some(host) if fits_port(request, port, oracle) => {
                    (ApplicationProtocolType::Http, host)
                }
                Some(_) => return denies(Reason::HostPortMismatch),
                None => return denies(Reason::HostMissing),
            },
            Payload::Other | Payload::Mssql { .. } | Payload::Quic { .. } => {
                return denies(Reason::UnrecognisedProtocol);
            }
        };
        if self.mode == ThreatIntelMode::Deny
            && oracle(&Atom::ThreatListed { indicator: host.clone() })
        {
            return Said::Slow;
        }
        let hit = match self.first_application(deployment, classed, protocol, host, oracle) {
            Some((action, inspects, id)) => {
                // It may be decrypted, and be looked at once more.
                if inspects
                    && protocol == ApplicationProtocolType::Https
                    && self.enforced.tier == Tier::Premium
                {
                    return Said::Slow;
                }
                match action {
                    Action::Deny => {
                        return Said::Ends(Verdict::Deny, Reason::ApplicationRule, Some(id));
                    }
                    Action::Allow => (Reason::ApplicationRule, Some(id)),
                }
            }
            None if oracle(&Atom::Infrastructure { host: host.clone() }) => {
                (Reason::Infrastructure, None)
            }
            None => return denies(Reason::DefaultDeny),
        };
        self.connect(protocol, host, hit, oracle)
    }

    /// The first application rule that matches, and whether it inspects.
    #[inline]
    fn first_application(
        &self,
        deployment: &Deployment,
        classed: Classed<'_>,
        protocol: ApplicationProtocolType,
        host: &Host,
        oracle: Oracle<'_>,
    ) -> Option<(Action, bool, &RuleId)> {
        let flow = classed.flow;
        let service = (protocol, flow.destination_port);
        let view = || ApplicationView {
            source: flow.source,
            destination: flow.destination,
            protocol,
            port: flow.destination_port,
            host: host.clone(),
            path: match &flow.payload {
                Payload::Http(request) => Some(request.path.clone()),
                Payload::Silent
                | Payload::Other
                | Payload::Tls { .. }
                | Payload::Mssql { .. }
                | Payload::Quic { .. } => None,
            },
            inspected: false,
        };
        for number in self.index.application.numbers(classed.source, service, host) {
            let brief = self.index.application.briefs.get(number)?;
            let matches = |oracle: Oracle<'_>| {
                let tier = self.enforced.tier;
                let inquiry = &mut Inquiry::new(oracle);
                self.index.application.rows.get(number).is_some_and(|row| {
                    let id = || row.id();
                    matching::application_rule(row.rule, id, &view(), tier, deployment, inquiry)
                })
            };
            debug_assert!(
                !brief.is_settled || matches(&mut |_| false),
                "application rule {number}"
            );
            if brief.is_settled || matches(oracle) {
                return Some((brief.action, brief.inspects, self.application_ids.get(number)?));
            }
        }
        None
    }

    /// The firewall connects to its own answer for the name.
    fn connect<'s>(
        &'s self,
        protocol: ApplicationProtocolType,
        host: &Host,
        (reason, rule): (Reason, Option<&'s RuleId>),
        oracle: Oracle<'_>,
    ) -> Said<'s> {
        let Host::Name(name) = host else {
            let passes = Said::Ends(Verdict::Allow, reason, rule);
            return if self.is_last { passes } else { Said::Slow };
        };
        let is_reached = oracle(&Atom::Resolvable { name: name.clone() })
            || protocol != ApplicationProtocolType::Http
                && oracle(&Atom::Reading { setting: HTTPS_DESTINATION });
        if !is_reached {
            return Said::Ends(Verdict::Deny, Reason::Unresolvable, rule);
        }
        if self.sends_to_names { Said::Ends(Verdict::Allow, reason, rule) } else { Said::Slow }
    }
}

fn denies<'s>(reason: Reason) -> Said<'s> {
    Said::Ends(Verdict::Deny, reason, None)
}

/// Whether the port of the `Host` header is the one connected to (`azure-firewall.md §2.5`).
fn fits_port(request: &Request, connected: u16, oracle: Oracle<'_>) -> bool {
    match request.port {
        Some(port) => port == connected,
        None => connected == 80 || oracle(&Atom::Reading { setting: HOST_WITHOUT_PORT }),
    }
}
