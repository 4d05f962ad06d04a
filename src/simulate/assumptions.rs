//! Assumptions: what is decided without evidence, under a name, with a default.

use std::collections::BTreeMap;
use std::fmt;

/// The word for "either reading may be the true one".
pub const BOTH: &str = "both";

/// What a setting may be set to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Domain {
    /// One of two readings, or `both`. The second one is the reading of
    /// [`Atom::Reading`](crate::flow::Atom::Reading).
    Readings(&'static str, &'static str),
    /// A number, with its unit.
    Number(&'static str),
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Domain::Readings(first, second) => write!(f, "`{first}`, `{second}` or `{BOTH}`"),
            Domain::Number(unit) => write!(f, "a number of {unit}"),
        }
    }
}

/// A value of a setting.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Value {
    /// The first reading.
    First,
    /// The second reading.
    Second,
    /// Either.
    Both,
    /// A number.
    Number(u32),
}

/// A point on which sources are silent or disagree.
#[derive(Debug, Eq, PartialEq)]
pub struct Setting {
    /// The name that `--assume` knows it by.
    pub key: &'static str,
    /// What it may be set to.
    pub domain: Domain,
    /// What it is unless set.
    pub default: Value,
    /// Where the point is discussed.
    pub section: &'static str,
    /// What it says, in one line.
    pub doc: &'static str,
}

/// What a name in TLS leads an allowed connection to.
pub const HTTPS_DESTINATION: &str = "https_destination";
/// Whether a deny of the reverse direction stops replies.
pub const REVERSE_DENY_BREAKS_RETURN: &str = "reverse_deny_breaks_return";
/// Whether a network deny stops what a DNAT rule lets in.
pub const NETWORK_DENY_BEATS_DNAT: &str = "network_deny_beats_dnat";
/// Whether a child's firewall honours the parent's DNAT rules.
pub const PARENT_DNAT_INHERITED: &str = "parent_dnat_inherited";
/// Whether a child without DNS settings has its parent's.
pub const DNS_SETTINGS_INHERITED: &str = "dns_settings_inherited";
/// Whether 80 and 443 are proxied without an application rule for them.
pub const PROXY_PORTS_BASE: &str = "proxy_ports_base";
/// What a `Host` header without a port stands for.
pub const HOST_WITHOUT_PORT: &str = "host_without_port";
/// Whether a URL without a path covers all paths.
pub const URL_HOST_ONLY_COVERS_PATHS: &str = "url_host_only_covers_paths";
/// Idle seconds after which a UDP session ends.
pub const UDP_IDLE: &str = "udp_idle";
/// Idle seconds after which a TCP session with the internet ends.
pub const TCP_IDLE_NS: &str = "tcp_idle_ns";
/// Idle seconds after which a TCP session between private addresses ends.
pub const TCP_IDLE_EW: &str = "tcp_idle_ew";
/// Rule collection groups that a policy may have.
pub const MAX_RCGS: &str = "max_rcgs";
/// Routes that a table may have.
pub const MAX_ROUTES: &str = "max-routes";
/// How a denied TLS connection is ended.
pub const DENY_STYLE_HTTPS: &str = "deny_style_https";
/// What becomes of the system's drop routes.
pub const NONE_ROUTES: &str = "none_routes";
/// Whether a route table can override a service endpoint.
pub const SE_OVERRIDE: &str = "se_override";
/// Which routes override a private endpoint.
pub const PE_OVERRIDE: &str = "pe_override";
/// Whether the tag `VirtualNetwork` holds what a default route leads to.
pub const VNET_TAG_INCLUDES_DEFAULT: &str = "vnet_tag_includes_default";
/// Which address a pod of a pod subnet has at the firewall.
pub const FLAT_CNI_SNAT: &str = "flat-cni-snat";
/// Whether a name is resolvable without evidence.
pub const RESOLVER: &str = "resolver";
/// Whether a client that shows a name sends to an address that it holds for it.
pub const CLIENT_ANSWERS: &str = "client_answers";
/// What threat intelligence lists.
pub const THREAT_LIST: &str = "threat_list";
/// What the infrastructure rules hold.
pub const INFRASTRUCTURE: &str = "infrastructure";
/// What an appliance that the deployment does not hold does.
pub const UNKNOWN_APPLIANCE: &str = "unknown_appliance";
/// Where traffic of an application rule goes behind the first firewall.
pub const FORWARDED_DESTINATION: &str = "forwarded_destination";

/// Every setting, in the order in which they are listed.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: HTTPS_DESTINATION,
        domain: Domain::Readings("resolved", "original"),
        default: Value::First,
        section: "azure-firewall.md §2.5",
        doc: "TLS that is not inspected connects to the firewall's answer, or to the client's address",
    },
    Setting {
        key: REVERSE_DENY_BREAKS_RETURN,
        domain: Domain::Readings("false", "true"),
        default: Value::First,
        section: "azure-firewall.md §1.10",
        doc: "a deny of the reverse direction stops replies of an allowed session",
    },
    Setting {
        key: NETWORK_DENY_BEATS_DNAT,
        domain: Domain::Readings("false", "true"),
        default: Value::First,
        section: "azure-firewall.md §4.1",
        doc: "a network deny of the translated flow stops what a DNAT rule lets pass",
    },
    Setting {
        key: PARENT_DNAT_INHERITED,
        domain: Domain::Readings("true", "false"),
        default: Value::First,
        section: "azure-firewall.md §1.3",
        doc: "DNAT rules of a parent policy are looked at first",
    },
    Setting {
        key: DNS_SETTINGS_INHERITED,
        domain: Domain::Readings("false", "true"),
        default: Value::First,
        section: "azure-firewall.md §1.3",
        doc: "a policy without DNS settings has those of its parent",
    },
    Setting {
        key: PROXY_PORTS_BASE,
        domain: Domain::Readings("80-and-443", "none"),
        default: Value::First,
        section: "azure-firewall.md §1.5",
        doc: "ports that are proxied although no application rule names them",
    },
    Setting {
        key: HOST_WITHOUT_PORT,
        domain: Domain::Readings("assume-80-443", "accept-any"),
        default: Value::First,
        section: "azure-firewall.md §2.5",
        doc: "a `Host` header without a port stands for the usual port, or for any",
    },
    Setting {
        key: URL_HOST_ONLY_COVERS_PATHS,
        domain: Domain::Readings("false", "true"),
        default: Value::First,
        section: "azure-firewall.md §2.4",
        doc: "a URL without a path covers every path of its host",
    },
    Setting {
        key: UDP_IDLE,
        domain: Domain::Number("seconds"),
        default: Value::Number(240),
        section: "azure-firewall.md §1.11",
        doc: "idle time after which a UDP session ends",
    },
    Setting {
        key: TCP_IDLE_NS,
        domain: Domain::Number("seconds"),
        default: Value::Number(240),
        section: "azure-firewall.md §1.11",
        doc: "idle time after which a TCP session with the internet ends",
    },
    Setting {
        key: TCP_IDLE_EW,
        domain: Domain::Number("seconds"),
        default: Value::Number(300),
        section: "azure-firewall.md §1.11",
        doc: "idle time after which a TCP session between private addresses ends",
    },
    Setting {
        key: MAX_RCGS,
        domain: Domain::Number("groups"),
        default: Value::Number(90),
        section: "azure-firewall.md §6.1",
        doc: "rule collection groups that a policy may have",
    },
    Setting {
        key: MAX_ROUTES,
        domain: Domain::Number("routes"),
        default: Value::Number(400),
        section: "azure-routing.md §12",
        doc: "routes that a route table may have",
    },
    Setting {
        key: DENY_STYLE_HTTPS,
        domain: Domain::Readings("fin", "rst"),
        default: Value::First,
        section: "azure-firewall.md §1.6",
        doc: "how the firewall ends a TLS connection that it denies",
    },
    Setting {
        key: NONE_ROUTES,
        domain: Domain::Readings("removed-by-default-udr", "keep"),
        default: Value::First,
        section: "azure-routing.md §1.1",
        doc: "a user route for 0.0.0.0/0 removes the system's drop routes",
    },
    Setting {
        key: SE_OVERRIDE,
        domain: Domain::Readings("false", "true"),
        default: Value::First,
        section: "azure-routing.md §2.1",
        doc: "a user route can override a service endpoint",
    },
    Setting {
        key: PE_OVERRIDE,
        domain: Domain::Readings("vnet-prefix-or-longer", "slash32-only"),
        default: Value::First,
        section: "azure-routing.md §4",
        doc: "user routes that override a private endpoint whose subnet honours routes",
    },
    Setting {
        key: VNET_TAG_INCLUDES_DEFAULT,
        domain: Domain::Readings("no", "yes"),
        default: Value::First,
        section: "azure-nsg.md §2",
        doc: "the tag VirtualNetwork holds what a user route for 0.0.0.0/0 leads to",
    },
    Setting {
        key: FLAT_CNI_SNAT,
        domain: Domain::Readings("pod-everywhere-private", "node-beyond-vnet"),
        default: Value::Both,
        section: "azure-routing.md §10",
        doc: "a pod of a pod subnet keeps its address, or has its node's beyond the network",
    },
    Setting {
        key: RESOLVER,
        domain: Domain::Readings("assume", "evidence"),
        default: Value::First,
        section: "semantics.md, Flow",
        doc: "the firewall can resolve a name unless, or only where, evidence says so",
    },
    Setting {
        key: CLIENT_ANSWERS,
        domain: Domain::Readings("assume", "evidence"),
        default: Value::First,
        section: "semantics.md, Intent",
        doc: "a client holds the address that it sends to for the name that it shows",
    },
    Setting {
        key: THREAT_LIST,
        domain: Domain::Readings("empty", "everything"),
        default: Value::First,
        section: "azure-firewall.md §1.7",
        doc: "what threat intelligence lists besides what evidence names",
    },
    Setting {
        key: INFRASTRUCTURE,
        domain: Domain::Readings("empty", "every-name"),
        default: Value::Both,
        section: "azure-firewall.md §2.13",
        doc: "what the built-in infrastructure rules let out unless a last rule denies it",
    },
    Setting {
        key: UNKNOWN_APPLIANCE,
        domain: Domain::Readings("drops", "forwards"),
        default: Value::Both,
        section: "azure-routing.md §9.1",
        doc: "what an appliance that the deployment does not hold does with a packet",
    },
    Setting {
        key: FORWARDED_DESTINATION,
        domain: Domain::Readings("client", "unknown"),
        default: Value::First,
        section: "azure-routing.md §9.1",
        doc: "behind one firewall, the route of an application rule's traffic is that of the client's address",
    },
];

/// Why a setting was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AssumptionError {
    /// The text has no `=`.
    #[error("expected `KEY=VALUE`, found `{0}`")]
    NoValue(String),
    /// There is no such setting.
    #[error("no assumption is called `{key}`; {}", advice(*.nearest))]
    UnknownKey {
        /// What was written.
        key: String,
        /// The setting with the most similar name, where one is similar.
        nearest: Option<&'static str>,
    },
    /// The setting has no such value.
    #[error("`{key}` is {domain}, found `{found}`")]
    Value {
        /// The setting.
        key: &'static str,
        /// What it may be set to.
        domain: Domain,
        /// What was written.
        found: String,
    },
}

fn advice(nearest: Option<&'static str>) -> String {
    if let Some(key) = nearest {
        format!("did you mean `{key}`?")
    } else {
        let keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
        format!("the assumptions are {}", keys.join(", "))
    }
}

/// The setting called `key`; `-` and `_` are one.
pub fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| is_spelled(setting.key, key))
}

fn spelling(key: &str) -> String {
    key.replace('-', "_").to_ascii_lowercase()
}

/// Whether two words are one: `-` and `_` are, and so are upper and lower case.
fn is_spelled(one: &str, other: &str) -> bool {
    let spelling = |byte: u8| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    one.bytes().map(spelling).eq(other.bytes().map(spelling))
}

impl Setting {
    /// The word for `value`.
    pub fn word(&self, value: Value) -> String {
        match (self.domain, value) {
            (Domain::Readings(first, _), Value::First) => first.to_owned(),
            (Domain::Readings(_, second), Value::Second) => second.to_owned(),
            (_, Value::Number(number)) => number.to_string(),
            (_, Value::Both) => BOTH.to_owned(),
            (Domain::Number(_), Value::First | Value::Second) => self.word(self.default),
        }
    }

    fn parse(&self, text: &str) -> Option<Value> {
        match self.domain {
            Domain::Readings(first, _) if is_spelled(text, first) => Some(Value::First),
            Domain::Readings(_, second) if is_spelled(text, second) => Some(Value::Second),
            Domain::Readings(..) => text.eq_ignore_ascii_case(BOTH).then_some(Value::Both),
            Domain::Number(_) => text.parse().ok().map(Value::Number),
        }
    }
}

/// A setting with its value, as reports print it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Assumption {
    /// The key.
    pub key: &'static str,
    /// The value, as `--assume` takes it.
    pub value: String,
    /// Where the point is discussed.
    pub section: &'static str,
}

/// The values of all settings.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Assumptions {
    // Invariant: each key is that of a setting, and the value is in its domain.
    set: BTreeMap<&'static str, Value>,
}

impl Assumptions {
    /// Sets one of them, written `KEY=VALUE`. A later one replaces an earlier one.
    ///
    /// # Errors
    /// A text without `=`, a key that is none, a value that the setting cannot have.
    pub fn set(&mut self, text: &str) -> Result<(), AssumptionError> {
        let Some((key, value)) = text.split_once('=') else {
            return Err(AssumptionError::NoValue(text.to_owned()));
        };
        let (key, value) = (key.trim(), value.trim());
        let Some(setting) = setting(key) else {
            return Err(AssumptionError::UnknownKey {
                key: key.to_owned(),
                nearest: most_similar(key),
            });
        };
        let Some(value) = setting.parse(value) else {
            return Err(AssumptionError::Value {
                key: setting.key,
                domain: setting.domain,
                found: value.to_owned(),
            });
        };
        self.set.insert(setting.key, value);
        Ok(())
    }

    /// The value of the setting called `key`, one of the constants of this module.
    pub fn value(&self, key: &'static str) -> Value {
        let default = || {
            let setting = SETTINGS.iter().find(|setting| setting.key == key);
            setting.map_or(Value::Both, |setting| setting.default)
        };
        self.set.get(key).copied().unwrap_or_else(default)
    }

    /// The same for a proof, in which every point of `azure-firewall.md §10.4` that was not set is
    /// kept open: either reading may be the true one (`semantics.md`, Flow). What is assumed of the
    /// environment stays: names are resolvable, nothing is listed, clients ask for what they show.
    #[must_use]
    pub fn in_proofs(&self) -> Assumptions {
        let of_the_environment = [RESOLVER, CLIENT_ANSWERS, THREAT_LIST];
        let open = SETTINGS.iter().filter(|setting| match setting.domain {
            Domain::Readings(..) => !of_the_environment.contains(&setting.key),
            Domain::Number(_) => false,
        });
        let mut set: BTreeMap<_, _> = open.map(|setting| (setting.key, Value::Both)).collect();
        set.extend(&self.set);
        Assumptions { set }
    }

    /// Which reading of the setting called `key` holds: `Some(true)` is the second one, `None`
    /// either.
    pub fn reading(&self, key: &'static str) -> Option<bool> {
        match self.value(key) {
            Value::First => Some(false),
            Value::Second => Some(true),
            Value::Both | Value::Number(_) => None,
        }
    }

    /// The number that the setting called `key` has, or `None` for one without numbers.
    pub fn number(&self, key: &'static str) -> Option<u32> {
        match self.value(key) {
            Value::Number(number) => Some(number),
            Value::First | Value::Second | Value::Both => None,
        }
    }

    /// The setting called `key` with its value.
    pub fn show(&self, key: &'static str) -> Option<Assumption> {
        let setting = setting(key)?;
        let value = setting.word(self.value(setting.key));
        Some(Assumption { key: setting.key, value, section: setting.section })
    }

    /// Every setting with its value, in the order of [`SETTINGS`].
    pub fn iter(&self) -> impl Iterator<Item = Assumption> {
        SETTINGS.iter().filter_map(|setting| self.show(setting.key))
    }
}

/// The key that `text` was probably meant to be.
fn most_similar(text: &str) -> Option<&'static str> {
    let text = spelling(text);
    let distances = SETTINGS.iter().map(|s| (strsim::levenshtein(&text, &spelling(s.key)), s.key));
    distances.filter(|(distance, key)| distance * 3 <= key.len()).min().map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_read_back_from_what_it_prints() {
        let mut assumptions = Assumptions::default();
        for shown in Assumptions::default().iter() {
            assumptions.set(&format!("{}={}", shown.key, shown.value)).unwrap();
        }
        assert!(assumptions.iter().eq(Assumptions::default().iter()));
        assert_eq!(assumptions.iter().count(), SETTINGS.len());
    }

    #[test]
    fn each_value_is_what_was_set() {
        let mut assumptions = Assumptions::default();
        for (text, reading) in [
            ("se_override=true", Some(true)),
            ("se-override = both", None),
            ("SE_OVERRIDE=False", Some(false)),
        ] {
            assumptions.set(text).unwrap();
            assert_eq!(assumptions.reading(SE_OVERRIDE), reading, "{text}");
        }
        assumptions.set("max_routes=1000").unwrap();
        assert_eq!(assumptions.number(MAX_ROUTES), Some(1000));
        assert_eq!(assumptions.number(SE_OVERRIDE), None);
        assert_eq!(assumptions.number(UDP_IDLE), Some(240));
        assert_eq!(assumptions.show(MAX_ROUTES).unwrap().value, "1000");
    }

    #[test]
    fn errors_say_what_would_be_right() {
        let error = |text: &str| Assumptions::default().set(text).unwrap_err().to_string();
        assert_eq!(error("resolver"), "expected `KEY=VALUE`, found `resolver`");
        assert_eq!(
            error("resolvr=assume"),
            "no assumption is called `resolvr`; did you mean `resolver`?"
        );
        assert!(error("x=1").contains("the assumptions are https_destination,"));
        assert!(error("udp_rate=1").contains("the assumptions are https_destination,"));
        assert_eq!(
            error("none_routes=drop"),
            "`none_routes` is `removed-by-default-udr`, `keep` or `both`, found `drop`"
        );
        assert_eq!(error("udp_idle=long"), "`udp_idle` is a number of seconds, found `long`");
    }
}
