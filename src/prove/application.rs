//! What a firewall's application rules do with the flows that get there: steps 6b to 13 of
//! `azure-firewall.md §10.2`.

use super::atom::FlowAtom;
use super::atom::HostOf;
use super::atom::Party;
use super::encoder::Ends;
use super::formula::Formula;
use super::gate::Gate;
use super::gate::Onward;
use super::gate::Target;
use super::matching::SeenPath;
use super::matching::View;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::azure::policy::Tier;
use crate::azure::rule::ApplicationProtocolType;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::set::flows::PayloadForm;
use crate::simulate::assumptions::HOST_WITHOUT_PORT;
use crate::simulate::assumptions::HTTPS_DESTINATION;
use crate::simulate::firewall::NEVER_DECRYPTED;
use crate::simulate::firewall::PROXIED_PORTS;

/// The flows for which application rules say something.
#[derive(Clone, Copy, Debug)]
struct Ruled {
    /// A rule allows them.
    allowed: Formula,
    /// A rule matches them.
    matched: Formula,
    /// The rule that matches decrypts them.
    inspected: Formula,
    /// It decrypts them unless their host is in a category that is never decrypted.
    exemptable: Formula,
}

/// Whether a rule can have TLS decrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Inspection {
    ByRule,
    Never,
}

impl Gate<'_, '_, '_> {
    /// Steps 6b and 7: what the firewall takes flows for whose first bytes it reads.
    pub(super) fn sniffed(&mut self) -> View {
        let tcp = self.encoder.protocol([IpProtocol::TCP]);
        let shown = self.encoder.is_shown(HostOf::Wire);
        let taken = self.encoder.all([tcp, shown]);
        let http = self.encoder.payload([PayloadForm::Http]);
        let fits = self.fits_port(80);
        let http = self.encoder.all([taken, http, fits]);
        let tls = self.encoder.payload([PayloadForm::Tls, PayloadForm::TlsWithRequest]);
        let https = self.encoder.all([taken, tls]);
        // TDS is looked for only where a rule expects it (`azure-firewall.md §2.2`).
        let rules = self.enforced.application.iter();
        let rules = rules.filter_map(|placed| match &placed.collection.rules {
            Rules::Application(_, rules) => Some(rules),
            Rules::Network(..) | Rules::Nat(_) => None,
        });
        let pairs = rules.flatten().flat_map(|rule| &rule.protocols);
        let expected: PortSet = pairs
            .filter(|pair| pair.protocol == ApplicationProtocolType::Mssql)
            .map(|pair| PortRange::single(pair.port))
            .collect();
        let expected = self.encoder.port(self.ends.port, &expected);
        let mssql = self.encoder.payload([PayloadForm::Mssql]);
        let mssql = self.encoder.all([taken, mssql, expected]);
        View {
            source: self.ends.source,
            destination: self.ends.destination,
            port: self.ends.port,
            host: HostOf::Wire,
            seen: [
                (ApplicationProtocolType::Http, http),
                (ApplicationProtocolType::Https, https),
                (ApplicationProtocolType::Mssql, mssql),
            ]
            .into(),
            path: SeenPath::Hidden,
        }
    }

    /// Step 7b: the port that the request names is the one connected to
    /// (`azure-firewall.md §2.5`). Only ports that the proxy takes matter.
    fn fits_port(&mut self, usual: u16) -> Formula {
        let any_port = self.encoder.second_reading(HOST_WITHOUT_PORT);
        let unwritten = self.encoder.request_port(true, &PortSet::empty());
        let mut taken: Vec<u16> = self.enforced.application_ports.iter().copied().collect();
        taken.extend(PROXIED_PORTS);
        taken.sort_unstable();
        taken.dedup();
        let mut fits = Vec::new();
        for port in taken {
            let connected = self.encoder.is_port(self.ends.port, port);
            let written = self.encoder.request_port(false, &PortRange::single(port).into());
            let counts = if port == usual { Formula::ALWAYS } else { any_port };
            let unwritten = self.encoder.all([unwritten, counts]);
            let named = self.encoder.any([written, unwritten]);
            fits.push(self.encoder.all([connected, named]));
        }
        self.encoder.any(fits)
    }

    /// Steps 8 to 13.
    pub(super) fn application(&mut self, view: &View, inspection: Inspection) {
        let threat = self.is_threat_by_host(view.host);
        let mut view = view.clone();
        for seen in view.seen.values_mut() {
            *seen = self.encoder.without(*seen, threat);
        }
        let seen = self.encoder.any(view.seen.values().copied());
        let ruled = self.first_application(&view);
        let mut allowed = self.ruling(ruled, seen, view.host);
        let mut sees_request = Formula::NEVER;
        let inspects = inspection == Inspection::ByRule
            && self.enforced.tier == Tier::Premium
            && ruled.inspected != Formula::NEVER;
        if inspects {
            let decrypted = self.decrypted(&view, ruled.inspected);
            // A category that is never decrypted is asked for only where it makes a difference.
            let gains = self.encoder.without(decrypted, allowed);
            let loses = self.encoder.without(allowed, decrypted);
            let differs = self.encoder.any([gains, loses]);
            let never = self.never_decrypted(view.host);
            let exempt = self.encoder.all([ruled.exemptable, differs, never]);
            sees_request = self.encoder.without(ruled.inspected, exempt);
            let read = self.encoder.all([decrypted, sees_request]);
            let unread = self.encoder.without(allowed, sees_request);
            allowed = self.encoder.any([read, unread]);
            let unseen = self.encoder.payload([PayloadForm::Tls]);
            let unseen = self.encoder.all([self.reaching, unseen, sees_request]);
            self.handled.decrypted_unseen =
                self.encoder.any([self.handled.decrypted_unseen, unseen]);
        }
        if let Some(http) = view.seen.get(&ApplicationProtocolType::Http) {
            sees_request = self.encoder.any([sees_request, *http]);
        }
        self.resolve(&view, allowed, sees_request);
    }

    /// Step 9: the first rule that matches.
    fn first_application(&mut self, view: &View) -> Ruled {
        let never = Formula::NEVER;
        let mut said =
            Ruled { allowed: never, matched: never, inspected: never, exemptable: never };
        let mut every = Vec::new();
        for placed in self.enforced.application.iter().rev() {
            let Rules::Application(action, rules) = &placed.collection.rules else { continue };
            // Which of the rules matches first matters only where one of them decrypts.
            for run in rules.chunk_by(|a, b| !a.terminate_tls && !b.terminate_tls).rev() {
                let tier = self.enforced.tier;
                let flows: Vec<Formula> = run
                    .iter()
                    .map(|rule| {
                        let id = || placed.rule_id(&rule.name);
                        let flows = self.encoder.application_rule(rule, id, view, tier);
                        self.encoder.remember(id(), flows)
                    })
                    .collect();
                let flows = self.encoder.any(flows);
                said.allowed = match action {
                    Action::Allow => self.encoder.any([flows, said.allowed]),
                    Action::Deny => self.encoder.without(said.allowed, flows),
                };
                let [mut inspected, mut exemptable] = [Formula::NEVER; 2];
                if let [rule] = run
                    && rule.terminate_tls
                    && let Some(https) = view.seen.get(&ApplicationProtocolType::Https)
                {
                    let urls: Vec<_> = rule.target_urls.iter().map(|url| &url.host).collect();
                    inspected = self.encoder.all([flows, *https]);
                    if *action == Action::Deny {
                        // What is denied for its name is not decrypted (§10.3).
                        let by_url = self.encoder.matches(view.host, urls.iter().copied());
                        let by_name = self.encoder.matches(view.host, &rule.target_fqdns);
                        let by_url = self.encoder.without(by_url, by_name);
                        inspected = self.encoder.all([inspected, by_url]);
                    }
                    let named = urls.iter().copied().filter(|host| **host != FqdnPattern::Any);
                    let listed = self.encoder.matches(view.host, named);
                    exemptable = self.encoder.without(inspected, listed);
                }
                let later = self.encoder.without(said.inspected, flows);
                said.inspected = self.encoder.any([inspected, later]);
                let later = self.encoder.without(said.exemptable, flows);
                said.exemptable = self.encoder.any([exemptable, later]);
                every.push(flows);
            }
        }
        said.matched = self.encoder.any(every);
        said
    }

    /// Steps 9 to 11: what the rules, the infrastructure rules and the default let through of the
    /// flows of `seen`.
    fn ruling(&mut self, ruled: Ruled, seen: Formula, host: HostOf) -> Formula {
        let infrastructure = self.encoder.ask(FlowAtom::Infrastructure { host });
        let infrastructure = self.encoder.all([seen, infrastructure]);
        let infrastructure = self.encoder.without(infrastructure, ruled.matched);
        self.encoder.any([ruled.allowed, infrastructure])
    }

    /// Step 9a: what the rules let through of `inspected` with the request inside.
    fn decrypted(&mut self, view: &View, inspected: Formula) -> Formula {
        let with_request = self.encoder.payload([PayloadForm::TlsWithRequest]);
        let shown = self.encoder.is_shown(HostOf::Inner);
        let fits = self.fits_port(443);
        let read = self.encoder.all([inspected, with_request, shown, fits]);
        // Without a request, the host is taken to be the server name, and the port the one connected to.
        let unseen = self.encoder.payload([PayloadForm::Tls]);
        let unseen = self.encoder.all([inspected, unseen]);
        let mut allowed = Vec::new();
        for (when, host, path) in
            [(read, HostOf::Inner, SeenPath::Decrypted), (unseen, HostOf::Wire, SeenPath::Root)]
        {
            let seen = [(ApplicationProtocolType::Https, when)].into();
            let view = View { host, seen, path, ..view.clone() };
            let ruled = self.first_application(&view);
            allowed.push(self.ruling(ruled, when, host));
        }
        self.encoder.any(allowed)
    }

    /// The host is in a category that is never decrypted (`azure-firewall.md §1.9`).
    fn never_decrypted(&mut self, host: HostOf) -> Formula {
        let categories = NEVER_DECRYPTED.map(|category| {
            let category = category.to_owned();
            self.encoder.ask(FlowAtom::InWebCategory { category, host, with_path: false })
        });
        self.encoder.any(categories)
    }

    /// Steps 12 and 13: the firewall connects to its own answer for the name.
    fn resolve(&mut self, view: &View, allowed: Formula, sees_request: Formula) {
        let literal = self.encoder.is_literal(view.host);
        let by_literal = self.encoder.all([allowed, literal]);
        let by_name = self.encoder.without(allowed, literal);
        let resolvable = self.encoder.ask(FlowAtom::Resolvable { host: view.host });
        let original = self.encoder.second_reading(HTTPS_DESTINATION);
        let unread = self.encoder.without(original, sees_request);
        let connects = self.encoder.any([resolvable, unread]);
        let by_name = self.encoder.all([by_name, connects]);
        let onward = |destination, to| Onward {
            ends: Ends { source: view.source, destination, port: view.port },
            translated: true,
            to,
        };
        self.pass(by_literal, onward(Party::Literal(view.host), None));
        self.pass(by_name, onward(view.destination, Some(Target::Host(view.host))));
    }
}
