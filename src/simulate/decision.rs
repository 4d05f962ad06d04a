//! What a decision says: the verdict, what decided it, and the way to it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use super::assumptions::Assumption;
use super::route::RouteTaken;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::flow::Atom;
use crate::flow::Host;

/// Rules that a note names; the others are counted.
const SHOWN_RULES: usize = 12;

/// What becomes of a flow (`interface.md`, Reports as JSON).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Verdict {
    /// It leaves through every firewall on its way.
    Allow,
    /// It does not leave.
    Deny,
    /// The evidence does not settle it.
    Undetermined,
    /// It leaves around the firewall.
    Bypass,
    /// It stays in the network, or the firewall itself answers.
    Local,
    /// It goes to an address of the platform (`azure-routing.md §7`).
    Platform,
}

impl Verdict {
    /// The word of reports.
    pub fn keyword(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
            Verdict::Undetermined => "undetermined",
            Verdict::Bypass => "bypass",
            Verdict::Local => "local",
            Verdict::Platform => "platform",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

/// What the verdict rests on. The words never change their meaning.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// An application rule.
    ApplicationRule,
    /// A network rule.
    NetworkRule,
    /// A DNAT rule.
    DnatRule,
    /// The built-in infrastructure rules.
    Infrastructure,
    /// An allowed SQL session before this one.
    SqlRedirect,
    /// A session that was let through before (`azure-firewall.md §1.10`).
    LiveSession,
    /// No rule matched.
    DefaultDeny,
    /// The firewall answered the handshake, and no byte followed.
    HandshakeOnly,
    /// The first bytes are of no protocol that application rules know.
    UnrecognisedProtocol,
    /// A TLS hello without a server name.
    SniMissing,
    /// An HTTP request without a host.
    HostMissing,
    /// The port in the `Host` header is not the one that was connected to.
    HostPortMismatch,
    /// The firewall cannot resolve the name.
    Unresolvable,
    /// A rule allows it, but it cannot be delivered.
    Undeliverable,
    /// Threat intelligence lists the address or name.
    ThreatIntel,
    /// A network security group denies it.
    NsgDeny,
    /// A route drops it.
    RouteNone,
    /// The route leads to the internet, and the subnet has no way out (`azure-routing.md §6`).
    NoOutbound,
    /// The next hop cannot be reached from the network.
    NextHopUnreachable,
    /// The peering refuses it (`azure-routing.md §8`).
    PeeringRefused,
    /// The way leads back to a firewall that it has passed.
    RoutingLoop,
    /// An appliance that the deployment does not hold.
    Appliance,
    /// A route to the internet around the firewall.
    InternetRoute,
    /// A service endpoint.
    ServiceEndpoint,
    /// A private endpoint.
    PrivateEndpoint,
    /// The private endpoint of the API server of a cluster (`aks-egress.md §6`).
    ApiServer,
    /// A peering.
    Peering,
    /// A gateway.
    Gateway,
    /// Inside the virtual network.
    VnetLocal,
    /// The firewall's own DNS proxy.
    DnsProxy,
    /// The file that the firewall's explicit proxy serves.
    PacFile,
    /// The firewall sent it itself.
    SentByFirewall,
    /// An address of the platform.
    PlatformAddress,
    /// The source lies in no declared subnet.
    SourceUndeclared,
    /// The source is a pod whose node hides it (`azure-routing.md §10`).
    PodBehindNode,
    /// The evidence does not settle the verdict.
    EvidenceMissing,
}

impl Reason {
    /// The word of reports.
    pub fn keyword(self) -> &'static str {
        match self {
            Reason::ApplicationRule => "application-rule",
            Reason::NetworkRule => "network-rule",
            Reason::DnatRule => "dnat-rule",
            Reason::Infrastructure => "infrastructure",
            Reason::SqlRedirect => "sql-redirect",
            Reason::LiveSession => "live-session",
            Reason::DefaultDeny => "default-deny",
            Reason::HandshakeOnly => "handshake-only",
            Reason::UnrecognisedProtocol => "unrecognised-protocol",
            Reason::SniMissing => "sni-missing",
            Reason::HostMissing => "host-missing",
            Reason::HostPortMismatch => "host-port-mismatch",
            Reason::Unresolvable => "unresolvable",
            Reason::Undeliverable => "undeliverable",
            Reason::ThreatIntel => "threat-intel",
            Reason::NsgDeny => "nsg-deny",
            Reason::RouteNone => "route-none",
            Reason::NoOutbound => "no-outbound",
            Reason::NextHopUnreachable => "next-hop-unreachable",
            Reason::PeeringRefused => "peering-refused",
            Reason::RoutingLoop => "routing-loop",
            Reason::Appliance => "appliance",
            Reason::InternetRoute => "internet-route",
            Reason::ServiceEndpoint => "service-endpoint",
            Reason::PrivateEndpoint => "private-endpoint",
            Reason::ApiServer => "api-server",
            Reason::Peering => "peering",
            Reason::Gateway => "gateway",
            Reason::VnetLocal => "vnet-local",
            Reason::DnsProxy => "dns-proxy",
            Reason::PacFile => "pac-file",
            Reason::SentByFirewall => "sent-by-firewall",
            Reason::PlatformAddress => "platform-address",
            Reason::SourceUndeclared => "source-undeclared",
            Reason::PodBehindNode => "pod-behind-node",
            Reason::EvidenceMissing => "evidence-missing",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

/// A step of the decision (`azure-firewall.md §10.2`, before it NSG and route).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Which subnet the flow comes from.
    Source,
    /// The network security group of that subnet.
    SecurityGroup,
    /// Step 0: the effective route.
    Route,
    /// Step 1: the firewall's own services.
    Local,
    /// Step 2: a live session.
    State,
    /// Steps 3 and 8: threat intelligence.
    ThreatIntel,
    /// Step 4: DNAT rules.
    Dnat,
    /// Step 5: network rules.
    Network,
    /// Step 6: whether the proxy takes the connection.
    Intercept,
    /// Step 7: what the first bytes are.
    Sniff,
    /// Step 9: application rules.
    Application,
    /// Step 9a: application rules after decryption.
    Inspection,
    /// Step 10: the infrastructure rules.
    Infrastructure,
    /// Step 11: the default.
    Default,
    /// Step 12: resolution.
    Resolve,
    /// Step 13: intrusion detection.
    Idps,
    /// The way from the firewall on (`azure-routing.md §9`).
    Delivery,
}

impl Stage {
    /// The word of reports.
    pub fn keyword(self) -> &'static str {
        match self {
            Stage::Source => "source",
            Stage::SecurityGroup => "security-group",
            Stage::Route => "route",
            Stage::Local => "local",
            Stage::State => "state",
            Stage::ThreatIntel => "threat-intel",
            Stage::Dnat => "dnat",
            Stage::Network => "network",
            Stage::Intercept => "intercept",
            Stage::Sniff => "sniff",
            Stage::Application => "application",
            Stage::Inspection => "inspection",
            Stage::Infrastructure => "infrastructure",
            Stage::Default => "default",
            Stage::Resolve => "resolve",
            Stage::Idps => "idps",
            Stage::Delivery => "delivery",
        }
    }
}

/// One step of the way to a verdict.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Step {
    /// The step.
    pub stage: Stage,
    /// What was looked at.
    pub looked_at: String,
    /// What came of it.
    pub result: String,
    /// The section that says so.
    pub section: &'static str,
}

/// Something to be told beside the verdict.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Note {
    /// Intrusion detection denies, and may drop what rules allow (`azure-firewall.md §1.8`).
    IdpsMayDrop,
    /// Threat intelligence lists the indicator, and only records it (`azure-firewall.md §1.7`).
    ThreatAlert(Host),
    /// A network rule without source NAT reaches a private endpoint, which answers around the
    /// firewall (`azure-routing.md §4`).
    AsymmetricReturn,
    /// A DNAT rule of a parent matched; sources disagree whether it is inherited
    /// (`azure-firewall.md §1.3`).
    ParentDnat,
    /// A network deny covers the translated flow; sources disagree whether it counts
    /// (`azure-firewall.md §4.1`).
    NetworkDenyCoversDnat,
    /// A machine reaches the firewall's own public address, which is not supported
    /// (`azure-firewall.md §4.1`).
    Hairpin,
    /// The request inside TLS was not seen; its host is taken to be the server name.
    InnerTakenFromSni,
    /// The policy inspects TLS and names no certificate authority.
    NoCertificateAuthority,
    /// Pods with this source have their node's address at the firewall.
    NodeAddress(IpAddr),
    /// Behind the firewall, the source is an address of its subnet.
    SourceTranslated,
    /// The firewall hands the flow on to this next hop (`azure-routing.md §9.1`).
    ForwardedTo(String),
    /// The way leads over a peering with this network, which has none back: Azure connects two
    /// networks once both have one.
    PeeredOneWay(Key),
    /// No virtual network is stated; the flow is taken to reach the only firewall or policy.
    OnlyFirewall,
    /// The verdict is the same in every reading, but these rules decide it in different ones.
    DecidedBy(Vec<RuleId>),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::IdpsMayDrop => f.write_str("intrusion detection may drop it silently"),
            Note::ThreatAlert(host) => write!(f, "threat intelligence lists {host}"),
            Note::AsymmetricReturn => {
                f.write_str("the private endpoint answers around the firewall")
            }
            Note::ParentDnat => f.write_str("sources disagree whether a parent's DNAT rules count"),
            Note::NetworkDenyCoversDnat => {
                f.write_str("a network deny covers the translated flow; sources disagree on it")
            }
            Note::Hairpin => {
                f.write_str("reaching the firewall's own public address is not supported")
            }
            Note::InnerTakenFromSni => {
                f.write_str("the decrypted request was not seen; its host is taken to be the SNI")
            }
            Note::NoCertificateAuthority => {
                f.write_str("the policy inspects TLS and names no certificate authority")
            }
            Note::NodeAddress(address) => {
                write!(f, "the firewall sees a node's address, taken to be {address}")
            }
            Note::SourceTranslated => {
                f.write_str("behind the firewall the source is the firewall's")
            }
            Note::ForwardedTo(next_hop) => write!(f, "the firewall hands it on to {next_hop}"),
            Note::PeeredOneWay(network) => {
                write!(
                    f,
                    "`{network}` states no peering back, without which Azure connects nothing"
                )
            }
            Note::OnlyFirewall => {
                f.write_str("no virtual network is stated; it is taken to reach the only firewall")
            }
            Note::DecidedBy(rules) => {
                f.write_str("the same verdict by different rules: ")?;
                for (index, rule) in rules.iter().take(SHOWN_RULES).enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{rule}")?;
                }
                match rules.len().saturating_sub(SHOWN_RULES) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
        }
    }
}

/// A part of a flow that was not seen.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Field {
    /// What the first bytes are.
    Payload,
    /// The name that they show.
    Name,
    /// The request inside TLS.
    Inner,
    /// A source in a declared subnet.
    Source,
}

impl Field {
    /// The word of reports.
    pub fn keyword(self) -> &'static str {
        match self {
            Field::Payload => "payload",
            Field::Name => "name",
            Field::Inner => "inner",
            Field::Source => "source",
        }
    }
}

/// What would settle a verdict.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Missing {
    /// A part of the flow.
    Field(Field),
    /// A fact about the environment.
    Atom(Atom),
    /// More than [`MAX_READINGS`](super::judge::MAX_READINGS) combinations would have to be tried.
    TooManyUnknowns,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Field(field) => f.write_str(field.keyword()),
            Missing::Atom(atom) => atom.fmt(f),
            Missing::TooManyUnknowns => f.write_str("too-many-unknowns"),
        }
    }
}

/// Whom the flow really connects to, where it leaves.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Peer {
    /// Nobody beyond the firewall or the network's edge.
    Nobody,
    /// The address that the client sends to.
    Destination,
    /// Another address: the target of a DNAT rule, or the address in a `Host` header.
    Address(IpAddr),
    /// The firewall's own answer for the name.
    Answer(Host),
    /// The firewall's own answer for the name, or the client's destination, as
    /// [`HTTPS_DESTINATION`](super::assumptions::HTTPS_DESTINATION) says.
    AnswerOrDestination(Host),
}

/// The verdict on a flow, and the way to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// What it rests on.
    pub reason: Reason,
    /// The rule that matched, also where resolution or delivery then refuses; `None` where none
    /// matched, or where different rules decide in different readings.
    pub rule: Option<RuleId>,
    /// The route that the flow takes from its subnet; `None` where it gets no route.
    pub route: Option<RouteTaken>,
    /// The steps, in their order.
    pub trace: Vec<Step>,
    /// What would settle the verdict: empty unless it is undetermined.
    pub missing: Vec<Missing>,
    /// The assumptions that it depends on, sorted.
    pub assumptions: Vec<Assumption>,
    /// What else is to be told.
    pub notes: BTreeSet<Note>,
    /// Whom it really connects to.
    pub peer: Peer,
}

impl Decision {
    /// Whether the flow leaves for certain: as its verdict says, or to a private endpoint, which is
    /// reached around every firewall and leads out of the network (`semantics.md`, Replay).
    pub fn gets_out(&self) -> bool {
        match self.verdict {
            Verdict::Allow | Verdict::Bypass => true,
            Verdict::Local => self.is_to_private_endpoint(),
            Verdict::Deny | Verdict::Undetermined | Verdict::Platform => false,
        }
    }

    /// Whether the flow goes to a private endpoint around every firewall, which is no bypass where
    /// the list permits it (`semantics.md`, Replay).
    pub fn is_to_private_endpoint(&self) -> bool {
        self.verdict == Verdict::Local && self.reason == Reason::PrivateEndpoint
    }
}
