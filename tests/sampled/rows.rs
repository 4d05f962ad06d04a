//! The rows of the step table (`azure-firewall.md §10.2`), and which one a decision ends at.

use std::fmt;

use exeat::simulate::Decision;
use exeat::simulate::Reason;
use exeat::simulate::decision::Stage;
use exeat::simulate::decision::Step;

/// Where a decision ends: a row of the table, or beside it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Row {
    /// Before the table: the source lies in no subnet, or its node hides it.
    Source,
    /// Before the table: the network security group.
    SecurityGroup,
    Route,
    Local,
    State,
    ThreatAddress,
    Dnat,
    Network,
    Undeliverable,
    Intercept,
    NotIntercepted,
    Silent,
    Sniff,
    NoServerName,
    HostPort,
    ThreatName,
    Application,
    Inspection,
    Infrastructure,
    Default,
    Resolve,
    IntrusionDetection,
    /// After the table: what the firewall lets through is lost on the way from it on.
    Onward,
}

/// Rows that end no decision on a single flow without a session, each with its reason.
pub(crate) const NEVER_DECIDE: [(Row, &str); 3] = [
    (Row::State, "a live session is found by replay alone"),
    (Row::Intercept, "it hands the flow on to rows 6b and 7"),
    (Row::IntrusionDetection, "it is noted and changes no verdict"),
];

/// Every place that can end a decision on a single flow, and how often flows are drawn for it.
pub(crate) const DECIDE: [(Row, usize); 20] = [
    (Row::Source, 1),
    (Row::SecurityGroup, 4),
    (Row::Route, 5),
    (Row::Local, 4),
    (Row::ThreatAddress, 2),
    (Row::Dnat, 6),
    (Row::Network, 26),
    (Row::Undeliverable, 2),
    (Row::NotIntercepted, 1),
    (Row::Silent, 2),
    (Row::Sniff, 1),
    (Row::NoServerName, 2),
    (Row::HostPort, 3),
    (Row::ThreatName, 2),
    (Row::Application, 28),
    (Row::Inspection, 12),
    (Row::Infrastructure, 6),
    (Row::Default, 1),
    (Row::Resolve, 3),
    (Row::Onward, 3),
];

impl Row {
    /// Where `decision` ends.
    pub(crate) fn of(decision: &Decision) -> Row {
        let trace = decision.trace.as_slice();
        let goes_on = trace.iter().any(|step| step.stage == Stage::Delivery);
        let at_firewall = at_the_last_firewall(trace);
        let has = |stage| at_firewall.iter().any(|step| step.stage == stage);
        match decision.reason {
            Reason::SourceUndeclared | Reason::PodBehindNode | Reason::SentByFirewall => {
                Row::Source
            }
            Reason::NsgDeny => Row::SecurityGroup,
            Reason::RouteNone
            | Reason::NoOutbound
            | Reason::NextHopUnreachable
            | Reason::PeeringRefused
            | Reason::RoutingLoop
            | Reason::Appliance
            | Reason::InternetRoute
            | Reason::ServiceEndpoint
            | Reason::PrivateEndpoint
            | Reason::ApiServer
            | Reason::Peering
            | Reason::Gateway
            | Reason::VnetLocal
            | Reason::PlatformAddress => {
                if goes_on {
                    Row::Onward
                } else {
                    Row::Route
                }
            }
            Reason::DnsProxy | Reason::PacFile => Row::Local,
            Reason::LiveSession => Row::State,
            Reason::ThreatIntel if has(Stage::Sniff) || has(Stage::Local) => Row::ThreatName,
            Reason::ThreatIntel => Row::ThreatAddress,
            Reason::DnatRule => Row::Dnat,
            Reason::NetworkRule | Reason::DefaultDeny if has(Stage::Dnat) => Row::Dnat,
            Reason::NetworkRule | Reason::SqlRedirect => Row::Network,
            Reason::Undeliverable => lost(trace, at_firewall),
            Reason::HandshakeOnly => Row::Silent,
            Reason::SniMissing => Row::NoServerName,
            Reason::HostPortMismatch => Row::HostPort,
            // A request inside TLS is looked at after the rules.
            Reason::HostMissing if has(Stage::Application) => Row::Inspection,
            Reason::HostMissing | Reason::UnrecognisedProtocol => Row::Sniff,
            Reason::ApplicationRule | Reason::Infrastructure | Reason::DefaultDeny
                if has(Stage::Inspection) =>
            {
                Row::Inspection
            }
            Reason::ApplicationRule => Row::Application,
            Reason::Infrastructure => Row::Infrastructure,
            Reason::DefaultDeny if has(Stage::Application) => Row::Default,
            Reason::DefaultDeny => Row::NotIntercepted,
            Reason::Unresolvable => Row::Resolve,
            Reason::EvidenceMissing => panic!("a decision in one environment is settled"),
        }
    }

    /// Whether it is a row of the table, and not beside it.
    pub(crate) fn is_of_the_table(self) -> bool {
        !matches!(self, Row::Source | Row::SecurityGroup | Row::Onward)
    }

    /// The number in the table, and what the row does.
    fn title(self) -> &'static str {
        match self {
            Row::Source => "-  source",
            Row::SecurityGroup => "-  security group",
            Row::Route => "0  route",
            Row::Local => "1  local",
            Row::State => "2  state",
            Row::ThreatAddress => "3  threat intelligence, address",
            Row::Dnat => "4  DNAT",
            Row::Network => "5  network",
            Row::Undeliverable => "5a undeliverable",
            Row::Intercept => "6  intercept",
            Row::NotIntercepted => "6a not intercepted",
            Row::Silent => "6b no payload",
            Row::Sniff => "7  sniff",
            Row::NoServerName => "7a no server name",
            Row::HostPort => "7b host port",
            Row::ThreatName => "8  threat intelligence, name",
            Row::Application => "9  application",
            Row::Inspection => "9a application, decrypted",
            Row::Infrastructure => "10 infrastructure",
            Row::Default => "11 default",
            Row::Resolve => "12 resolve",
            Row::IntrusionDetection => "13 intrusion detection",
            Row::Onward => "-  from the firewall on",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// The steps at the last firewall that was asked.
fn at_the_last_firewall(trace: &[Step]) -> &[Step] {
    let leads = |step: &Step| matches!(step.stage, Stage::Route | Stage::Delivery);
    let end = trace.iter().rposition(|step| !leads(step)).map_or(0, |last| last + 1);
    let begin = trace[..end].iter().rposition(leads).map_or(0, |last| last + 1);
    &trace[begin..end]
}

/// What cannot be delivered: a rule says so, or the way from the firewall on.
fn lost(trace: &[Step], at_firewall: &[Step]) -> Row {
    let is_onward = trace.last().is_some_and(|step| step.stage == Stage::Delivery);
    if is_onward || at_firewall.iter().any(|step| step.stage == Stage::Resolve) {
        Row::Onward
    } else if at_firewall.iter().any(|step| step.stage == Stage::Dnat) {
        Row::Dnat
    } else {
        Row::Undeliverable
    }
}
