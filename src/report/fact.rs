//! What is not known, as sentences, and what would settle it.

use super::flow_row::count;
use crate::evidence::Evidence;
use crate::flow::Atom;
use crate::simulate::assumptions;
use crate::simulate::assumptions::Value;

/// `atom` as a sentence where it holds, and as its negation where not.
pub(super) fn sentence(atom: &Atom, holds: bool) -> String {
    let not = if holds { "" } else { "not " };
    match atom {
        Atom::InServiceTag { tag, address } => {
            format!("{address} is {not}in service tag {tag}")
        }
        Atom::TagPrefixLonger { tag, address, bits } => {
            format!("the prefix of service tag {tag} with {address} is {not}longer than /{bits}")
        }
        Atom::FirewallAnswer { name, address } => {
            format!("{address} is {not}in the firewall's answer for {name}")
        }
        Atom::InFqdnTag { tag, host, port } => {
            format!("{host}, port {port}, is {not}in FQDN tag {tag}")
        }
        Atom::InWebCategory { category, url } => {
            format!("{url} is {not}in web category {category}")
        }
        Atom::Infrastructure { host } => {
            format!("{host} is {not}among Azure's infrastructure rules")
        }
        Atom::Resolvable { name } => {
            format!("the firewall can{} resolve {name}", if holds { "" } else { "not" })
        }
        Atom::ThreatListed { indicator } => {
            format!("{indicator} is {not}listed by threat intelligence")
        }
        Atom::ApplicationDestination { rule, address } => {
            format!("{address} is {not}one of the destination addresses of application rule {rule}")
        }
        Atom::PrecededBy { what, source } => {
            format!("{what} from {source} was {not}allowed before")
        }
        Atom::Reading { setting } => reading(setting, holds),
        Atom::Named { name } if holds => name.clone(),
        Atom::Named { name } => format!("not: {name}"),
        Atom::Request { host: Some(host), path } => {
            format!("the request to {host} is {not}for {path}")
        }
        Atom::Request { host: None, path } => format!("the request is {not}for {path}"),
        Atom::ClientAnswer { client, address, name } => {
            format!("{client} was {not}told {address} for {name}")
        }
    }
}

/// A setting with the word of its reading and of the other, what it is about, and where that is
/// discussed.
fn reading(key: &str, holds: bool) -> String {
    let Some(setting) = assumptions::setting(key) else { return key.to_owned() };
    let (first, second) = (setting.word(Value::First), setting.word(Value::Second));
    let (is, is_not) = if holds { (second, first) } else { (first, second) };
    let assumptions::Setting { key, doc, section, .. } = setting;
    format!("{key} is `{is}` and not `{is_not}` ({section}, on: {doc})")
}

/// `KEY=VALUE` for a reading: the second where `holds`, else the first.
pub(super) fn assume(key: &str, holds: bool) -> Option<String> {
    let setting = assumptions::setting(key)?;
    let value = setting.word(if holds { Value::Second } else { Value::First });
    Some(format!("{}={value}", setting.key))
}

/// The facts that a counterexample supposes: readings first, then what holds, then what does not.
pub(super) fn in_order(given: &[(Atom, bool)]) -> Vec<(&Atom, bool)> {
    let mut facts: Vec<(&Atom, bool)> = given.iter().map(|(atom, holds)| (atom, *holds)).collect();
    facts.sort_by_key(|(atom, holds)| (!matches!(atom, Atom::Reading { .. }), !holds));
    facts
}

/// What is known beside lists and deployments, in words.
pub(super) fn evidence(evidence: &Evidence) -> Vec<String> {
    let lock = evidence.lock.as_ref().map(|lock| {
        let names = count(lock.names().count() as u64, "name");
        format!("a lock of {names}")
    });
    let tags = evidence
        .service_tags
        .as_ref()
        .map(|tags| format!("service tags of `{}`, change {}", tags.cloud(), tags.change_number()));
    lock.into_iter().chain(tags).collect()
}

/// What would settle whether `atom` holds, where a counterexample supposes that it does, or not;
/// nothing where nothing can be supplied.
pub(super) fn settle(atom: &Atom, holds: bool) -> Option<String> {
    let way = match atom {
        Atom::Reading { setting } => {
            let pair = assume(setting, !holds)?;
            return Some(format!("if you know the other reading to be true: `--assume {pair}`"));
        }
        Atom::InServiceTag { .. } | Atom::TagPrefixLonger { .. } => {
            "give Microsoft's service-tag file: `--service-tags ServiceTags_Public.json`"
        }
        Atom::FirewallAnswer { .. } | Atom::Resolvable { .. } => {
            "say what the firewall resolves: `exeat lock FILE --server IP`, then `--lock FILE`"
        }
        Atom::Infrastructure { .. } if holds => {
            "suppose that no infrastructure rule lets it out: `--assume infrastructure=empty`"
        }
        Atom::ThreatListed { .. } if holds => {
            "suppose that nothing is listed: `--assume threat_list=empty`"
        }
        // That something is listed is nothing to rely on.
        Atom::Infrastructure { .. } | Atom::ThreatListed { .. } => return None,
        Atom::InFqdnTag { .. } | Atom::InWebCategory { .. } => {
            "nobody publishes it: name what is needed in a rule of its own, or `--accept open`"
        }
        Atom::ApplicationDestination { .. } => {
            "nobody knows what Azure compares them with: take the addresses out of the rule, or `--accept open`"
        }
        Atom::PrecededBy { .. } => {
            "what was let through before decides it: name what is needed in a rule of its own, or `--accept open`"
        }
        Atom::Named { .. } => {
            "no file that was given says it: state it in a deployment file, or in the lock where a name leads there, or `--accept open`"
        }
        Atom::Request { .. } => {
            "the firewall does not see the path: name the host without one, or `--accept open`"
        }
        Atom::ClientAnswer { .. } => {
            "the client's own answers decide it: permit addresses in place of names, or `--accept open`"
        }
    };
    Some(way.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Host;

    #[test]
    fn what_settles_a_fact_says_what_is_true_of_it() {
        let host = || Host::parse("a.example.com").expect("a host");
        let address = || "203.0.113.7".parse().expect("an address");
        let check = |atom: Atom, expected: &str| {
            let way = settle(&atom, true).expect("a way");
            assert!(way.starts_with(expected), "{atom}: {way}");
        };
        let (tag, category) = ("windowsupdate".to_owned(), "news".to_owned());
        check(Atom::InFqdnTag { tag, host: host(), port: 443 }, "nobody publishes it: ");
        let url = "a.example.com".to_owned();
        check(Atom::InWebCategory { category, url }, "nobody publishes it: ");
        let rule = "g/c/r".to_owned();
        let of_rule = Atom::ApplicationDestination { rule, address: address() };
        check(of_rule, "nobody knows what Azure compares them with: ");
        let before = Atom::PrecededBy { what: "an SQL session".to_owned(), source: address() };
        check(before, "what was let through before decides it: ");
        let name = "203.0.113.7 in IP group partners".to_owned();
        check(Atom::Named { name }, "no file that was given says it: ");
    }
}
