//! Rule collection groups.

use serde_json::Value;

use super::Object;
use super::Surroundings;
use super::UnknownValue;
use super::literal;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::deployment::Origin;
use crate::azure::key::Key;
use crate::azure::policy::RuleCollection;
use crate::azure::policy::RuleCollectionGroup;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NatRule;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::Sources;
use crate::azure::rule::Translation;

/// The `properties` of a rule collection group (`azure-firewall.md §7.2`).
///
/// A rule's description is its own, with the permission that it comes from: file and label, never
/// a line, since a line changes with every edit above it.
///
/// # Errors
/// An address or target that is not known.
pub fn group_properties(
    group: &RuleCollectionGroup,
    surroundings: &impl Surroundings,
) -> Result<Value, UnknownValue> {
    let mut collections: Vec<&RuleCollection> = group.collections.iter().collect();
    collections.sort_by_key(|c| (c.priority, c.rules.kind()));
    let collections: Result<Vec<Value>, UnknownValue> =
        collections.into_iter().map(|each| collection(each, surroundings)).collect();
    let properties = Object::new().with("priority", group.priority.get());
    Ok(properties.with_list("ruleCollections", collections?).into())
}

fn collection(
    collection: &RuleCollection,
    surroundings: &impl Surroundings,
) -> Result<Value, UnknownValue> {
    let mut writer = RuleWriter { collection: &collection.name, surroundings, before: None };
    let (form, action, rules): (_, _, Result<Vec<Value>, UnknownValue>) = match &collection.rules {
        Rules::Application(action, rules) => {
            (FILTER, action.keyword(), rules.iter().map(|rule| writer.application(rule)).collect())
        }
        Rules::Network(action, rules) => {
            (FILTER, action.keyword(), rules.iter().map(|rule| writer.network(rule)).collect())
        }
        Rules::Nat(rules) => (NAT, DNAT, rules.iter().map(|rule| writer.nat(rule)).collect()),
    };
    Ok(Object::new()
        .with("ruleCollectionType", form)
        .with_text("name", collection.name.as_str())
        .with("priority", collection.priority.get())
        .with("action", Object::new().with("type", action))
        .with_list("rules", rules?)
        .into())
}

// Application and network collections share one type; their rules tell them apart.
const FILTER: &str = "FirewallPolicyFilterRuleCollection";
const NAT: &str = "FirewallPolicyNatRuleCollection";
const DNAT: &str = "DNAT";

struct RuleWriter<'a, S> {
    collection: &'a Key,
    surroundings: &'a S,
    /// The addresses of the rule before, written: rules that follow each other are often for the
    /// same sources.
    before: Option<(&'a [AddressEntry], Vec<Value>)>,
}

impl<'a, S: Surroundings> RuleWriter<'a, S> {
    fn application(&mut self, rule: &'a ApplicationRule) -> Result<Value, UnknownValue> {
        if let Some(name) = rule.unknown_targets.first() {
            return Err(UnknownValue { name: name.clone() });
        }
        let protocols = rule.protocols.iter().map(|pair| {
            let protocol = Object::new().with("protocolType", pair.protocol.keyword());
            protocol.with("port", pair.port).into()
        });
        let headers = rule.http_headers.iter().map(|header| {
            let name = Object::new().with_text("headerName", &header.name);
            name.with_text("headerValue", &header.value).into()
        });
        let targets = rule.target_fqdns.iter().map(ToString::to_string);
        let targets = targets.chain(rule.target_addresses.iter().map(ToString::to_string));
        let start = self.start("ApplicationRule", &rule.name, rule.description.as_deref());
        Ok(self
            .sources(start.with_list("protocols", protocols.collect()), &rule.sources)?
            .with_texts("targetFqdns", &targets.collect::<Vec<String>>())
            .with_texts("targetUrls", &rule.target_urls)
            .with_texts("fqdnTags", &rule.fqdn_tags)
            .with_texts("webCategories", &rule.web_categories)
            .with_list("destinationAddresses", destinations(&rule.destination_addresses)?)
            .with_some("terminateTLS", rule.terminate_tls.then_some(true))
            .with_list("httpHeadersToInsert", headers.collect())
            .into())
    }

    fn network(&mut self, rule: &'a NetworkRule) -> Result<Value, UnknownValue> {
        let protocols: Vec<&str> = rule.protocols.iter().map(|each| each.keyword()).collect();
        let start = self.start("NetworkRule", &rule.name, rule.description.as_deref());
        Ok(self
            .sources(start.with_texts("ipProtocols", &protocols), &rule.sources)?
            .with_list("destinationAddresses", destinations(&rule.destination_addresses)?)
            .with_list("destinationIpGroups", self.ip_groups(&rule.destination_ip_groups))
            .with_texts("destinationFqdns", &rule.destination_fqdns)
            .with_texts("destinationPorts", &rule.destination_ports)
            .into())
    }

    fn nat(&mut self, rule: &'a NatRule) -> Result<Value, UnknownValue> {
        let protocols: Vec<&str> = rule.protocols.iter().map(|each| each.keyword()).collect();
        let start = self.start("NatRule", &rule.name, rule.description.as_deref());
        let object = self
            .sources(start.with_texts("ipProtocols", &protocols), &rule.sources)?
            .with_list("destinationAddresses", addresses(&rule.destination_addresses)?)
            .with_texts("destinationPorts", &rule.destination_ports);
        let object = match &rule.translation {
            Translation::Address(address) => object.with("translatedAddress", address.to_string()),
            Translation::Fqdn(name) => object.with_text("translatedFqdn", name.as_str()),
        };
        // A text in ARM, where every other port number of a single port is a number.
        Ok(object.with("translatedPort", rule.translated_port.to_string()).into())
    }

    fn start(&self, form: &str, name: &str, description: Option<&str>) -> Object {
        let origin = self.surroundings.origin(self.collection, name);
        Object::new()
            .with("ruleType", form)
            .with_text("name", name)
            .with_some("description", described(description, origin).map(|text| literal(&text)))
    }

    fn sources(&mut self, object: Object, sources: &'a Sources) -> Result<Object, UnknownValue> {
        let entries = sources.addresses.as_slice();
        let written = match self.before.take().filter(|(before, _)| *before == entries) {
            Some((_, written)) => written,
            None => addresses(entries)?,
        };
        self.before = Some((entries, written.clone()));
        Ok(object
            .with_list("sourceAddresses", written)
            .with_list("sourceIpGroups", self.ip_groups(&sources.ip_groups)))
    }

    fn ip_groups(&self, groups: &[Key]) -> Vec<Value> {
        groups.iter().map(|group| self.surroundings.ip_group_id(group).into()).collect()
    }
}

/// A description with the permission that the rule comes from.
fn described(description: Option<&str>, origin: Option<&Origin>) -> Option<String> {
    let origin = origin.map(|Origin { file, label }| format!("{file}, {label}"));
    match (description, origin) {
        (Some(text), Some(origin)) => Some(format!("{text} ({origin})")),
        (Some(text), None) => Some(text.to_owned()),
        (None, origin) => origin,
    }
}

/// The entries of a list of addresses in ARM's notation.
///
/// # Errors
/// An entry that is not known.
pub fn addresses(entries: &[AddressEntry]) -> Result<Vec<Value>, UnknownValue> {
    entries
        .iter()
        .map(|entry| match entry {
            AddressEntry::Unknown(name) => Err(UnknownValue { name: name.clone() }),
            AddressEntry::Any
            | AddressEntry::Address(_)
            | AddressEntry::Prefix(_)
            | AddressEntry::Range(_) => Ok(entry.to_string().into()),
        })
        .collect()
}

fn destinations(entries: &[DestinationEntry]) -> Result<Vec<Value>, UnknownValue> {
    entries
        .iter()
        .map(|entry| match entry {
            DestinationEntry::Addresses(AddressEntry::Unknown(name)) => {
                Err(UnknownValue { name: name.clone() })
            }
            DestinationEntry::Addresses(_) | DestinationEntry::ServiceTag(_) => {
                Ok(literal(&entry.to_string()).into())
            }
        })
        .collect()
}
