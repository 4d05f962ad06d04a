//! Azure's limits and what each SKU lacks (`azure-firewall.md §5.1`, `§6`, `azure-routing.md §12`).
//!
//! In: a deployment, and the limits on whose number sources disagree. Out: what exceeds one, each
//! with its section. A deployment within the limits may still be refused by Azure for other
//! reasons; whether its references hold is checked where it is read.

mod firewall;
mod name;
mod network;
mod policy;
mod size;
mod tier;

use std::fmt;

pub use name::is_emitted_name;
pub use size::MAX_GROUP_BYTES;
pub use size::SPLIT_GROUP_BYTES;
pub use size::group_size;

use super::deployment::Deployment;
use super::policy::Tier;

/// The limits on whose number sources disagree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LimitSettings {
    /// `max-rcgs`: the most rule collection groups of a policy (`azure-firewall.md §6.1`).
    pub max_groups: usize,
    /// `max-routes`: the most routes of a route table (`azure-routing.md §12`).
    pub max_routes: usize,
}

impl Default for LimitSettings {
    fn default() -> LimitSettings {
        LimitSettings { max_groups: 90, max_routes: 400 }
    }
}

/// How much an exceeded limit weighs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Azure refuses it.
    Error,
    /// Azure may refuse it, or it works badly.
    Warning,
}

/// A limit.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Limit {
    /// Rule collection groups of a policy.
    Groups,
    /// Bytes of a rule collection group.
    GroupBytes,
    /// DNAT and application collections of a firewall.
    ProxyCollections,
    /// Network collections of a firewall.
    NetworkCollections,
    /// Pairs of source and destination in network rules of a firewall.
    UniquePairs,
    /// Public addresses and DNAT destinations of a firewall.
    Dnat,
    /// Public addresses of a firewall.
    PublicAddresses,
    /// IP groups that a firewall's rules name.
    IpGroups,
    /// Entries of an IP group.
    IpGroupEntries,
    /// Host names in network rules of a firewall.
    NetworkFqdns,
    /// DNS servers of a policy.
    DnsServers,
    /// A port of a network or application rule.
    Port,
    /// A port of an application rule that some sources allow.
    ApplicationPort,
    /// A port of a DNAT rule.
    DnatPort,
    /// Characters in the name of an inserted header.
    HeaderName,
    /// Characters in the value of an inserted header.
    HeaderValue,
    /// Bytes of all headers that a rule inserts.
    HeaderBytes,
    /// A header that must not be inserted.
    ReservedHeader,
    /// Characters in the name of a firewall.
    FirewallName,
    /// The name of a policy or rule collection group.
    ResourceName,
    /// The name of a rule collection or rule.
    RuleName,
    /// The name of a route.
    RouteName,
    /// Routes of a route table.
    Routes,
    /// Routes to service tags of a route table.
    TagRoutes,
    /// Route tables of a subscription in a region.
    RouteTables,
    /// Addresses of an ECMP next hop, at most.
    EcmpAddresses,
    /// Addresses of an ECMP next hop, at least.
    FewEcmpAddresses,
    /// Peerings of a virtual network.
    Peerings,
    /// Subnets of a virtual network.
    Subnets,
    /// What the tier of a policy or firewall lacks.
    Tier,
    /// A policy of a higher tier than its firewall.
    Attachment,
    /// A policy in another region than its parent.
    ParentRegion,
    /// A policy whose SKU cannot have what a parent of its SKU may hold.
    ParentTier,
}

impl Limit {
    /// What is limited, as in "at most N …".
    pub fn what(self) -> &'static str {
        self.entry().0
    }

    /// The section that states the limit.
    pub fn section(self) -> &'static str {
        self.entry().1
    }

    fn entry(self) -> (&'static str, &'static str) {
        const LIMITS: &str = "azure-firewall.md §6.1";
        const HEADERS: &str = "azure-firewall.md §2.10";
        const ROUTES: &str = "azure-routing.md §12";
        const TIERS: &str = "azure-firewall.md §6.2";
        match self {
            Limit::Groups => ("rule collection groups", LIMITS),
            Limit::GroupBytes => ("bytes", LIMITS),
            Limit::ProxyCollections => ("DNAT and application rule collections", LIMITS),
            Limit::NetworkCollections => ("network rule collections", LIMITS),
            Limit::UniquePairs => ("pairs of source and destination in network rules", LIMITS),
            Limit::Dnat => ("public addresses and DNAT destinations", LIMITS),
            Limit::PublicAddresses => ("public addresses", LIMITS),
            Limit::IpGroups => ("IP groups", LIMITS),
            Limit::IpGroupEntries => ("entries", LIMITS),
            Limit::NetworkFqdns => ("host names in network rules", LIMITS),
            Limit::DnsServers => ("DNS servers", LIMITS),
            Limit::Port => ("ports from 1 to 65535", LIMITS),
            Limit::ApplicationPort => ("ports up to 64000", "azure-firewall.md §2.2"),
            Limit::DnatPort => ("ports from 1 to 63999", LIMITS),
            Limit::HeaderName => ("characters in a header's name", HEADERS),
            Limit::HeaderValue => ("characters in a header's value", HEADERS),
            Limit::HeaderBytes => ("bytes of headers", HEADERS),
            Limit::ReservedHeader => ("headers that are not reserved", HEADERS),
            Limit::FirewallName => ("characters", LIMITS),
            Limit::ResourceName | Limit::RuleName => {
                ("2 to 80 letters, digits and `_.-`, a letter or digit first", LIMITS)
            }
            Limit::RouteName => (
                "1 to 80 letters, digits and `_.-`, a letter or digit first",
                "azure-firewall.md §5.1",
            ),
            Limit::Routes => ("routes", ROUTES),
            Limit::TagRoutes => ("routes to service tags", ROUTES),
            Limit::RouteTables => ("route tables", ROUTES),
            Limit::EcmpAddresses | Limit::FewEcmpAddresses => ("next-hop addresses", ROUTES),
            Limit::Peerings => ("peerings", ROUTES),
            Limit::Subnets => ("subnets", ROUTES),
            Limit::Tier => ("features of the SKU", TIERS),
            Limit::Attachment => ("policies of its own SKU or a lower one", TIERS),
            Limit::ParentTier => ("parents of its own SKU or a lower one", TIERS),
            Limit::ParentRegion => ("the region of its parent policy", "azure-firewall.md §1.3"),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Measure {
    /// More than is allowed.
    AtMost {
        /// How many there are.
        found: usize,
        /// How many may be.
        allowed: usize,
    },
    /// Fewer than are needed.
    AtLeast {
        /// How many there are.
        found: usize,
        /// How many must be.
        needed: usize,
    },
    /// A name, port or header that is not allowed.
    Value(String),
    /// A feature, and the tier that lacks it.
    Lacks {
        /// The tier.
        tier: Tier,
        /// The feature.
        feature: &'static str,
    },
    /// A policy of this tier below a parent of that one.
    Inherited {
        /// The policy's.
        policy: Tier,
        /// The parent's.
        parent: Tier,
    },
    /// A policy of this tier at a firewall of that one.
    Attached {
        /// The policy's.
        policy: Tier,
        /// The firewall's.
        firewall: Tier,
    },
}

/// A limit that is exceeded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LimitExceeded {
    /// The resource, or rule, such as "policy `fwp-egress`".
    pub at: String,
    /// Which limit.
    pub limit: Limit,
    /// What was found.
    pub measure: Measure,
    /// How much it weighs.
    pub severity: Severity,
}

impl fmt::Display for LimitExceeded {
    /// A sentence without its section.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.limit.what();
        write!(f, "{}: ", self.at)?;
        match &self.measure {
            Measure::AtMost { found, allowed } => {
                write!(f, "expected at most {allowed} {what}, found {found}")
            }
            Measure::AtLeast { found, needed } => {
                write!(f, "expected at least {needed} {what}, found {found}")
            }
            Measure::Value(value) => write!(f, "expected {what}, found `{value}`"),
            Measure::Lacks { tier, feature } => {
                write!(f, "the SKU `{}` has no {feature}", tier.keyword())
            }
            Measure::Inherited { policy, parent } => write!(
                f,
                "a firewall of SKU `{}` could not enforce its parent, a policy of SKU `{}`",
                policy.keyword(),
                parent.keyword()
            ),
            Measure::Attached { policy, firewall } => write!(
                f,
                "a firewall of SKU `{}` cannot enforce a policy of SKU `{}`",
                firewall.keyword(),
                policy.keyword()
            ),
        }
    }
}

/// Every limit that `deployment` exceeds, resource by resource.
pub fn check(deployment: &Deployment, settings: &LimitSettings) -> Vec<LimitExceeded> {
    let mut excess = Excess::default();
    policy::check(deployment, settings, &mut excess);
    firewall::check(deployment, &mut excess);
    network::check(deployment, settings, &mut excess);
    excess.0
}

/// What was found to exceed a limit so far.
#[derive(Debug, Default)]
struct Excess(Vec<LimitExceeded>);

impl Excess {
    fn note(&mut self, at: impl Into<String>, limit: Limit, measure: Measure, severity: Severity) {
        self.0.push(LimitExceeded { at: at.into(), limit, measure, severity });
    }

    /// Notes more than `allowed` as an error.
    fn at_most(&mut self, at: &str, limit: Limit, found: usize, allowed: usize) {
        if found > allowed {
            self.note(at, limit, Measure::AtMost { found, allowed }, Severity::Error);
        }
    }

    /// Notes more than `allowed` as a warning.
    fn better_at_most(&mut self, at: &str, limit: Limit, found: usize, allowed: usize) {
        if found > allowed {
            self.note(at, limit, Measure::AtMost { found, allowed }, Severity::Warning);
        }
    }

    /// Notes a value that is not allowed.
    fn value(&mut self, at: &str, limit: Limit, value: impl Into<String>, severity: Severity) {
        self.note(at, limit, Measure::Value(value.into()), severity);
    }

    /// Notes a feature that `tier` lacks.
    fn lacks(&mut self, at: &str, tier: Tier, feature: &'static str) {
        self.note(at, Limit::Tier, Measure::Lacks { tier, feature }, Severity::Error);
    }
}
