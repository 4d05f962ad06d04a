//! Templates of the first stage: IP groups, policies, rule collection groups.
//!
//! Writing a group puts a lock on its policy, on the policies that share a parent with it, and on
//! their firewalls; two writes at once end in `AnotherOperationInProgress`
//! (`azure-firewall.md §9`, item 14). So all resources of a template form one chain, each waiting
//! for the one before: IP groups, then policies with parents before children, each followed by its
//! groups by priority. IP groups stand in it since writing one takes the locks of what uses it.

use std::collections::BTreeMap;

use petgraph::algo::toposort;
use petgraph::graph::DiGraph;

use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Origin;
use crate::azure::Ownership;
use crate::azure::RuleId;
use crate::azure::Scope;
use crate::azure::arm;
use crate::azure::arm::Object;
use crate::azure::arm::Surroundings;
use crate::azure::deployment::IpGroup;
use crate::azure::limits;
use crate::azure::policy::Policy;
use crate::azure::policy::RuleCollectionGroup;

use super::super::EmitError;
use super::place::Home;
use super::template::Resource;
use super::template::Stage;
use super::template::Template;

pub(super) const IP_GROUP: &str = "Microsoft.Network/ipGroups";
pub(super) const POLICY: &str = "Microsoft.Network/firewallPolicies";
const GROUP: &str = "Microsoft.Network/firewallPolicies/ruleCollectionGroups";

/// A template for each resource group that holds a policy or IP group of ours.
pub(super) fn templates(deployment: &Deployment) -> Result<Vec<Template>, EmitError> {
    let mut templates: BTreeMap<Home, Template> = BTreeMap::new();
    let mut of = |scope: &Scope, resource: &dyn Fn(&Template) -> Result<Resource, EmitError>| {
        let home = Home::of(scope);
        let template = templates.entry(home.clone()).or_insert_with(|| Template {
            home,
            stage: Stage::Policy,
            resources: Vec::new(),
        });
        let mut resource = resource(template)?;
        if let Some(last) = template.resources.last() {
            resource.depends_on = vec![template.id(last)];
        }
        template.resources.push(resource);
        Ok::<(), EmitError>(())
    };
    for (name, group) in &deployment.ip_groups {
        if group.ownership == Ownership::Ours {
            of(&group.scope, &|_| ip_group(name, group))?;
        }
    }
    for name in parents_first(deployment)? {
        let Some(policy) = deployment.policies.get(name) else { continue };
        of(&policy.scope, &|template| policy_resource(deployment, template, name, policy))?;
        let mut groups: Vec<&RuleCollectionGroup> = policy.groups.iter().collect();
        groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
        for group in groups {
            of(&policy.scope, &|template| group_resource(deployment, template, name, group))?;
        }
    }
    Ok(templates.into_values().collect())
}

/// Our policies, each after its parent, else by name.
fn parents_first(deployment: &Deployment) -> Result<Vec<&Key>, EmitError> {
    let ours = deployment.policies.iter().filter(|(_, policy)| policy.ownership == Ownership::Ours);
    // The sort puts later nodes first where nothing else decides.
    let names: Vec<&Key> = ours.map(|(name, _)| name).rev().collect();
    let mut graph = DiGraph::new();
    let nodes: BTreeMap<&Key, _> =
        names.iter().map(|name| (*name, graph.add_node(*name))).collect();
    for name in &names {
        let base = deployment.policies.get(*name).and_then(|policy| policy.base.as_ref());
        let parent = base.and_then(|base| nodes.get(base));
        if let (Some(parent), Some(child)) = (parent, nodes.get(*name)) {
            graph.add_edge(*parent, *child, ());
        }
    }
    match toposort(&graph, None) {
        Ok(order) => {
            Ok(order.into_iter().filter_map(|node| graph.node_weight(node).copied()).collect())
        }
        Err(cycle) => Err(EmitError::Cycle {
            names: graph
                .node_weight(cycle.node_id())
                .map(ToString::to_string)
                .into_iter()
                .collect(),
        }),
    }
}

fn ip_group(name: &Key, group: &IpGroup) -> Result<Resource, EmitError> {
    let addresses = arm::addresses(&group.addresses)
        .map_err(|unknown| EmitError::Unknown { at: format!("IP group `{name}`"), unknown })?;
    Ok(Resource {
        kind: IP_GROUP,
        names: vec![name.to_string()],
        location: Some(group.scope.clone()),
        depends_on: Vec::new(),
        properties: Object::new().with("ipAddresses", addresses).into(),
    })
}

fn policy_resource(
    deployment: &Deployment,
    template: &Template,
    name: &Key,
    policy: &Policy,
) -> Result<Resource, EmitError> {
    let base = match &policy.base {
        None => None,
        Some(base) => {
            let missing = || EmitError::Missing { what: "firewall policy", name: base.clone() };
            let parent = deployment.policies.get(base).ok_or_else(missing)?;
            Some(template.home.resource_id(&parent.scope, POLICY, &[base.as_str()]))
        }
    };
    let ids = |group: &Key| ip_group_id(deployment, &template.home, group);
    let properties = arm::policy_properties(policy, base, ids)
        .map_err(|unknown| EmitError::Unknown { at: format!("policy `{name}`"), unknown })?;
    Ok(Resource {
        kind: POLICY,
        names: vec![name.to_string()],
        location: Some(policy.scope.clone()),
        depends_on: Vec::new(),
        properties,
    })
}

fn group_resource(
    deployment: &Deployment,
    template: &Template,
    policy: &Key,
    group: &RuleCollectionGroup,
) -> Result<Resource, EmitError> {
    let bytes = limits::group_size(policy, group, &deployment.origins);
    if bytes > limits::MAX_GROUP_BYTES {
        let name = group.name.clone();
        return Err(EmitError::GroupTooLarge { name, bytes, limit: limits::MAX_GROUP_BYTES });
    }
    let surroundings = Here { deployment, template, policy, group: &group.name };
    let properties = arm::group_properties(group, &surroundings)
        .map_err(|unknown| EmitError::Unknown { at: format!("group `{}`", group.name), unknown })?;
    Ok(Resource {
        kind: GROUP,
        names: vec![policy.to_string(), group.name.to_string()],
        location: None,
        depends_on: Vec::new(),
        properties,
    })
}

/// What a group needs to know, as seen from the template that it is written in.
struct Here<'a> {
    deployment: &'a Deployment,
    template: &'a Template,
    policy: &'a Key,
    group: &'a Key,
}

impl Surroundings for Here<'_> {
    fn ip_group_id(&self, name: &Key) -> String {
        ip_group_id(self.deployment, &self.template.home, name)
    }

    fn origin(&self, collection: &Key, rule: &str) -> Option<&Origin> {
        self.deployment.origins.get(&RuleId {
            policy: self.policy.clone(),
            group: self.group.clone(),
            collection: collection.clone(),
            rule: rule.to_owned(),
        })
    }
}

/// An IP group that the deployment does not hold is taken to lie beside what names it.
fn ip_group_id(deployment: &Deployment, home: &Home, name: &Key) -> String {
    let beside = Scope::default();
    let scope = deployment.ip_groups.get(name).map_or(&beside, |group| &group.scope);
    home.resource_id(scope, IP_GROUP, &[name.as_str()])
}
