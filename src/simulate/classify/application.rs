//! Application rules, by what connections can meet them.

use foldhash::HashMap;
use foldhash::HashMapExt;

use super::super::matching;
use super::index::Axes;
use super::index::Brief;
use super::index::Row;
use super::names::HostClasses;
use super::reach::Reach;
use super::reach::Side;
use super::rule_sets::Bits;
use super::rule_sets::Collecting;
use super::rule_sets::Common;
use super::rule_sets::RuleSets;
use crate::azure::Deployment;
use crate::azure::order::Placed;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::flow::FqdnPattern;
use crate::flow::Host;

/// Application rules by source, service and host.
#[derive(Clone)]
pub(super) struct ApplicationIndex<'a> {
    pub(super) rows: Vec<Row<'a, ApplicationRule>>,
    /// The same rules.
    pub(super) briefs: Vec<Brief>,
    by_source: Vec<u32>,
    by_service: HashMap<(ApplicationProtocolType, u16), u32>,
    by_host: HostClasses,
    /// The set of a service that no rule names.
    nothing: u32,
    sets: RuleSets,
}

impl<'a> ApplicationIndex<'a> {
    pub(super) fn of(
        placed: &[Placed<'a>],
        deployment: &'a Deployment,
        axes: &Axes,
    ) -> ApplicationIndex<'a> {
        let mut rows = Vec::new();
        for placed in placed {
            let Rules::Application(action, rules) = &placed.collection.rules else { continue };
            rows.extend(rules.iter().map(|rule| Row::of(*placed, *action, rule)));
        }
        let mut sets = Collecting::of(rows.len());
        let mut from = Side::of(rows.len());
        let mut any_host = Bits::none(rows.len());
        let mut named: Vec<(&FqdnPattern, usize)> = Vec::new();
        let mut services: Vec<((ApplicationProtocolType, u16), usize)> = Vec::new();
        let mut briefs: Vec<Brief> = rows.iter().map(|row| Brief::of(row.action)).collect();
        for (number, (row, brief)) in rows.iter().zip(&mut briefs).enumerate() {
            let ApplicationRule {
                name: _,
                description: _,
                sources,
                protocols,
                target_fqdns,
                // Nothing is compared with them (`azure-firewall.md §2.9`).
                target_addresses: _,
                target_urls,
                fqdn_tags: _,
                web_categories: _,
                destination_addresses: _,
                terminate_tls,
                http_headers: _,
                unknown_targets: _,
            } = row.rule;
            services.extend(protocols.iter().map(|pair| ((pair.protocol, pair.port), number)));
            if matching::refers_to_empty_group(&sources.ip_groups, deployment) {
                continue;
            }
            let source = Reach::of_sources(sources, deployment);
            let asks = source.asks || matching::asks_of_targets(row.rule);
            if asks {
                any_host.insert(number);
            }
            let urls = target_urls.iter().map(|url| &url.host);
            named.extend(target_fqdns.iter().chain(urls).map(|pattern| (pattern, number)));
            brief.is_settled = !asks && target_urls.is_empty();
            brief.inspects = *terminate_tls;
            from.add(number, source, &axes.source);
        }
        let by_source = from.paint(axes.source.len(), &mut sets);
        services.sort_unstable();
        let mut by_service = HashMap::new();
        for rules in services.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((service, _)) = rules.first() else { continue };
            let mut bits = Bits::none(rows.len());
            for (_, rule) in rules {
                bits.insert(*rule);
            }
            by_service.insert(*service, sets.number(&bits));
        }
        let nothing = sets.number(&Bits::none(rows.len()));
        let by_host = HostClasses::parted_by(&named, &any_host, &mut sets);
        let sets = sets.done();
        for brief in &mut briefs {
            brief.is_settled &= sets.is_exact;
        }
        ApplicationIndex { rows, briefs, by_source, by_service, by_host, nothing, sets }
    }

    /// The numbers of the rules that may match, ascending.
    #[inline]
    pub(super) fn numbers(
        &self,
        source: usize,
        service: (ApplicationProtocolType, u16),
        host: &Host,
    ) -> Common<'_> {
        let service = self.service(service);
        let source = self.by_source.get(source).copied().unwrap_or(0);
        let host = self.by_host.set(host);
        Common::of([self.sets.get(service), self.sets.get(source), self.sets.get(host)])
    }

    /// The number of the set of rules for a service.
    #[inline]
    fn service(&self, service: (ApplicationProtocolType, u16)) -> u32 {
        match self.by_service.get(&service) {
            Some(number) => *number,
            None => self.nothing,
        }
    }

    /// Whether some rule is for that service.
    pub(super) fn names(&self, service: (ApplicationProtocolType, u16)) -> bool {
        self.by_service.contains_key(&service)
    }
}
