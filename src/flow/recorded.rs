//! What a log says became of a flow.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

/// What became of a flow at the place that wrote the log.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum RecordedVerdict {
    /// It was let through there.
    Allowed,
    /// It was stopped there.
    Denied,
    /// It was noted and went on: an alert, or a word that says neither.
    Noted,
}

impl RecordedVerdict {
    /// The word of flows as JSON.
    pub fn keyword(self) -> &'static str {
        match self {
            RecordedVerdict::Allowed => "allow",
            RecordedVerdict::Denied => "deny",
            RecordedVerdict::Noted => "noted",
        }
    }
}

/// Who said what became of a flow.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Recorder {
    /// A network security group, in a VNet or NSG flow log.
    SecurityGroup,
    /// A virtual network that drops what is not encrypted, in a VNet flow log.
    Encryption,
    /// The rules of Azure Firewall, its default action among them.
    Firewall,
    /// The threat intelligence of Azure Firewall.
    ThreatIntelligence,
    /// The intrusion detection of Azure Firewall.
    Idps,
    /// Cilium, in a Hubble flow.
    Cilium,
    /// Suricata.
    Suricata,
    /// A security group or network ACL of AWS.
    Aws,
}

impl Recorder {
    /// The word of flows as JSON.
    pub fn keyword(self) -> &'static str {
        match self {
            Recorder::SecurityGroup => "nsg",
            Recorder::Encryption => "vnet-encryption",
            Recorder::Firewall => "azure-firewall",
            Recorder::ThreatIntelligence => "threat-intel",
            Recorder::Idps => "idps",
            Recorder::Cilium => "cilium",
            Recorder::Suricata => "suricata",
            Recorder::Aws => "aws",
        }
    }
}

impl fmt::Display for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

/// The rule that a log names, with what it stands in as far as the log says.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct RecordedRule {
    /// The policy in which the rule stands; it may be a parent of the firewall's own.
    pub policy: Option<Arc<str>>,
    /// The rule collection group.
    pub group: Option<Arc<str>>,
    /// The rule collection.
    pub collection: Option<Arc<str>>,
    /// The rule.
    pub name: Arc<str>,
}

impl From<&str> for RecordedRule {
    fn from(name: &str) -> RecordedRule {
        RecordedRule { policy: None, group: None, collection: None, name: name.into() }
    }
}

impl fmt::Display for RecordedRule {
    /// `group/collection/rule`, without what is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.group, &self.collection].into_iter().flatten() {
            write!(f, "{part}/")?;
        }
        f.write_str(&self.name)
    }
}

/// What a log says became of a flow.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Recorded {
    /// What became of it.
    pub verdict: RecordedVerdict,
    /// Who says so.
    pub by: Recorder,
    /// The rule that decided, where the log names one.
    pub rule: Option<RecordedRule>,
    /// The log's own words for why, where it has some.
    pub reason: Option<Arc<str>>,
}
