//! What Azure cannot do, and what to do instead.

use super::statement::Statement;
use crate::azure::policy::Action;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;

/// Why no rule carries a statement.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Refusal {
    /// A name goes with a service that shows none.
    NameWithoutService,
    /// A wildcard goes with a service that is judged by address.
    WildcardByAddress,
    /// Addresses or a service tag go with a service that is judged by name.
    AddressForName,
    /// ICMP goes where it is not delivered.
    PingOutside,
    /// No rule of Azure's says this service for this destination.
    NoRule,
    /// Redirected SQL goes to a name.
    RedirectToName,
    /// A source is a pod that the firewall does not see.
    HiddenPods,
    /// An IPv6 source.
    Ipv6Source,
    /// An IPv6 destination.
    Ipv6,
    /// A port that a rule cannot have.
    Port,
    /// The tier of the policy does not have this.
    Tier(&'static str),
    /// A name in a network rule, and the DNS proxy is off.
    ProxyOff,
    /// It takes more than one rule.
    TwoRules,
    /// A deny of names less some of them.
    DenyWithException,
    /// A deny by name goes with a service that shows none.
    DenyWithoutName,
    /// A URL inside TLS.
    Inspection,
    /// It means no flow.
    Empty,
}

impl Refusal {
    /// The finding for `statement`.
    pub(super) fn report(self, statement: &Statement<'_>) -> Diagnostic {
        let words = self.words();
        let label = statement.label;
        let kind = match statement.action {
            Action::Allow => "permission",
            Action::Deny => "deny",
        };
        let headline = match self {
            Refusal::Tier(feature) => format!("{} {feature}", words.headline),
            _ => words.headline.to_owned(),
        };
        let (place, text) = words.here;
        let mut finding = Diagnostic::new(words.code, format!("`{label}` {headline}"))
            .at(place.span(statement), text)
            .help(words.help.replace("KIND", kind));
        if let Some((place, text)) = words.other {
            finding = finding.also(place.span(statement), text);
        }
        if let Some(note) = words.note {
            finding = finding.note(note.replace("KIND", kind));
        }
        finding
    }

    fn words(self) -> &'static Words {
        match self {
            Refusal::NameWithoutService => &NAME_WITHOUT_SERVICE,
            Refusal::WildcardByAddress => &WILDCARD_BY_ADDRESS,
            Refusal::AddressForName => &ADDRESS_FOR_NAME,
            Refusal::PingOutside => &PING_OUTSIDE,
            Refusal::NoRule => &NO_RULE,
            Refusal::RedirectToName => &REDIRECT_TO_NAME,
            Refusal::HiddenPods => &HIDDEN_PODS,
            Refusal::Ipv6Source => &IPV6_SOURCE,
            Refusal::Ipv6 => &IPV6,
            Refusal::Port => &PORT,
            Refusal::Tier(_) => &TIER,
            Refusal::ProxyOff => &PROXY_OFF,
            Refusal::TwoRules => &TWO_RULES,
            Refusal::DenyWithException => &DENY_WITH_EXCEPTION,
            Refusal::DenyWithoutName => &DENY_WITHOUT_NAME,
            Refusal::Inspection => &INSPECTION,
            Refusal::Empty => &EMPTY,
        }
    }
}

/// A part of a statement.
#[derive(Clone, Copy, Debug)]
enum Place {
    Sources,
    Destinations,
    Services,
}

impl Place {
    fn span(self, statement: &Statement<'_>) -> Span {
        match self {
            Place::Sources => statement.spans.sources,
            Place::Destinations => statement.spans.destinations,
            Place::Services => statement.spans.services,
        }
    }
}

/// What is said of a refusal. `KIND` stands for `permission` or `deny`.
#[derive(Debug)]
struct Words {
    code: Code,
    /// Follows the label.
    headline: &'static str,
    here: (Place, &'static str),
    other: Option<(Place, &'static str)>,
    note: Option<&'static str>,
    help: &'static str,
}

const NAME_WITHOUT_SERVICE: Words = Words {
    code: Code::NEEDS_BY_ADDRESS,
    headline: "names hosts, but its service shows the firewall no name",
    here: (Place::Services, "judged by address"),
    other: Some((Place::Destinations, "a name")),
    note: Some("QUIC counts as UDP: the firewall reads no name in it"),
    help: "write `https`, `http` or `mssql proxy`, with the port where it is not the usual one; or add `by address because \"…\"` to open every address that the names resolve to, whoever else lives there",
};

const WILDCARD_BY_ADDRESS: Words = Words {
    code: Code::WILDCARD_BY_ADDRESS,
    headline: "has a wildcard for a service that is judged by address",
    here: (Place::Destinations, "nobody can list the addresses of these names"),
    other: Some((Place::Services, "judged by address")),
    note: None,
    help: "name each host; or write a service that shows a name (`https`, `http`, `mssql proxy`); or name a `tag` or a prefix that holds the addresses",
};

const ADDRESS_FOR_NAME: Words = Words {
    code: Code::ADDRESS_FOR_NAME,
    headline: "has addresses for a service that is judged by name",
    here: (Place::Destinations, "an application rule does not look at the address"),
    other: Some((Place::Services, "judged by name")),
    note: None,
    help: "write the names (`any-name` for all of them), or the port as `tcp/443` to judge by address alone",
};

const PING_OUTSIDE: Words = Words {
    code: Code::ICMP_OUTSIDE,
    headline: "sends ICMP where the firewall cannot deliver it",
    here: (Place::Services, "ICMP reaches private addresses only"),
    other: Some((Place::Destinations, "not all of this is a private address")),
    note: Some(
        "beyond its private ranges the firewall translates sources, which it can do for TCP and UDP only",
    ),
    help: "probe with `tcp/…` or `https` instead, or name private prefixes",
};

const NO_RULE: Words = Words {
    code: Code::NO_RULE,
    headline: "has a service that no rule of Azure's says for its destination",
    here: (Place::Services, "not to be had for these destinations"),
    other: Some((Place::Destinations, "the destinations")),
    note: Some(
        "a network rule knows TCP, UDP and ICMP; an FQDN tag or web category goes with `https` or `http`, a URL with `http`; `any` is for denies and assertions",
    ),
    help: "write one of these services, or name the destination in another way",
};

const REDIRECT_TO_NAME: Words = Words {
    code: Code::REDIRECT_TO_NAME,
    headline: "wants redirected SQL to a name",
    here: (Place::Services, "the machines that clients are sent on to have no name"),
    other: Some((Place::Destinations, "a name")),
    note: None,
    help: "write `mssql proxy` and set the server to proxy connections; or name `tag Sql` as the destination; or set `sql-redirect on` in the policy",
};

const HIDDEN_PODS: Words = Words {
    code: Code::HIDDEN_PODS,
    headline: "has pods as its source, which no firewall sees",
    here: (Place::Sources, "these pods leave with the address of their node"),
    other: None,
    note: None,
    help: "give the workload a node pool with a subnet of its own and name that subnet; or use the pod-subnet plugin; or enforce this with a Kubernetes network policy",
};

const IPV6_SOURCE: Words = Words {
    code: Code::IPV6,
    headline: "has an IPv6 address as its source, which a rule cannot have",
    here: (Place::Sources, "IPv6"),
    other: None,
    note: Some(
        "without a rule, the firewall passes no IPv6; whether IPv6 comes to it, the routes say",
    ),
    help: "write IPv4 addresses",
};

const IPV6: Words = Words {
    code: Code::IPV6,
    headline: "has an IPv6 address as its destination, which a rule cannot have",
    here: (Place::Destinations, "IPv6"),
    other: None,
    note: Some(
        "without a rule, the firewall passes no IPv6; whether IPv6 comes to it, the routes say",
    ),
    help: "write IPv4 addresses",
};

const PORT: Words = Words {
    code: Code::PORT_OUT_OF_REACH,
    headline: "has a port that its rule cannot have",
    here: (Place::Services, "out of reach"),
    other: None,
    note: Some(
        "application rules have ports 1 to 64000, network rules 1 to 65535 or all of them; with `sql-redirect on`, 11000 to 11999 belong to the firewall",
    ),
    help: "write a port in that range",
};

const TIER: Words = Words {
    code: Code::TIER_LACKS,
    headline: "needs what the firewall's SKU does not have:",
    here: (Place::Destinations, "not in this SKU"),
    other: None,
    note: None,
    help: "choose a higher `sku` for every firewall of the policy, or name the hosts for `https`",
};

const PROXY_OFF: Words = Words {
    code: Code::PROXY_OFF,
    headline: "needs a network rule with a name, and the DNS proxy is off",
    here: (Place::Destinations, "the firewall must resolve this as its clients do"),
    other: None,
    note: None,
    help: "set `dns-proxy on` on the firewall and let the networks resolve through it (`dns FIREWALL`), or name addresses",
};

const TWO_RULES: Words = Words {
    code: Code::TWO_RULES,
    headline: "takes more than one rule",
    here: (Place::Destinations, "these destinations"),
    other: Some((Place::Services, "do not fit into one rule with these services")),
    note: Some(
        "one KIND is one rule, so that a change of it is one change in Azure; a rule judges by name or by address, holds names or addresses, and has the same ports for TCP and UDP",
    ),
    help: "write one KIND for each kind of destination and each protocol",
};

const DENY_WITH_EXCEPTION: Words = Words {
    code: Code::TWO_RULES,
    headline: "has an exception, which a deny of names cannot have",
    here: (Place::Destinations, "no rule denies a name less another"),
    other: None,
    note: Some("what nothing permits is denied without a deny"),
    help: "take the deny out and permit by name what is needed; an `allow` may have `except`",
};

const DENY_WITHOUT_NAME: Words = Words {
    code: Code::DENY_WITHOUT_NAME,
    headline: "denies names on a service that shows none",
    here: (Place::Services, "judged by address"),
    other: Some((Place::Destinations, "a name")),
    note: None,
    help: "write `https`, `http` or `mssql proxy` with the port, or `any`; or deny addresses",
};

const INSPECTION: Words = Words {
    code: Code::UNSUPPORTED,
    headline: "judges a URL inside TLS, which needs inspection",
    here: (Place::Destinations, "the path is encrypted"),
    other: None,
    note: Some("policies with TLS inspection are not written by this version"),
    help: "write the name without its path, or `http`",
};

const EMPTY: Words = Words {
    code: Code::EMPTY_SET,
    headline: "means no flow",
    here: (Place::Destinations, "nothing is left of the destinations"),
    other: Some((Place::Sources, "or of the sources")),
    note: Some("Azure skips a rule without sources, and refuses one without destinations"),
    help: "look at what `except` and `and` leave, or remove the KIND",
};
