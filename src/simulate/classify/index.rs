//! The rules of a firewall, by what flows can meet them.
//!
//! A rule is left out for a flow only where the slow engine, asked about that one rule, would say
//! that it does not match and would put no question to the environment on the way. So a walk over
//! the rules that are left comes to the same rule with the same questions in the same order.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::super::policy::Enforced;
use super::application::ApplicationIndex;
use super::axis::Axis;
use super::cuts::Cuts;
use super::network::NetworkIndex;
use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::azure::order::Placed;
use crate::azure::policy::Action;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NetworkRule;
use crate::flow::Flow;
use crate::flow::Host;
use crate::flow::address::AddressRange;

/// Where addresses are cut for a whole deployment.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Axes {
    pub(super) source: Axis,
    pub(super) destination: Axis,
    /// Both, cut by what is no rule.
    pub(super) way: Axis,
}

impl Axes {
    pub(super) fn of(deployment: &Deployment) -> Axes {
        let Cuts { ways, sources, destinations, ports: _ } = Cuts::of(deployment);
        let sources = sources.into_iter().flatten();
        let ways: Vec<AddressRange> = ways.into_iter().flatten().collect();
        let way = Axis::cut_by(ways.iter().copied());
        let source = Axis::cut_by(ways.iter().copied().chain(sources));
        Axes { source, destination: Axis::cut_by(ways.into_iter().chain(destinations)), way }
    }
}

/// A rule at its place.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Row<'a, R> {
    pub(super) placed: Placed<'a>,
    pub(in crate::simulate) action: Action,
    pub(in crate::simulate) rule: &'a R,
}

/// What of most rules is all that a verdict needs: those of ten thousand lie in few lines of a cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brief {
    pub(super) action: Action,
    /// Whether it matches every flow that it is not left out for, without a question.
    pub(super) is_settled: bool,
    /// Whether what it matches may be decrypted.
    pub(super) inspects: bool,
}

impl Brief {
    /// Of a rule of which nothing is known but what it does.
    pub(super) fn of(action: Action) -> Brief {
        Brief { action, is_settled: false, inspects: false }
    }
}

/// A rule of either kind.
pub(in crate::simulate) trait Named {
    /// Its name in its collection.
    fn name(&self) -> &str;
}

impl Named for NetworkRule {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for ApplicationRule {
    fn name(&self) -> &str {
        &self.name
    }
}

impl<'a, R: Named> Row<'a, R> {
    pub(super) fn of(placed: Placed<'a>, action: Action, rule: &'a R) -> Row<'a, R> {
        Row { placed, action, rule }
    }

    pub(in crate::simulate) fn id(&self) -> RuleId {
        self.placed.rule_id(self.rule.name())
    }
}

/// The network and application rules of one firewall.
#[derive(Clone)]
pub(in crate::simulate) struct Index<'a> {
    axes: Arc<Axes>,
    pub(super) network: NetworkIndex<'a>,
    pub(super) application: ApplicationIndex<'a>,
}

impl fmt::Debug for Index<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (network, application) = (self.network.rows.len(), self.application.rows.len());
        write!(f, "Index of {network} network rules and {application} application rules")
    }
}

impl<'a> Index<'a> {
    pub(super) fn of(
        enforced: &Enforced<'a>,
        deployment: &'a Deployment,
        axes: &Arc<Axes>,
    ) -> Index<'a> {
        Index {
            axes: Arc::clone(axes),
            network: NetworkIndex::of(&enforced.network, deployment, axes),
            application: ApplicationIndex::of(&enforced.application, deployment, axes),
        }
    }

    /// The network rules that may match `flow`, in their order.
    pub(in crate::simulate) fn network_rules(
        &self,
        flow: &Flow,
    ) -> impl Iterator<Item = &Row<'a, NetworkRule>> {
        let source = self.axes.source.class(flow.source);
        let destination = self.axes.destination.class(flow.destination);
        let port = flow.destination_port;
        let numbers = self.network.numbers(source, destination, flow.protocol, port);
        numbers.filter_map(|number| self.network.rows.get(number))
    }

    /// The application rules that may match a connection, in their order.
    pub(in crate::simulate) fn application_rules(
        &self,
        source: IpAddr,
        service: (ApplicationProtocolType, u16),
        host: &Host,
    ) -> impl Iterator<Item = &Row<'a, ApplicationRule>> {
        let numbers = self.application.numbers(self.axes.source.class(source), service, host);
        numbers.filter_map(|number| self.application.rows.get(number))
    }
}
