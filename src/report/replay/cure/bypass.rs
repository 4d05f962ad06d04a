//! A bypass: the route that carried it, and what to do about the route.

use std::net::IpAddr;

use super::Cure;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::network::is_of_azure;
use crate::azure::route::NextHop;
use crate::azure::route::RouteDestination;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::intent::topology::RouteTarget;
use crate::report::replay::Replay;
use crate::report::replay::ReplayedFlow;
use crate::simulate::route::Hop;
use crate::simulate::route::RouteSource;
use crate::simulate::route::RouteTaken;

impl Replay<'_> {
    /// A bypass: the route that carried it.
    pub(super) fn bypass(&self, flow: &ReplayedFlow) -> (String, Cure) {
        let route = flow.decision.route.as_ref();
        let way = route.map_or_else(|| "a route".to_owned(), ToString::to_string);
        let headline = format!("{way} carries it around the firewall");
        if let Some(cure) = self.without_ipv6(flow) {
            return (headline, cure);
        }
        let is_given = !self.subject.asked.deployments.is_empty();
        if let Some(drift) = is_given.then(|| self.route_drift(flow)).flatten() {
            return (headline, Cure::new(drift));
        }
        let mut cure = Cure::new(instead_of(flow.opening.source, route, self.subject.deployment));
        if let Some(RouteSource::User { .. }) = route.map(|route| &route.source) {
            let edit = |span| vec![Edit::remove(self.whole_line(span))];
            self.offer(&mut cure, self.route_exception(flow).map(edit));
        }
        (headline, cure)
    }

    /// What to do about a flow over IPv6 that takes Azure's own route to the internet: the firewall
    /// takes none, and so no route of the list leads it there (`azure-firewall.md §1.13`).
    fn without_ipv6(&self, flow: &ReplayedFlow) -> Option<Cure> {
        let route = flow.decision.route.as_ref()?;
        if flow.opening.destination.is_ipv4() || route.source != RouteSource::System {
            return None;
        }
        let source = flow.opening.source;
        let (_, subnet) = self.subject.deployment.subnet_of(source)?;
        let name = &subnet.name;
        let close = "deny `::/0` outbound in its network security group";
        let mut cure = if subnet.prefixes.iter().any(|prefix| prefix.addr().is_ipv6()) {
            Cure::new(format!("take the IPv6 prefix off subnet `{name}`, or {close}"))
        } else {
            Cure::new(format!(
                "give subnet `{name}` no IPv6 prefix: as declared it has none, and then nothing is sent \
                 so; if it is to have one, {close}"
            ))
        };
        cure.notes.push(
            "Azure Firewall takes no IPv6, and no route for 0.0.0.0/0 covers it (azure-firewall.md §1.13)"
                .to_owned(),
        );
        if source.is_ipv4() {
            let recorded = flow.row.source;
            cure.notes.push(format!("`--from` puts {recorded}, an IPv6 address, into the subnet"));
        }
        Some(cure)
    }

    /// The route exception of the source that carried `flow`.
    fn route_exception(&self, flow: &ReplayedFlow) -> Option<Span> {
        let taken = flow.decision.route.as_ref()?;
        let subnet = self.subject.intent?.topology.subnet_of(flow.opening.source)?;
        let exception = subnet.exceptions.iter().find(|exception| {
            let target = match &exception.target {
                RouteTarget::Prefix(prefix) => prefix.to_string(),
                RouteTarget::ServiceTag(tag) => tag.clone(),
            };
            target == taken.destination
        })?;
        Some(exception.origin.span)
    }

    /// The span of the lines on which `span` stands, if nothing else stands on them.
    fn whole_line(&self, span: Span) -> Span {
        let Some(file) = self.subject.sources.file(span.file) else { return span };
        let text = file.text();
        let range = span.range();
        let before = text.get(..range.start).unwrap_or_default();
        let after = text.get(range.end..).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let end = after.find('\n').map_or(text.len(), |at| range.end + at + 1);
        let alone = |part: Option<&str>| part.is_some_and(|part| part.trim().is_empty());
        if alone(text.get(start..range.start)) && alone(text.get(range.end..end)) {
            Span::new(span.file, start, end)
        } else {
            span
        }
    }
}

/// What to do about a route of `deployment` that leads what `source` sends around the firewall.
pub(in crate::report) fn instead_of(
    source: IpAddr,
    route: Option<&RouteTaken>,
    deployment: &Deployment,
) -> String {
    match route.map(|route| (&route.source, &route.hop)) {
        Some((RouteSource::User { table, route }, _)) => {
            format!("take route `{route}` out of route table `{table}`")
        }
        Some((_, Hop::ServiceEndpoint(service))) => format!(
            "take the service endpoint `{service}` off the subnet; put it on AzureFirewallSubnet"
        ),
        Some((_, Hop::Peering(network))) => {
            let prefix = route.map_or("0.0.0.0/0", |route| route.destination.as_str());
            match default_firewall(source, deployment) {
                Some(firewall) => format!(
                    "give the subnet a route for {prefix} via the firewall, as `route {prefix} via \
                     {firewall}` does in a list{}",
                    one_back(network, deployment)
                ),
                None => format!(
                    "take the peering with `{network}` out, or lead the subnet through a firewall \
                     that it can reach, what goes to {prefix} too"
                ),
            }
        }
        Some((_, Hop::PrivateEndpoint(_))) => {
            "route the endpoint's address as a /32 via the firewall, and turn its network policies on"
                .to_owned()
        }
        Some(_) | None => "route the subnet via the firewall".to_owned(),
    }
}

/// The firewall to which the default route of the subnet of `source` leads.
fn default_firewall(source: IpAddr, deployment: &Deployment) -> Option<&Key> {
    let (_, subnet) = deployment.subnet_of(source)?;
    let table = deployment.route_tables.get(subnet.route_table.as_ref()?)?;
    let defaults = table.routes.iter().filter(|route| match &route.destination {
        RouteDestination::Prefix(prefix) => prefix.addr().is_ipv4() && prefix.prefix_len() == 0,
        RouteDestination::ServiceTag(_) => false,
    });
    let hops = defaults.filter_map(|route| match &route.next_hop {
        NextHop::VirtualAppliance(address) => Some(*address),
        NextHop::VirtualApplianceEcmp(_)
        | NextHop::VnetLocal
        | NextHop::Internet
        | NextHop::VirtualNetworkGateway
        | NextHop::None => None,
    });
    let firewalls = &deployment.firewalls;
    let mut led_to = hops.filter_map(|address| {
        firewalls.iter().find(|(_, firewall)| firewall.private_address == address)
    });
    led_to.next().map(|(name, _)| name)
}

/// That replies have to come back through the firewall, too, where something in `network` replies.
fn one_back(network: &Key, deployment: &Deployment) -> String {
    let subnets = deployment.virtual_networks.get(network).map(|one| one.subnets.as_slice());
    let others =
        subnets.unwrap_or_default().iter().filter(|subnet| !is_of_azure(subnet.name.as_str()));
    let names: Vec<String> = others.map(|subnet| format!("`{}`", subnet.name)).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(", and subnet {} of `{network}` one back", names.join(" and "))
    }
}
