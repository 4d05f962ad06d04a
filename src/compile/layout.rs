//! Where each rule lies, so that one statement is one element of one list.
//!
//! | group | priority | collection | priority | holds |
//! | --- | --- | --- | --- | --- |
//! | `network` | 1000 | `network-deny` | 100 | denies by address |
//! | | | `network-allow` | 200 | permissions by address |
//! | `application` | 2000 | `application-deny` | 100 | denies by name, exceptions |
//! | | | `application-allow` | 200 | permissions by name |
//! | `closing` | 65000 | `close-infrastructure` | 65000 | the last deny of every name |
//!
//! Names and priorities are fixed; rules lie in order of their names, which depend on their labels
//! alone. A statement that comes or goes is one element in the list of its collection. Azure has no
//! empty collection or group, so the first statement of its kind is one element of the list of
//! collections, or of groups. A permission whose exceptions no list of patterns can leave out is
//! two elements, both in `application`.
//!
//! A group over [`MAX_GROUP_BYTES`] is split: its permissions lie in 2, 4, … groups by a hash of
//! their label (`application`, `application-01`, …), denies in the first. Crossing that limit moves
//! rules; below and above it, one statement is again one element.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::carriage::ApplicationMatch;
use super::carriage::Carried;
use super::carriage::Matcher;
use super::carriage::NetworkMatch;
use super::carriage::v4_part;
use super::naming::bucket;
use super::naming::except_name;
use super::naming::rule_name;
use super::statement::Statement;
use crate::azure::Key;
use crate::azure::Origin;
use crate::azure::RuleId;
use crate::azure::address::AddressEntry;
use crate::azure::key::Priority;
use crate::azure::policy::Action;
use crate::azure::policy::RuleCollection;
use crate::azure::policy::RuleCollectionGroup;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationProtocol;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::Sources;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;

/// The most that a group may take, by the estimate below. Azure's limit is 2 MB of JSON
/// (`azure-firewall.md §6.1`, which splits at 1.8 MB).
const MAX_GROUP_BYTES: usize = 1_800_000;

/// The most groups of a kind: with both kinds and the closing group 33, of the 60 that every
/// source allows (`azure-firewall.md §6.1`).
const MAX_BUCKETS: u64 = 16;

const NETWORK: u16 = 1_000;
const APPLICATION: u16 = 2_000;
const DENY: u16 = 100;
const ALLOW: u16 = 200;

/// The ports at which the proxy looks whatever rules there are, as far as anybody knows
/// (`azure-firewall.md §1.5`), and what a client can show there.
const CLOSED: [ApplicationProtocol; 7] = [
    ApplicationProtocol { protocol: ApplicationProtocolType::Http, port: 80 },
    ApplicationProtocol { protocol: ApplicationProtocolType::Http, port: 443 },
    ApplicationProtocol { protocol: ApplicationProtocolType::Http, port: 1433 },
    ApplicationProtocol { protocol: ApplicationProtocolType::Https, port: 80 },
    ApplicationProtocol { protocol: ApplicationProtocolType::Https, port: 443 },
    ApplicationProtocol { protocol: ApplicationProtocolType::Https, port: 1433 },
    ApplicationProtocol { protocol: ApplicationProtocolType::Mssql, port: 1433 },
];

/// The groups of a list, and which statement each rule comes from.
#[derive(Debug)]
pub(super) struct Layout {
    pub groups: Vec<RuleCollectionGroup>,
    pub origins: BTreeMap<RuleId, Origin>,
}

/// Lays out the rules of `carried` in `policy`, whose parents make the firewall read names on
/// `of_parents`.
pub(super) fn lay_out(
    carried: &[Carried<'_>],
    of_parents: impl Iterator<Item = ApplicationProtocol>,
    policy: &Key,
) -> Layout {
    let mut network: Vec<Placed<'_, NetworkRule>> = Vec::new();
    let mut application: Vec<Placed<'_, ApplicationRule>> = Vec::new();
    let mut closed = BTreeSet::from(CLOSED);
    closed.extend(of_parents.flat_map(shown_beside));
    // Statements that follow each other are often for the same sources.
    let mut before: Option<Senders<'_>> = None;
    for Carried { statement, matcher } in carried {
        let set = &statement.sources.set;
        let known = before.take().filter(|senders| senders.set == set);
        let senders = before.insert(known.unwrap_or_else(|| Senders::of(set)));
        match matcher {
            Matcher::Network(matched) => {
                let rule = network_rule(statement, &senders.sources, matched);
                let bytes = senders.bytes + network_bytes(&rule);
                let name = rule.name.clone();
                network.push(Placed::new(statement, statement.action, name, bytes, rule));
            }
            Matcher::Application(matched) => {
                let rule = application_rule(statement, &senders.sources, matched);
                closed.extend(rule.protocols.iter().copied().flat_map(shown_beside));
                let mut place = |action, rule: ApplicationRule| {
                    let bytes = senders.bytes + application_bytes(&rule);
                    let name = rule.name.clone();
                    application.push(Placed::new(statement, action, name, bytes, rule));
                };
                if !matched.except.is_empty() {
                    place(Action::Deny, except_rule(&rule, statement, matched));
                }
                place(statement.action, rule);
            }
        }
    }
    let mut layout = Layout { groups: Vec::new(), origins: BTreeMap::new() };
    layout.add_kind("network", NETWORK, policy, network, Rules::Network);
    layout.add_kind("application", APPLICATION, policy, application, Rules::Application);
    layout.groups.push(closing_group(closed));
    layout
}

/// The sources of a statement.
#[derive(Debug)]
struct Senders<'a> {
    set: &'a AddressSet,
    sources: Sources,
    /// What they take as JSON.
    bytes: usize,
}

impl<'a> Senders<'a> {
    fn of(set: &'a AddressSet) -> Senders<'a> {
        let addresses = AddressEntry::of_set(&v4_part(set).unwrap_or_default());
        let bytes = texts(&addresses);
        Senders { set, sources: Sources { addresses, ip_groups: Vec::new() }, bytes }
    }
}

/// A rule on its way to a collection.
#[derive(Debug)]
struct Placed<'a, R> {
    label: &'a str,
    file: &'a str,
    action: Action,
    name: String,
    /// What it takes of a group, by the estimate below.
    bytes: usize,
    rule: R,
}

impl<'a, R> Placed<'a, R> {
    fn new(
        statement: &Statement<'a>,
        action: Action,
        name: String,
        bytes: usize,
        rule: R,
    ) -> Placed<'a, R> {
        Placed { label: statement.label, file: statement.file, action, name, bytes, rule }
    }
}

impl Layout {
    fn add_kind<R>(
        &mut self,
        kind: &str,
        priority: u16,
        policy: &Key,
        mut rules: Vec<Placed<'_, R>>,
        collect: impl Fn(Action, Vec<R>) -> Rules,
    ) {
        rules.sort_by(|a, b| a.name.cmp(&b.name));
        let buckets = bucket_count(&rules);
        let mut by_place: BTreeMap<(u64, Action), Vec<Placed<'_, R>>> = BTreeMap::new();
        for rule in rules {
            let place = (bucket_of(&rule, buckets), rule.action);
            by_place.entry(place).or_default().push(rule);
        }
        for index in 0..buckets {
            let group_name =
                if index == 0 { Key::new(kind) } else { Key::new(format!("{kind}-{index:02}")) };
            let mut collections = Vec::new();
            for (action, number) in [(Action::Deny, DENY), (Action::Allow, ALLOW)] {
                let Some(placed) = by_place.remove(&(index, action)) else { continue };
                let word = action.keyword().to_ascii_lowercase();
                let name = Key::new(format!("{kind}-{word}"));
                let mut rules = Vec::new();
                for one in placed {
                    let id = RuleId {
                        policy: policy.clone(),
                        group: group_name.clone(),
                        collection: name.clone(),
                        rule: one.name,
                    };
                    let origin = Origin { file: one.file.to_owned(), label: one.label.to_owned() };
                    self.origins.insert(id, origin);
                    rules.push(one.rule);
                }
                let rules = collect(action, rules);
                collections.push(RuleCollection { name, priority: priority_of(number, 0), rules });
            }
            if !collections.is_empty() {
                let priority = priority_of(priority, index);
                self.groups.push(RuleCollectionGroup { name: group_name, priority, collections });
            }
        }
    }
}

/// `base + index`. All that are used lie in the range.
fn priority_of(base: u16, index: u64) -> Priority {
    u16::try_from(index)
        .ok()
        .and_then(|index| base.checked_add(index))
        .and_then(Priority::new)
        .unwrap_or(Priority::LAST)
}

/// Denies come before all permissions, so they lie in the first group.
fn bucket_of<R>(rule: &Placed<'_, R>, buckets: u64) -> u64 {
    match rule.action {
        Action::Deny => 0,
        Action::Allow => bucket(rule.label, buckets),
    }
}

/// The least power of two of groups none of which is too large, up to [`MAX_BUCKETS`]; past it,
/// the check of Azure's limits speaks.
fn bucket_count<R>(rules: &[Placed<'_, R>]) -> u64 {
    let mut buckets = 1;
    while buckets < MAX_BUCKETS {
        let mut sizes: BTreeMap<u64, usize> = BTreeMap::new();
        for rule in rules {
            *sizes.entry(bucket_of(rule, buckets)).or_default() += rule.bytes;
        }
        if sizes.values().all(|size| *size <= MAX_GROUP_BYTES) {
            break;
        }
        buckets *= 2;
    }
    buckets
}

fn network_rule(
    statement: &Statement<'_>,
    sources: &Sources,
    matched: &NetworkMatch,
) -> NetworkRule {
    NetworkRule {
        name: rule_name(statement.label),
        description: statement.description.map(str::to_owned),
        protocols: matched.protocols.iter().copied().collect(),
        sources: sources.clone(),
        destination_addresses: matched.destinations(),
        destination_ip_groups: Vec::new(),
        destination_fqdns: matched.fqdns.iter().cloned().collect(),
        destination_ports: matched.port_entries(),
    }
}

fn application_rule(
    statement: &Statement<'_>,
    sources: &Sources,
    matched: &ApplicationMatch,
) -> ApplicationRule {
    ApplicationRule {
        name: rule_name(statement.label),
        description: statement.description.map(str::to_owned),
        sources: sources.clone(),
        protocols: matched.protocols.iter().copied().collect(),
        target_fqdns: matched.fqdns.iter().cloned().collect(),
        target_urls: matched.urls.iter().cloned().collect(),
        fqdn_tags: matched.fqdn_tags.iter().cloned().collect(),
        web_categories: matched.web_categories.iter().cloned().collect(),
        ..ApplicationRule::default()
    }
}

/// The deny ahead of the permission of `rule`.
fn except_rule(
    rule: &ApplicationRule,
    statement: &Statement<'_>,
    matched: &ApplicationMatch,
) -> ApplicationRule {
    ApplicationRule {
        name: except_name(statement.label),
        description: rule.description.clone(),
        sources: rule.sources.clone(),
        protocols: rule.protocols.clone(),
        target_fqdns: matched.except.clone(),
        ..ApplicationRule::default()
    }
}

/// All that a client can show on the port of a rule: there the firewall reads names, and an
/// infrastructure rule takes a name whatever its protocol, as far as anybody knows
/// (`azure-firewall.md §2.13`).
fn shown_beside(pair: ApplicationProtocol) -> [ApplicationProtocol; 3] {
    let with = |protocol| ApplicationProtocol { protocol, ..pair };
    [pair, with(ApplicationProtocolType::Http), with(ApplicationProtocolType::Https)]
}

fn closing_group(closed: BTreeSet<ApplicationProtocol>) -> RuleCollectionGroup {
    let rule = ApplicationRule {
        name: "deny-every-name".to_owned(),
        description: Some("closes the built-in infrastructure rules".to_owned()),
        sources: Sources {
            addresses: AddressEntry::of_set(&AddressSet::all()),
            ip_groups: Vec::new(),
        },
        protocols: closed.into_iter().collect(),
        target_fqdns: vec![FqdnPattern::Any],
        ..ApplicationRule::default()
    };
    RuleCollectionGroup {
        name: Key::new("closing"),
        priority: Priority::LAST,
        collections: vec![RuleCollection {
            name: Key::new("close-infrastructure"),
            priority: Priority::LAST,
            rules: Rules::Application(Action::Deny, vec![rule]),
        }],
    }
}

/// What a rule's keys and punctuation take as compact JSON, at most.
const RULE_BYTES: usize = 400;

/// What a quoted list element takes beside its text.
const ELEMENT_BYTES: usize = 4;

/// Without its sources, as those below.
fn network_bytes(rule: &NetworkRule) -> usize {
    let destinations = texts(&rule.destination_addresses) + texts(&rule.destination_fqdns);
    shared_bytes(&rule.name, rule.description.as_deref())
        + destinations
        + texts(&rule.destination_ports)
}

fn application_bytes(rule: &ApplicationRule) -> usize {
    // `{"protocolType":"Https","port":64000},`
    const PROTOCOL_BYTES: usize = 40;
    shared_bytes(&rule.name, rule.description.as_deref())
        + PROTOCOL_BYTES * rule.protocols.len()
        + texts(&rule.target_fqdns)
        + texts(&rule.target_urls)
        + texts(&rule.fqdn_tags)
        + texts(&rule.web_categories)
}

fn shared_bytes(name: &str, description: Option<&str>) -> usize {
    // A character of a description may take six bytes as an escape.
    let described = description.map_or(0, |text| 6 * text.len());
    RULE_BYTES + name.len() + described
}

fn texts<T: std::fmt::Display>(list: &[T]) -> usize {
    list.iter().map(|element| element.to_string().len() + ELEMENT_BYTES).sum()
}
