//! The order of deployment (`docs/deploy.md`).
//!
//! Rules first, then the firewalls that enforce them, then the routes that turn traffic to those,
//! and the subnets last: at no step is traffic sent to a firewall whose rules are not all there.

use std::collections::BTreeSet;

use petgraph::algo::toposort;
use petgraph::graph::DiGraph;
use serde_json::Value;

use crate::azure::Deployment;
use crate::azure::Ownership;
use crate::azure::arm::Object;

use super::super::EmitError;
use super::super::layout;
use super::command;
use super::network;
use super::template::Resource;
use super::template::Template;

const SCHEMA: &str = "exeat.deploy-order/1";

/// A step. Each is done when the one before has succeeded.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// What it does.
    pub(super) purpose: String,
    /// The file of the template that it deploys; `None` where it only runs the command.
    template: Option<String>,
    /// The command that does it.
    pub(super) command: String,
}

/// The steps, in order. `later` are the templates of the stages after the first.
pub(super) fn steps(
    deployment: &Deployment,
    policies: &[Template],
    later: &[Vec<Template>],
) -> Result<Vec<Step>, EmitError> {
    let deploy = |template: &Template| {
        let file = template.path()?;
        Ok::<Step, EmitError>(Step {
            purpose: format!("Deploy {}", template.stage.purpose()),
            command: command::deploy(template)?,
            template: Some(file),
        })
    };
    let mut steps = Vec::new();
    for template in needed_first(policies)? {
        steps.push(deploy(template)?);
    }
    for (name, firewall) in &deployment.firewalls {
        let enforced =
            firewall.policy.as_ref().and_then(|key| deployment.policies.get_key_value(key));
        if let Some((key, policy)) = enforced
            && policy.ownership == Ownership::Ours
        {
            steps.push(Step {
                purpose: format!("Make the firewall `{name}` enforce the policy `{key}`"),
                template: None,
                command: command::attach_policy((name, &firewall.scope), (key, &policy.scope)),
            });
        }
    }
    for template in later.iter().flatten() {
        steps.push(deploy(template)?);
    }
    let unwritten = deployment.virtual_networks.iter().filter(|(_, n)| !network::is_written(n));
    for (name, network) in unwritten {
        for subnet in &network.subnets {
            let table = subnet.route_table.as_ref();
            let table = table.and_then(|key| deployment.route_tables.get_key_value(key));
            if let Some((key, table)) = table
                && table.ownership == Ownership::Ours
            {
                let of = (name, &network.scope);
                steps.push(Step {
                    purpose: format!("Route the subnet `{name}/{}` by `{key}`", subnet.name),
                    template: None,
                    command: command::associate(of, &subnet.name, (key, &table.scope)),
                });
            }
        }
    }
    Ok(steps)
}

/// The templates, each after those that hold a parent or IP group which it names, else by place.
fn needed_first(templates: &[Template]) -> Result<Vec<&Template>, EmitError> {
    let mut graph = DiGraph::new();
    // The sort puts later nodes first where nothing else decides.
    let nodes: Vec<_> = templates.iter().rev().map(|template| graph.add_node(template)).collect();
    for user in &nodes {
        let Some(by) = graph.node_weight(*user).copied() else { continue };
        let mut named = BTreeSet::new();
        by.resources.iter().for_each(|resource| texts(&resource.properties, &mut named));
        for holder in nodes.iter().filter(|holder| *holder != user) {
            let Some(held) = graph.node_weight(*holder).copied() else { continue };
            let is_used = |resource: &Resource| named.contains(by.id_in(held, resource).as_str());
            if held.resources.iter().any(is_used) {
                graph.add_edge(*holder, *user, ());
            }
        }
    }
    let Ok(order) = toposort(&graph, None) else {
        let names: Result<Vec<String>, EmitError> = templates.iter().map(Template::path).collect();
        return Err(EmitError::Cycle { names: names? });
    };
    Ok(order.into_iter().filter_map(|node| graph.node_weight(node).copied()).collect())
}

/// All texts in `value`.
fn texts<'v>(value: &'v Value, into: &mut BTreeSet<&'v str>) {
    match value {
        Value::String(text) => {
            into.insert(text);
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(object) => object.values().for_each(|item| texts(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `deploy-order.json`.
pub(super) fn document(deployment: &Deployment, steps: &[Step]) -> Result<String, EmitError> {
    let numbered = (1_u64..).zip(steps).map(|(number, step)| {
        Object::new()
            .with("step", number)
            .with("purpose", step.purpose.as_str())
            .with_some("template", step.template.as_deref())
            .with("command", step.command.as_str())
            .into()
    });
    let notes: Vec<Value> = notes(deployment).into_iter().map(Value::from).collect();
    let document: Value = Object::new()
        .with("schema", SCHEMA)
        .with("steps", numbered.collect::<Vec<Value>>())
        .with("notes", notes)
        .into();
    layout::write(&document)
}

/// The paths of the templates that `text`, an earlier `deploy-order.json`, names. What is none, or
/// names a file outside its folder, names no templates.
pub fn templates(text: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    if document.get("schema").and_then(Value::as_str) != Some(SCHEMA) {
        return Vec::new();
    }
    let steps = document.get("steps").and_then(Value::as_array).into_iter().flatten();
    let named = steps.filter_map(|step| step.get("template")?.as_str());
    let is_below = |path: &&str| path.split('/').all(|part| !part.is_empty() && part != "..");
    named.filter(is_below).map(str::to_owned).collect()
}

/// What the steps do not do, and somebody must know.
fn notes(deployment: &Deployment) -> Vec<String> {
    let mut notes = Vec::new();
    if deployment.policies.values().any(|policy| policy.ownership == Ownership::Ours) {
        // `azure-firewall.md §9`, item 15.
        notes.push(
            "a rule collection group that is no longer in a template is not deleted, and its rules \
             stay in force; list them with `az network firewall policy rule-collection-group list` \
             and delete what is not in the templates"
                .to_owned(),
        );
    }
    for (name, firewall) in &deployment.firewalls {
        if firewall.ownership == Ownership::Ours {
            notes.push(format!(
                "the firewall `{name}` is not written, since its public addresses and \
                 configurations are not held; it must be there before the first step"
            ));
        }
    }
    for (name, network) in &deployment.virtual_networks {
        if network.ownership == Ownership::Ours && !network::is_written(network) {
            notes.push(format!(
                "the virtual network `{name}` is not written, since not all of its subnets are \
                 wholly known; only its route tables are associated"
            ));
        }
    }
    notes
}
