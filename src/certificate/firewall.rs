//! What the firewall lets through, rule by rule, as its policy is written.
//!
//! Written from `azure-firewall.md §10.2` and the sections it names, for a flow without a live
//! session: network rules first, then the proxy, then application rules.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::CertificateError;
use super::order::InOrder;
use super::order::Placed;
use super::script::End;
use super::script::Script;
use super::script::is_icmp;
use super::script::ports;
use super::script::prefixes;
use super::script::protocol;
use super::template::Pair;
use super::template::Resources;
use super::template::Rule;
use super::template::Snat;
use super::template::named_by;
use super::template::text;
use super::term::Term;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::address::AddressRange;

/// The ports that are proxied whatever the rules say (`azure-firewall.md §1.5`).
const ALWAYS_PROXIED: [u16; 2] = [80, 443];

/// What stands for Azure's own private ranges, and what they are (`azure-firewall.md §4.2`).
const IANA: &str = "IANAPrivateRanges";
const IANA_RANGES: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

/// The addresses of IPv6 that keep their source (`azure-firewall.md §1.13`).
const UNIQUE_LOCAL: [&str; 1] = ["fc00::/7"];

/// The ports to which Azure SQL sends clients on (`azure-firewall.md §2.11`).
const SQL_REDIRECT: (u16, u16) = (11_000, 11_999);

/// A protocol that application rules are about (`azure-firewall.md §2.2`).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Application {
    Http,
    Https,
    Mssql,
}

/// Writes the rules of a policy and its parents.
pub(super) struct Firewall<'f, 's, 'a> {
    pub(super) script: &'s mut Script<'a>,
    pub(super) resources: &'f Resources,
    pub(super) rules: &'f InOrder<'f>,
    /// What the symbols of it begin with.
    pub(super) prefix: &'f str,
}

impl<'f> Firewall<'f, '_, '_> {
    /// The flow is let through.
    pub(super) fn lets_through(mut self) -> Result<Term, CertificateError> {
        for policy in &self.rules.chain {
            if policy.has_explicit_proxy {
                let at = format!("policy `{}`", policy.name);
                return Err(CertificateError::NotCovered { what: "an explicit proxy", at });
            }
        }
        let (matched, allowed) = self.first("network", &self.rules.network, Self::network_rule)?;
        self.script.comment("source NAT needs ports (azure-firewall.md §1.12)");
        let keeps = self.keeps_source()?;
        let delivered = Term::any([Term::written("has-ports"), keeps]);
        let by_network = Term::all([allowed, delivered]);
        let Expected { pairs, senders } = self.expected()?;
        self.script.comment("what the proxy takes, and what it takes it for (§1.5, §2.2, §2.5)");
        let sniffed = self.sniffed(&pairs)?;
        let collections = &self.rules.application;
        let (ruled, allowed) = self.first("application", collections, Self::application_rule)?;
        let infrastructure = self.script.is_infrastructure()?;
        let infrastructure = Term::all([Term::not(&ruled), infrastructure]);
        let by_application = Term::all([sniffed, Term::any([allowed, infrastructure])]);
        let redirected = self.sql_redirect(&senders)?;
        let after = Term::any([redirected, by_application]);
        let lets_through = Term::choose(&matched, &by_network, &after);
        Ok(self.define("lets-through", &lets_through))
    }

    fn define(&mut self, name: &str, term: &Term) -> Term {
        self.script.define(&format!("{}{name}", self.prefix), term)
    }

    /// What the first of the rules that matches says: whether there is one, and whether it allows.
    /// Rules of a collection have one action, so which of them is first makes no difference.
    fn first(
        &mut self,
        kind: &str,
        collections: &[Placed<'f>],
        write: impl Fn(&mut Self, &Rule, &str) -> Result<Term, CertificateError>,
    ) -> Result<(Term, Term), CertificateError> {
        let mut said = Vec::new();
        let mut number = 0;
        for placed in collections {
            let mut rules = Vec::new();
            for rule in &placed.collection.rules {
                number += 1;
                let at = placed.rule(&text(&rule.name));
                let matches = write(self, rule, &at)?;
                let verb = if placed.allows { "allows" } else { "denies" };
                self.script.comment(&format!("{at}, {verb}"));
                rules.push(self.define(&format!("{kind}-{number}"), &matches));
            }
            said.push((Term::any(rules), placed.allows));
        }
        let matched = Term::any(said.iter().map(|(rules, _)| rules.clone()));
        let matched = self.define(&format!("{kind}-matches"), &matched);
        let mut allowed = Term::never();
        for (rules, allows) in said.iter().rev() {
            allowed = if *allows {
                Term::any([rules.clone(), allowed])
            } else {
                Term::all([Term::not(rules), allowed])
            };
        }
        let allowed = self.define(&format!("{kind}-allows"), &allowed);
        Ok((matched, allowed))
    }

    /// A network rule matches (`azure-firewall.md §3.1`, §1.12).
    fn network_rule(&mut self, rule: &Rule, at: &str) -> Result<Term, CertificateError> {
        if self.has_empty_group(&rule.source_ip_groups, at)?
            || self.has_empty_group(&rule.destination_ip_groups, at)?
        {
            return Ok(Term::never());
        }
        let from = self.sources(rule, at)?;
        let mut there = Entries::default();
        let mut to = Vec::new();
        for written in &rule.destination_addresses {
            let entry = text(written);
            // What is none of addresses is a service tag (`azure-firewall.md §3.3`).
            if !there.add(&entry, at)? {
                to.push(self.script.in_service_tag(&entry, at)?);
            }
        }
        self.add_groups(&mut there, &rule.destination_ip_groups, at)?;
        to.push(there.hold(self.script, End::Destination));
        for written in &rule.destination_fqdns {
            let name = Fqdn::parse(&text(written))
                .map_err(|_| value(at, "a host name", &text(written)))?;
            to.push(self.script.firewall_holds(&name, at)?);
        }
        let every_port = rule.destination_ports.iter().any(|port| port == "*");
        let mut at_port = Vec::new();
        for written in &rule.destination_ports {
            at_port.push(port_entry(&text(written), at)?);
        }
        let at_port = Term::any(at_port);
        let mut carried = Vec::new();
        for word in &rule.ip_protocols {
            let with_port = |wanted| Term::all([protocol(wanted), at_port.clone()]);
            carried.push(match word.as_str() {
                "Any" if every_port => Term::always(),
                "Any" => Term::all([Term::written("has-ports"), at_port.clone()]),
                "TCP" => with_port(IpProtocol::TCP),
                "UDP" => with_port(IpProtocol::UDP),
                "ICMP" => is_icmp(),
                other => return Err(value(at, "`Any`, `TCP`, `UDP` or `ICMP`", other)),
            });
        }
        Ok(Term::all([from, Term::any(to), Term::any(carried)]))
    }

    /// An application rule matches (`azure-firewall.md §2.2`, §2.3).
    fn application_rule(&mut self, rule: &Rule, at: &str) -> Result<Term, CertificateError> {
        for (has, what) in [
            (rule.terminate_tls, "TLS inspection"),
            (!rule.target_urls.is_empty(), "URLs"),
            (!rule.web_categories.is_empty(), "web categories"),
            (!rule.destination_addresses.is_empty(), "addresses of application rules"),
            (!rule.unknown_targets.is_empty(), "targets that an import could not know"),
        ] {
            if has {
                return Err(CertificateError::NotCovered { what, at: at.to_owned() });
            }
        }
        if self.has_empty_group(&rule.source_ip_groups, at)? {
            return Ok(Term::never());
        }
        let from = self.sources(rule, at)?;
        let mut wanted = Vec::new();
        for written in &rule.target_fqdns {
            let written = text(written);
            // An address is read and matches nothing (`azure-firewall.md §2.3`).
            if written.parse::<IpAddr>().is_ok() {
                continue;
            }
            let pattern = FqdnPattern::parse(&written)
                .map_err(|_| value(at, "a host name, or `*` and the end of one", &written))?;
            wanted.push(self.script.name(&pattern));
        }
        for tag in &rule.fqdn_tags {
            wanted.push(self.script.in_fqdn_tag(&text(tag), at)?);
        }
        let mut carried = Vec::new();
        for pair in &rule.protocols {
            let (application, port) = pair_of(pair, at)?;
            carried.push(Term::all([ports(port, port), seen_as(application)]));
        }
        Ok(Term::all([from, Term::any(wanted), Term::any(carried)]))
    }

    /// What the application rules expect of the proxy.
    fn expected(&self) -> Result<Expected<'f>, CertificateError> {
        let mut pairs = BTreeSet::new();
        let mut senders = Vec::new();
        for placed in &self.rules.application {
            for rule in &placed.collection.rules {
                let at = placed.rule(&text(&rule.name));
                let mut speaks_sql = false;
                for pair in &rule.protocols {
                    let (application, port) = pair_of(pair, &at)?;
                    speaks_sql |= application == Application::Mssql;
                    pairs.insert((application, port));
                }
                if speaks_sql && placed.allows {
                    senders.push(SqlSender { rule, at });
                }
            }
        }
        Ok(Expected { pairs, senders })
    }

    /// The proxy takes the flow, and sees a host of a protocol that it knows.
    fn sniffed(
        &mut self,
        expected: &BTreeSet<(Application, u16)>,
    ) -> Result<Term, CertificateError> {
        let of_rules: BTreeSet<u16> = expected.iter().map(|(_, port)| *port).collect();
        let only_of_rules = self.script.proxies_ports_of_rules_only()?;
        let always = Term::any(ALWAYS_PROXIED.map(|port| ports(port, port)));
        let always = Term::all([Term::not(&only_of_rules), always]);
        let of_rules = Term::any(of_rules.iter().map(|port| ports(*port, *port)));
        let taken = Term::all([
            protocol(IpProtocol::TCP),
            Term::not(&Term::written("ipv6")),
            Term::any([of_rules, always]),
        ]);
        // A request for another port is dropped; one without a port is for 80.
        let written = Term::written("(= host-port port)");
        let any_port = self.script.unwritten_port_is_any()?;
        let unwritten = Term::any([ports(80, 80), any_port]);
        let fits = Term::choose(&Term::written("writes-a-port"), &written, &unwritten);
        let http = Term::all([Term::written("is-http"), fits]);
        let sql = expected.iter().filter(|(application, _)| *application == Application::Mssql);
        let at_sql = Term::any(sql.map(|(_, port)| ports(*port, *port)));
        let mssql = Term::all([Term::written("is-mssql"), at_sql]);
        let known = Term::any([http, Term::written("is-tls"), mssql]);
        let sniffed = Term::all([taken, Term::written("shows-a-host"), known]);
        Ok(self.define("is-proxied", &sniffed))
    }

    /// The source keeps its address (`azure-firewall.md §4.2`, §1.13).
    fn keeps_source(&mut self) -> Result<Term, CertificateError> {
        let stated = self.rules.chain.iter().rev().find_map(|policy| policy.snat.as_ref());
        let Some(Snat { private_ranges, learns }) = stated else {
            let to_private = self.script.private_destination();
            return Ok(self.define("keeps-its-source", &to_private));
        };
        let iana = private_ranges.is_empty() || private_ranges.iter().any(|one| one == IANA);
        let mut ranges = prefixes(&UNIQUE_LOCAL);
        if iana {
            ranges.extend(prefixes(&IANA_RANGES));
        }
        for written in private_ranges.iter().filter(|one| *one != IANA) {
            let prefix: Result<IpNet, _> = written.parse();
            let prefix = prefix.map_err(|_| value("private ranges", "a prefix", written))?;
            ranges.push(prefix.into());
        }
        let mut keeps = vec![self.script.among(End::Destination, ranges)];
        if *learns {
            let words = "the destination in the ranges that the firewall learned";
            let learned = self.script.fact(words, "private ranges")?;
            keeps.push(Term::all([Term::not(&Term::written("ipv6")), learned]));
        }
        Ok(self.define("keeps-its-source", &Term::any(keeps)))
    }

    /// A session that an SQL server has sent on (`azure-firewall.md §2.11`, modelling choice).
    fn sql_redirect(&mut self, senders: &[SqlSender<'f>]) -> Result<Term, CertificateError> {
        if !self.rules.chain.last().is_some_and(|policy| policy.redirects_sql) {
            return Ok(Term::never());
        }
        let mut sent = Vec::new();
        for SqlSender { rule, at } in senders {
            sent.push(self.sources(rule, at)?);
        }
        let preceded =
            self.script.fact("an SQL session from the source was allowed before", "SQL")?;
        let (first, last) = SQL_REDIRECT;
        let redirected =
            Term::all([protocol(IpProtocol::TCP), ports(first, last), Term::any(sent), preceded]);
        Ok(self.define("is-sent-on-by-sql", &redirected))
    }

    /// The source is among those of a rule.
    fn sources(&mut self, rule: &Rule, at: &str) -> Result<Term, CertificateError> {
        let mut from = Entries::default();
        from.add_all(&rule.source_addresses, at)?;
        self.add_groups(&mut from, &rule.source_ip_groups, at)?;
        Ok(from.hold(self.script, End::Source))
    }

    fn add_groups(
        &self,
        entries: &mut Entries,
        ids: &[String],
        at: &str,
    ) -> Result<(), CertificateError> {
        ids.iter().try_for_each(|id| entries.add_all(self.group(id, at)?, at))
    }

    /// A rule that refers to an empty group is skipped as a whole (`azure-firewall.md §3.4`).
    fn has_empty_group(&self, ids: &[String], at: &str) -> Result<bool, CertificateError> {
        for id in ids {
            if self.group(id, at)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The addresses of a group.
    fn group(&self, id: &str, at: &str) -> Result<&'f [String], CertificateError> {
        let name = named_by(id, at)?;
        let found = self.resources.ip_groups.get(&name.to_ascii_lowercase());
        let missing = || CertificateError::Missing { at: at.to_owned(), what: "IP group", name };
        found.map(Vec::as_slice).ok_or_else(missing)
    }
}

/// Entries of lists of addresses.
#[derive(Debug, Default)]
struct Entries {
    /// `*` is among them.
    all: bool,
    ranges: Vec<AddressRange>,
}

impl Entries {
    /// Adds an entry; false where it is none of addresses.
    fn add(&mut self, entry: &str, at: &str) -> Result<bool, CertificateError> {
        if entry == "*" {
            self.all = true;
            return Ok(true);
        }
        if entry.starts_with("unknown:") {
            let what = "addresses that an import could not know";
            return Err(CertificateError::NotCovered { what, at: at.to_owned() });
        }
        if let Ok(address) = entry.parse::<IpAddr>() {
            self.ranges.push(address.into());
            return Ok(true);
        }
        if let Ok(prefix) = entry.parse::<IpNet>() {
            self.ranges.push(prefix.into());
            return Ok(true);
        }
        let Some((first, last)) = entry.split_once('-') else { return Ok(false) };
        let (Ok(first), Ok(last)) = (first.parse(), last.parse()) else { return Ok(false) };
        let range = AddressRange::new(first, last);
        self.ranges.push(range.ok_or_else(|| value(at, "a range from low to high", entry))?);
        Ok(true)
    }

    /// Adds entries that must be addresses.
    fn add_all(&mut self, written: &[String], at: &str) -> Result<(), CertificateError> {
        for entry in written {
            let entry = text(entry);
            if !self.add(&entry, at)? {
                return Err(value(at, "an address, a prefix, a range or `*`", &entry));
            }
        }
        Ok(())
    }

    /// The end is one of the addresses.
    fn hold(self, script: &mut Script<'_>, end: End) -> Term {
        if self.all { Term::always() } else { script.among(end, self.ranges) }
    }
}

/// What application rules expect.
struct Expected<'f> {
    /// All pairs of protocol and port, of rules that deny, too.
    pairs: BTreeSet<(Application, u16)>,
    senders: Vec<SqlSender<'f>>,
}

/// A rule that lets SQL out.
struct SqlSender<'f> {
    rule: &'f Rule,
    at: String,
}

fn value(at: &str, expected: &'static str, found: &str) -> CertificateError {
    CertificateError::Value { at: at.to_owned(), expected, found: found.to_owned() }
}

fn port_entry(entry: &str, at: &str) -> Result<Term, CertificateError> {
    if entry == "*" {
        return Ok(Term::always());
    }
    let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) if first <= last => Ok(ports(first, last)),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => {
            Err(value(at, "a port, a range of ports or `*`", entry))
        }
    }
}

fn pair_of(pair: &Pair, at: &str) -> Result<(Application, u16), CertificateError> {
    let expected = "`Http`, `Https` or `Mssql`, and a port";
    let (word, port) = match pair {
        Pair::Object { protocol_type, port } => (protocol_type.as_str(), *port),
        Pair::Text(text) => {
            let (word, port) = text.split_once(':').ok_or_else(|| value(at, expected, text))?;
            (word, port.parse().map_err(|_| value(at, expected, text))?)
        }
    };
    let application = match word {
        "Http" => Application::Http,
        "Https" => Application::Https,
        "Mssql" => Application::Mssql,
        other => return Err(value(at, expected, other)),
    };
    Ok((application, port))
}

/// The first bytes are of this protocol.
fn seen_as(application: Application) -> Term {
    Term::written(match application {
        Application::Http => "is-http",
        Application::Https => "is-tls",
        Application::Mssql => "is-mssql",
    })
}
