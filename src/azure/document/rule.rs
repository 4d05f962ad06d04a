//! Rules of the three kinds.
//!
//! One struct holds the fields of all three, since a rule of a tagged union would lose its place
//! in the text. Which fields a kind has is checked when it is read.

use serde::Deserialize;
use serde::Serialize;

use super::notation;
use super::notation::Target;
use super::reading;
use super::reading::Reading;
use super::resource::is_false;
use super::resource::texts;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::HttpHeader;
use crate::azure::rule::NatRule;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::Sources;
use crate::azure::rule::Translation;

/// A list that may be absent; an empty one is not written.
type Texts = Option<Vec<String>>;

/// An element of `rules`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a rule")]
pub(super) struct RuleJson {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip_protocols: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protocols: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_addresses: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_ip_groups: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_fqdns: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_urls: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fqdn_tags: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    web_categories: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unknown_targets: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destination_addresses: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destination_ip_groups: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destination_fqdns: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destination_ports: Texts,
    #[serde(default, rename = "terminateTLS", skip_serializing_if = "is_false")]
    terminate_tls: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_headers_to_insert: Option<Vec<HeaderJson>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    translated_address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    translated_fqdn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    translated_port: Option<String>,
}

/// An element of `httpHeadersToInsert`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a header")]
struct HeaderJson {
    header_name: String,
    header_value: String,
}

/// A list as written: absent where it is empty.
fn unless_empty<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

fn listed<T>(items: &[T], text: impl Fn(&T) -> String) -> Texts {
    unless_empty(texts(items, text))
}

impl RuleJson {
    pub(super) fn of_network(rule: &NetworkRule) -> RuleJson {
        RuleJson {
            name: rule.name.clone(),
            description: rule.description.clone(),
            ip_protocols: listed(&rule.protocols, |protocol| protocol.keyword().to_owned()),
            source_addresses: listed(&rule.sources.addresses, notation::address_text),
            source_ip_groups: listed(&rule.sources.ip_groups, ToString::to_string),
            destination_addresses: listed(&rule.destination_addresses, notation::destination_text),
            destination_ip_groups: listed(&rule.destination_ip_groups, ToString::to_string),
            destination_fqdns: listed(&rule.destination_fqdns, ToString::to_string),
            destination_ports: listed(&rule.destination_ports, ToString::to_string),
            ..RuleJson::default()
        }
    }

    pub(super) fn of_application(rule: &ApplicationRule) -> RuleJson {
        let header = |HttpHeader { name, value }: &HttpHeader| HeaderJson {
            header_name: name.clone(),
            header_value: value.clone(),
        };
        let mut target_fqdns = texts(&rule.target_fqdns, ToString::to_string);
        target_fqdns.extend(texts(&rule.target_addresses, ToString::to_string));
        RuleJson {
            name: rule.name.clone(),
            description: rule.description.clone(),
            protocols: listed(&rule.protocols, |pair| notation::application_protocol_text(*pair)),
            source_addresses: listed(&rule.sources.addresses, notation::address_text),
            source_ip_groups: listed(&rule.sources.ip_groups, ToString::to_string),
            target_fqdns: unless_empty(target_fqdns),
            target_urls: listed(&rule.target_urls, ToString::to_string),
            fqdn_tags: listed(&rule.fqdn_tags, String::clone),
            web_categories: listed(&rule.web_categories, String::clone),
            unknown_targets: listed(&rule.unknown_targets, String::clone),
            destination_addresses: listed(&rule.destination_addresses, notation::destination_text),
            terminate_tls: rule.terminate_tls,
            http_headers_to_insert: unless_empty(rule.http_headers.iter().map(header).collect()),
            ..RuleJson::default()
        }
    }

    pub(super) fn of_nat(rule: &NatRule) -> RuleJson {
        let (translated_address, translated_fqdn) = match &rule.translation {
            Translation::Address(address) => (Some(address.to_string()), None),
            Translation::Fqdn(name) => (None, Some(name.to_string())),
        };
        RuleJson {
            name: rule.name.clone(),
            description: rule.description.clone(),
            ip_protocols: listed(&rule.protocols, |protocol| protocol.keyword().to_owned()),
            source_addresses: listed(&rule.sources.addresses, notation::address_text),
            source_ip_groups: listed(&rule.sources.ip_groups, ToString::to_string),
            destination_addresses: listed(&rule.destination_addresses, notation::address_text),
            destination_ports: listed(&rule.destination_ports, ToString::to_string),
            translated_address,
            translated_fqdn,
            translated_port: Some(rule.translated_port.to_string()),
            ..RuleJson::default()
        }
    }

    pub(super) fn read_network(self, reading: &mut Reading) -> Option<NetworkRule> {
        self.refuse_foreign("network", &NETWORK_FIELDS, reading)?;
        Some(NetworkRule {
            name: self.name,
            description: self.description,
            protocols: each(reading, "ipProtocols", self.ip_protocols, notation::network_protocol),
            sources: sources(reading, self.source_addresses, self.source_ip_groups),
            destination_addresses: each(
                reading,
                "destinationAddresses",
                self.destination_addresses,
                notation::destination,
            ),
            destination_ip_groups: each(
                reading,
                "destinationIpGroups",
                self.destination_ip_groups,
                reading::key,
            ),
            destination_fqdns: each(
                reading,
                "destinationFqdns",
                self.destination_fqdns,
                notation::fqdn,
            ),
            destination_ports: each(
                reading,
                "destinationPorts",
                self.destination_ports,
                notation::port,
            ),
        })
    }

    pub(super) fn read_application(self, reading: &mut Reading) -> Option<ApplicationRule> {
        self.refuse_foreign("application", &APPLICATION_FIELDS, reading)?;
        let header = |HeaderJson { header_name, header_value }| HttpHeader {
            name: header_name,
            value: header_value,
        };
        let mut target_fqdns = Vec::new();
        let mut target_addresses = Vec::new();
        for target in each(reading, "targetFqdns", self.target_fqdns, notation::target) {
            match target {
                Target::Pattern(pattern) => target_fqdns.push(pattern),
                Target::Address(address) => target_addresses.push(address),
            }
        }
        Some(ApplicationRule {
            name: self.name,
            description: self.description,
            sources: sources(reading, self.source_addresses, self.source_ip_groups),
            protocols: each(reading, "protocols", self.protocols, notation::application_protocol),
            target_fqdns,
            target_addresses,
            target_urls: each(reading, "targetUrls", self.target_urls, notation::url),
            fqdn_tags: self.fqdn_tags.unwrap_or_default(),
            web_categories: self.web_categories.unwrap_or_default(),
            destination_addresses: each(
                reading,
                "destinationAddresses",
                self.destination_addresses,
                notation::destination,
            ),
            terminate_tls: self.terminate_tls,
            http_headers: self
                .http_headers_to_insert
                .unwrap_or_default()
                .into_iter()
                .map(header)
                .collect(),
            unknown_targets: self.unknown_targets.unwrap_or_default(),
        })
    }

    pub(super) fn read_nat(self, reading: &mut Reading) -> Option<NatRule> {
        self.refuse_foreign("nat", &NAT_FIELDS, reading)?;
        let translation = match (&self.translated_address, &self.translated_fqdn) {
            (Some(text), None) => reading
                .field("translatedAddress", text, notation::single_address)
                .map(Translation::Address),
            (None, Some(text)) => {
                reading.field("translatedFqdn", text, notation::fqdn).map(Translation::Fqdn)
            }
            (None, None) | (Some(_), Some(_)) => {
                reading.object("expected just one of `translatedAddress` and `translatedFqdn`");
                None
            }
        };
        let port = self.translated_port.unwrap_or_default();
        let translated_port = reading.field("translatedPort", &port, |text, reading| {
            let port = text.parse().ok().filter(|port| *port != 0);
            if port.is_none() {
                reading.object(format!("expected a port as in `\"22\"`, found `{text}`"));
            }
            port
        });
        Some(NatRule {
            name: self.name,
            description: self.description,
            protocols: each(reading, "ipProtocols", self.ip_protocols, notation::network_protocol),
            sources: sources(reading, self.source_addresses, self.source_ip_groups),
            destination_addresses: each(
                reading,
                "destinationAddresses",
                self.destination_addresses,
                notation::address,
            ),
            destination_ports: each(
                reading,
                "destinationPorts",
                self.destination_ports,
                notation::port,
            ),
            translation: translation?,
            translated_port: translated_port?,
        })
    }

    /// Objects to fields that rules of this kind do not have.
    fn refuse_foreign(&self, kind: &str, own: &[&str], reading: &mut Reading) -> Option<()> {
        let present = [
            ("ipProtocols", self.ip_protocols.is_some()),
            ("protocols", self.protocols.is_some()),
            ("targetFqdns", self.target_fqdns.is_some()),
            ("targetUrls", self.target_urls.is_some()),
            ("fqdnTags", self.fqdn_tags.is_some()),
            ("webCategories", self.web_categories.is_some()),
            ("unknownTargets", self.unknown_targets.is_some()),
            ("destinationIpGroups", self.destination_ip_groups.is_some()),
            ("destinationFqdns", self.destination_fqdns.is_some()),
            ("destinationPorts", self.destination_ports.is_some()),
            ("terminateTLS", self.terminate_tls),
            ("httpHeadersToInsert", self.http_headers_to_insert.is_some()),
            ("translatedAddress", self.translated_address.is_some()),
            ("translatedFqdn", self.translated_fqdn.is_some()),
            ("translatedPort", self.translated_port.is_some()),
        ];
        let mut clean = Some(());
        for (field, _) in present.iter().filter(|(field, there)| *there && !own.contains(field)) {
            let text = format!("rules of kind `{kind}` have no field `{field}`");
            reading.within(*field, |reading| reading.object(text));
            clean = None;
        }
        clean
    }
}

/// The fields of network rules, beside those of all rules.
const NETWORK_FIELDS: [&str; 4] =
    ["ipProtocols", "destinationIpGroups", "destinationFqdns", "destinationPorts"];

/// The fields of application rules, beside those of all rules.
const APPLICATION_FIELDS: [&str; 8] = [
    "protocols",
    "targetFqdns",
    "targetUrls",
    "fqdnTags",
    "webCategories",
    "unknownTargets",
    "terminateTLS",
    "httpHeadersToInsert",
];

/// The fields of NAT rules, beside those of all rules.
const NAT_FIELDS: [&str; 5] =
    ["ipProtocols", "destinationPorts", "translatedAddress", "translatedFqdn", "translatedPort"];

fn each<T>(
    reading: &mut Reading,
    field: &str,
    texts: Texts,
    read: fn(&str, &mut Reading) -> Option<T>,
) -> Vec<T> {
    reading.texts(field, texts.unwrap_or_default(), read)
}

fn sources(reading: &mut Reading, addresses: Texts, ip_groups: Texts) -> Sources {
    Sources {
        addresses: each(reading, "sourceAddresses", addresses, notation::address),
        ip_groups: each(reading, "sourceIpGroups", ip_groups, reading::key),
    }
}
