//! What one firewall does with all flows: steps 1 to 13 of `azure-firewall.md §10.2`.

use std::collections::BTreeMap;

use super::application::Inspection;
use super::atom::FlowAtom;
use super::atom::HostOf;
use super::atom::Party;
use super::atom::Subject;
use super::encoder::Encoder;
use super::encoder::Ends;
use super::encoder::PortOf;
use super::formula::Formula;
use super::matching::SeenPath;
use super::matching::View;
use crate::azure::Key;
use crate::azure::policy::Action;
use crate::azure::policy::ExplicitProxy;
use crate::azure::policy::Rules;
use crate::azure::policy::ThreatIntelMode;
use crate::azure::policy::Tier;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::SQL_REDIRECT_PORTS;
use crate::azure::rule::Translation;
use crate::flow::AddressSet;
use crate::flow::IpProtocol;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::set::flows::PayloadForm;
use crate::simulate::assumptions::NETWORK_DENY_BEATS_DNAT;
use crate::simulate::assumptions::PARENT_DNAT_INHERITED;
use crate::simulate::assumptions::PROXY_PORTS_BASE;
use crate::simulate::firewall::PROXIED_PORTS;
use crate::simulate::policy::DnsProxy;
use crate::simulate::policy::Enforced;
use crate::simulate::special_purpose::private_addresses;

/// What becomes of the flows that reach a firewall. What is in none of it is denied.
#[derive(Clone, Debug)]
pub(super) struct Handled {
    /// The firewall answers itself.
    pub(super) local: Formula,
    /// It lets them through: each way of leaving it, and which flows do so.
    pub(super) passes: BTreeMap<Onward, Formula>,
    /// TLS that it decrypts and of which no request is told.
    pub(super) decrypted_unseen: Formula,
}

/// How flows leave a firewall.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Onward {
    /// What their ends are from here on, but for source NAT.
    pub(super) ends: Ends,
    /// Whether the source is an address of the firewall from here on.
    pub(super) translated: bool,
    /// The name that they are sent to, where it is the firewall that resolves it.
    pub(super) to: Option<Target>,
}

/// A name that a firewall resolves.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Target {
    /// The one that the flow shows.
    Host(HostOf),
    /// The one of a DNAT rule.
    Rule(String),
}

/// A firewall that flows reach with these ends.
pub(super) struct Gate<'e, 'f, 'a> {
    pub(super) encoder: &'e mut Encoder<'a>,
    pub(super) enforced: &'f Enforced<'a>,
    pub(super) ends: Ends,
    /// The flows that get as far as what is being looked at. What each rule matches is written
    /// without it, and they meet once, where they pass.
    pub(super) reaching: Formula,
    pub(super) handled: Handled,
}

impl<'a> Encoder<'a> {
    /// What becomes of the flows that reach a firewall, known by its name, with these ends.
    pub(super) fn gate(
        &mut self,
        name: Option<&'a Key>,
        enforced: &Enforced<'a>,
        ends: Ends,
    ) -> Handled {
        if let Some(handled) = self.handled.get(&(name, ends)) {
            return handled.clone();
        }
        let handled = Handled {
            local: Formula::NEVER,
            passes: BTreeMap::new(),
            decrypted_unseen: Formula::NEVER,
        };
        let mut gate = Gate { encoder: self, enforced, ends, reaching: Formula::ALWAYS, handled };
        gate.handle();
        let handled = gate.handled;
        self.handled.insert((name, ends), handled.clone());
        handled
    }
}

impl Gate<'_, '_, '_> {
    fn handle(&mut self) {
        let rest = self.local(Formula::ALWAYS);
        let v4 = self.encoder.address(self.ends.destination, &v4());
        let mut threats = Vec::new();
        for party in [self.ends.destination, self.ends.source] {
            threats.push(self.is_threat(party));
        }
        let threat = self.encoder.any(threats);
        let threat = self.encoder.all([v4, threat]);
        let rest = self.encoder.without(rest, threat);
        let rest = self.dnat(rest);
        let rest = self.network(rest);
        let rest = self.sql_redirect(rest);
        let taken = self.intercepted();
        self.reaching = self.encoder.all([rest, taken]);
        if self.reaching == Formula::NEVER {
            return;
        }
        let view = self.sniffed();
        self.application(&view, Inspection::ByRule);
    }

    /// Flows of `when` leave the firewall so.
    pub(super) fn pass(&mut self, when: Formula, onward: Onward) {
        let when = self.encoder.all([self.reaching, when]);
        let before = self.handled.passes.get(&onward).copied().unwrap_or(Formula::NEVER);
        let joined = self.encoder.any([before, when]);
        if joined != Formula::NEVER {
            self.handled.passes.insert(onward, joined);
        }
    }

    /// Step 1: the firewall's own services at its private address. Gives those of `rest` that it
    /// does not answer.
    fn local(&mut self, rest: Formula) -> Formula {
        let Some(firewall) = self.enforced.firewall else { return rest };
        let own = AddressSet::from(firewall.private_address);
        let here = self.encoder.address(self.ends.destination, &own);
        let here = self.encoder.all([rest, here]);
        if here == Formula::NEVER {
            return rest;
        }
        let proxies_dns = match self.enforced.dns_proxy() {
            DnsProxy::Off => Formula::NEVER,
            DnsProxy::On => Formula::ALWAYS,
            DnsProxy::In(setting) => self.encoder.second_reading(setting),
        };
        let has_ports = self.encoder.has_ports();
        let port = self.encoder.is_port(self.ends.port, 53);
        let dns = self.encoder.all([here, has_ports, port, proxies_dns]);
        self.handled.local = self.encoder.any([self.handled.local, dns]);
        let rest = self.encoder.without(rest, dns);
        let Some(proxy) = self.enforced.explicit_proxy() else { return rest };
        let tcp = self.encoder.protocol([IpProtocol::TCP]);
        let here = self.encoder.all([here, tcp]);
        let here = self.encoder.without(here, dns);
        let taken = self.explicit_proxy(here, proxy);
        self.encoder.without(rest, taken)
    }

    /// The flows of `here` that the explicit proxy takes (`azure-firewall.md §2.12`).
    fn explicit_proxy(&mut self, here: Formula, proxy: &ExplicitProxy) -> Formula {
        let at = |encoder: &mut Encoder<'_>, ends: Ends, port: Option<u16>| {
            port.map_or(Formula::NEVER, |port| encoder.is_port(ends.port, port))
        };
        let pac_port = if proxy.enable_pac_file { proxy.pac_file_port } else { None };
        let pac = at(self.encoder, self.ends, pac_port);
        let pac = self.encoder.all([here, pac]);
        self.handled.local = self.encoder.any([self.handled.local, pac]);
        let rest = self.encoder.without(here, pac);
        let https = at(self.encoder, self.ends, proxy.https_port);
        let http = at(self.encoder, self.ends, proxy.http_port);
        let for_443 = PortRange::single(443).into();
        let asks_for_443 = self.encoder.request_port(false, &for_443);
        // On the HTTPS port, or for port 443, it is a CONNECT.
        let connects = self.encoder.any([https, asks_for_443]);
        let proxied = self.encoder.any([https, http]);
        let proxied = self.encoder.all([rest, proxied]);
        for (form, host) in
            [(PayloadForm::Http, HostOf::Wire), (PayloadForm::TlsWithRequest, HostOf::Inner)]
        {
            let form = self.encoder.payload([form]);
            let shown = self.encoder.is_shown(host);
            let asked = self.encoder.all([proxied, form, shown]);
            let connecting = self.encoder.all([asked, connects]);
            let plain = self.encoder.without(asked, connects);
            for (protocol, usual, when) in [
                (ApplicationProtocolType::Https, 443, connecting),
                (ApplicationProtocolType::Http, 80, plain),
            ] {
                let view = View {
                    source: self.ends.source,
                    destination: self.ends.destination,
                    port: PortOf::Request(usual),
                    host,
                    seen: [(protocol, when)].into(),
                    path: SeenPath::Hidden,
                };
                self.reaching = when;
                self.application(&view, Inspection::Never);
                self.reaching = Formula::ALWAYS;
            }
        }
        self.encoder.any([pac, proxied])
    }

    /// Steps 3 and 8: threat intelligence denies because of this address, whatever its family.
    fn is_threat(&mut self, party: Party) -> Formula {
        if self.enforced.threat_intel_mode() != ThreatIntelMode::Deny {
            return Formula::NEVER;
        }
        let listed = self.encoder.ask(FlowAtom::AddressListed { address: party });
        if listed == Formula::NEVER {
            return Formula::NEVER;
        }
        let allowed = [party, self.ends.destination].map(|one| self.threat_allowed(one));
        let allowed = self.encoder.any(allowed);
        self.encoder.without(listed, allowed)
    }

    /// Threat intelligence leaves the address alone.
    fn threat_allowed(&mut self, party: Party) -> Formula {
        let lists = self.enforced.policies().map(|policy| &policy.threat_intel_allowlist);
        let entries: Vec<_> = lists.flat_map(|list| &list.addresses).cloned().collect();
        self.encoder.entries(party, &entries)
    }

    /// Step 8: threat intelligence denies because of the host.
    pub(super) fn is_threat_by_host(&mut self, host: HostOf) -> Formula {
        if self.enforced.threat_intel_mode() != ThreatIntelMode::Deny {
            return Formula::NEVER;
        }
        let listed = self.encoder.ask(FlowAtom::HostListed { host });
        if listed == Formula::NEVER {
            return Formula::NEVER;
        }
        let names = self.encoder.is_literal(host);
        let names = self.encoder.not(names);
        let patterns = self.enforced.threat_allowed_names();
        let by_name = self.encoder.matches(host, patterns);
        let by_name = self.encoder.all([names, by_name]);
        let by_address = self.threat_allowed(Party::Literal(host));
        let by_destination = self.threat_allowed(self.ends.destination);
        let allowed = self.encoder.any([by_name, by_address, by_destination]);
        self.encoder.without(listed, allowed)
    }

    /// Step 4: DNAT rules. Gives those of `rest` that are not for an address of the firewall.
    fn dnat(&mut self, rest: Formula) -> Formula {
        let Some(firewall) = self.enforced.firewall else { return rest };
        let is_v4 = |address: &&std::net::IpAddr| address.is_ipv4();
        let public = firewall.public_addresses.iter().filter(is_v4);
        let public = public.fold(AddressSet::empty(), |all, one| all.union(&(*one).into()));
        let own = public.union(&firewall.private_address.into()).intersection(&v4());
        // Basic translates at public addresses only.
        let works = if self.enforced.tier == Tier::Basic { &public } else { &own };
        let reached = self.encoder.address(self.ends.destination, &own);
        let reached = self.encoder.all([rest, reached]);
        let after = self.encoder.without(rest, reached);
        let works = self.encoder.address(self.ends.destination, works);
        let mut open = self.encoder.all([reached, works]);
        if open == Formula::NEVER {
            return after;
        }
        for placed in &self.enforced.nat {
            let Rules::Nat(rules) = &placed.collection.rules else { continue };
            for rule in rules {
                let flows = self.encoder.nat_rule(rule, self.ends);
                let flows = self.encoder.remember(placed.rule_id(&rule.name), flows);
                let mut hit = vec![open, flows];
                if let Translation::Fqdn(name) = &rule.translation {
                    let resolvable = FlowAtom::TargetResolvable { name: name.clone() };
                    hit.push(self.encoder.ask(resolvable));
                }
                if !self.enforced.is_own_policy(placed.policy) {
                    let not_inherited = self.encoder.second_reading(PARENT_DNAT_INHERITED);
                    hit.push(self.encoder.not(not_inherited));
                }
                let hit = self.encoder.all(hit);
                open = self.encoder.without(open, hit);
                self.translate(hit, &rule.translation, rule.translated_port);
            }
        }
        after
    }

    /// The flows of `hit` are sent on to what a DNAT rule says.
    fn translate(&mut self, hit: Formula, translation: &Translation, port: u16) {
        // §4.1: not supported with forced tunnelling.
        let is_tunnelled = self.enforced.firewall.is_some_and(|one| one.forced_tunneling);
        if hit == Formula::NEVER || is_tunnelled {
            return;
        }
        let (destination, to) = match translation {
            Translation::Address(address) => (Party::Address(*address), None),
            Translation::Fqdn(name) => {
                (self.ends.destination, Some(Target::Rule(name.to_string())))
            }
        };
        let ends = Ends { destination, port: PortOf::Fixed(port), ..self.ends };
        let (_, denied) = self.network_rules(ends);
        let beats = self.encoder.second_reading(NETWORK_DENY_BEATS_DNAT);
        let denied = self.encoder.all([denied, beats]);
        let passes = self.encoder.without(hit, denied);
        self.pass(passes, Onward { ends, translated: true, to });
    }

    /// What the network rules allow, and what they deny.
    fn network_rules(&mut self, ends: Ends) -> (Formula, Formula) {
        let mut allowed = Formula::NEVER;
        let mut every = Vec::new();
        for placed in self.enforced.network.iter().rev() {
            let Rules::Network(action, rules) = &placed.collection.rules else { continue };
            let rules: Vec<Formula> = rules
                .iter()
                .map(|rule| {
                    let flows = self.encoder.network_rule(rule, ends);
                    self.encoder.remember(placed.rule_id(&rule.name), flows)
                })
                .collect();
            let rules = self.encoder.any(rules);
            allowed = match action {
                Action::Allow => self.encoder.any([rules, allowed]),
                Action::Deny => self.encoder.without(allowed, rules),
            };
            every.push(rules);
        }
        let matched = self.encoder.any(every);
        (allowed, self.encoder.without(matched, allowed))
    }

    /// Steps 5 and 5a. Gives those of `rest` that no network rule matches.
    fn network(&mut self, rest: Formula) -> Formula {
        let (allowed, denied) = self.network_rules(self.ends);
        let matched = self.encoder.any([allowed, denied]);
        let after = self.encoder.without(rest, matched);
        let allowed = self.encoder.all([rest, allowed]);
        let has_ports = self.encoder.has_ports();
        let translated = self.translated();
        // Source NAT needs ports (`azure-firewall.md §1.12`).
        let with_nat = self.encoder.all([allowed, translated, has_ports]);
        let without_nat = self.encoder.without(allowed, translated);
        self.pass(with_nat, Onward { ends: self.ends, translated: true, to: None });
        self.pass(without_nat, Onward { ends: self.ends, translated: false, to: None });
        after
    }

    /// Where network rules translate the source (`azure-firewall.md §4.2`).
    fn translated(&mut self) -> Formula {
        let destination = self.ends.destination;
        let v6 = AddressSet::all().difference(&v4());
        // §1.13: always, except within fc00::/7.
        let v6 = self.encoder.address(destination, &v6.difference(private_addresses()));
        let snat = self.enforced.source_nat();
        let own = match &snat {
            Some((ranges, _)) => ranges.clone(),
            None => private_addresses().clone(),
        };
        let mut v4 = self.encoder.address(destination, &v4().difference(&own));
        if snat.is_some_and(|(_, learns)| learns) {
            let after = " in the ranges that the firewall learned".to_owned();
            let learned = self.encoder.address_named(destination, after);
            v4 = self.encoder.without(v4, learned);
        }
        self.encoder.any([v4, v6])
    }

    /// Sessions that an SQL server sends on (`azure-firewall.md §2.11`). Gives the others.
    fn sql_redirect(&mut self, rest: Formula) -> Formula {
        if !self.enforced.allows_sql_redirect() {
            return rest;
        }
        let tcp = self.encoder.protocol([IpProtocol::TCP]);
        let ports = PortRange::new(*SQL_REDIRECT_PORTS.start(), *SQL_REDIRECT_PORTS.end());
        let ports: PortSet = ports.into_iter().collect();
        let port = self.encoder.port(self.ends.port, &ports);
        let mut senders = Vec::new();
        for placed in &self.enforced.application {
            let Rules::Application(Action::Allow, rules) = &placed.collection.rules else {
                continue;
            };
            let speak_sql = rules.iter().filter(|rule| {
                rule.protocols.iter().any(|pair| pair.protocol == ApplicationProtocolType::Mssql)
            });
            for rule in speak_sql {
                senders.push(self.encoder.rule_sources(&rule.sources, self.ends.source));
            }
        }
        let sender = self.encoder.any(senders);
        let (what, source) = ("an SQL session".to_owned(), self.ends.source);
        let preceded = self.encoder.ask(FlowAtom::PrecededBy { what, source });
        let redirected = self.encoder.all([rest, tcp, port, sender, preceded]);
        let translated = self.translated();
        let with_nat = self.encoder.all([redirected, translated]);
        let without_nat = self.encoder.without(redirected, translated);
        self.pass(with_nat, Onward { ends: self.ends, translated: true, to: None });
        self.pass(without_nat, Onward { ends: self.ends, translated: false, to: None });
        self.encoder.without(rest, redirected)
    }

    /// Step 6: the flows that the proxy takes (`azure-firewall.md §1.5`, §1.13).
    fn intercepted(&mut self) -> Formula {
        let tcp = self.encoder.protocol([IpProtocol::TCP]);
        let v4 = self.encoder.address(self.ends.destination, &v4());
        let ports = self.enforced.application_ports.iter().copied().map(PortRange::single);
        let of_rules = self.encoder.port(self.ends.port, &ports.collect());
        let always: PortSet = PROXIED_PORTS.into_iter().map(PortRange::single).collect();
        let always = self.encoder.port(self.ends.port, &always);
        let none = self.encoder.second_reading(PROXY_PORTS_BASE);
        let always = self.encoder.without(always, none);
        let port = self.encoder.any([of_rules, always]);
        self.encoder.all([tcp, v4, port])
    }
}

impl Target {
    /// What the firewall sends to the name is delivered, where it has a route of its own.
    pub(super) fn is_delivered(&self, encoder: &mut Encoder<'_>) -> Formula {
        let before = "what the firewall sends to ".to_owned();
        match self {
            Target::Host(host) => {
                let (subject, after) = (Subject::Host(*host), " is delivered".to_owned());
                encoder.ask(FlowAtom::Named { before, subject, after })
            }
            Target::Rule(name) => encoder.named(format!("{before}{name} is delivered")),
        }
    }
}

/// Every address of IPv4.
pub(super) fn v4() -> AddressSet {
    ipnet::IpNet::V4(ipnet::Ipv4Net::default()).into()
}
