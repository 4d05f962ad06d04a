//! The formats of flow logs, and what each cannot know.

use std::fmt;

/// A format of flow logs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LogFormat {
    /// Flow logs of virtual networks (`flow-inputs.md §4`).
    Vnet,
    /// Flow logs of network security groups (`flow-inputs.md §5`).
    Nsg,
    /// Flows of Cilium's Hubble (`flow-inputs.md §6`).
    Hubble,
    /// Logs of Zeek (`flow-inputs.md §7`).
    Zeek,
    /// EVE logs of Suricata (`flow-inputs.md §8`).
    Suricata,
    /// VPC flow logs of AWS (`flow-inputs.md §9`).
    Aws,
    /// Azure Firewall's own logs (`azure-firewall.md §8`).
    AzureFirewall,
}

impl LogFormat {
    /// What the format is called.
    pub fn name(self) -> &'static str {
        match self {
            LogFormat::Vnet => "VNet flow log",
            LogFormat::Nsg => "NSG flow log",
            LogFormat::Hubble => "Hubble flows",
            LogFormat::Zeek => "Zeek log",
            LogFormat::Suricata => "Suricata EVE log",
            LogFormat::Aws => "AWS VPC flow log",
            LogFormat::AzureFirewall => "Azure Firewall log",
        }
    }

    /// What such a log cannot know, and what that means for the flows.
    pub fn caveat(self) -> &'static str {
        match self {
            LogFormat::Vnet => {
                "VNet flow logs hold no names: what application rules decide stays undetermined; inbound flows are kept with the remote end as source"
            }
            LogFormat::Nsg => {
                "NSG flow logs hold no names, and TCP and UDP only: what application rules decide stays undetermined; inbound flows are kept with the remote end as source"
            }
            LogFormat::Hubble => {
                "Hubble flows count neither packets nor bytes; their names are those that Cilium's DNS cache had for the address, not what the client showed; inbound flows and replies are left out"
            }
            LogFormat::Zeek => {
                "Zeek writes one log for each protocol: without conn.log packets and bytes are unknown, without ssl.log, http.log and quic.log names are"
            }
            LogFormat::Suricata => {
                "Suricata logs a name only once a handshake went far enough: of a flow that was blocked before, it is unknown; bytes count the link layer; that a flow lies in a tunnel is told where there is an alert"
            }
            LogFormat::Aws => {
                "AWS VPC flow logs hold no names, and not who began a connection: without TCP flags, the end with the lower port is taken for the server"
            }
            LogFormat::AzureFirewall => {
                "Azure Firewall logs no destination address of application rules and no name of network rules, no answers of DNS, and neither packets nor bytes; each row is a flow of its own"
            }
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
