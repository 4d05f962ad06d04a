//! A template: its resources, its text, and the look at it before it leaves.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::azure::Scope;
use crate::azure::arm::Object;
use crate::azure::arm::literal;

use super::super::EmitError;
use super::super::layout;
use super::API_VERSION;
use super::place::Home;

const TEMPLATE_SCHEMA: &str =
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";

/// Part of the version of a template that ARM asks for; nothing is read from it.
const CONTENT_VERSION: &str = "1.0.0.0";

/// What the templates of one stage are for, in the order of deployment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// Policies, their groups, and the IP groups that these name.
    Policy,
    /// Route tables.
    Routes,
    /// Virtual networks with their subnets.
    Network,
    /// Peerings.
    Peerings,
}

impl Stage {
    /// The name of the stage.
    pub(super) fn name(self) -> &'static str {
        match self {
            Stage::Policy => "policy",
            Stage::Routes => "routes",
            Stage::Network => "network",
            Stage::Peerings => "peerings",
        }
    }

    /// What its templates hold.
    pub(super) fn purpose(self) -> &'static str {
        match self {
            Stage::Policy => "IP groups, policies and their rule collection groups",
            Stage::Routes => "route tables",
            Stage::Network => "virtual networks with their subnets",
            Stage::Peerings => "peerings of virtual networks",
        }
    }
}

/// A resource of a template.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// The type, such as `Microsoft.Network/ipGroups`.
    pub(super) kind: &'static str,
    /// The names of the resource and, before it, of those that hold it.
    pub(super) names: Vec<String>,
    /// Where it lies; a resource inside another has none.
    pub(super) location: Option<Scope>,
    /// The ids of the resources of this template that are deployed before it.
    pub(super) depends_on: Vec<String>,
    /// `properties`.
    pub(super) properties: Value,
}

impl Resource {
    fn document(&self) -> Value {
        // A region that is not known is that of the resource group.
        let location = self.location.as_ref().map(|scope| match &scope.location {
            Some(location) => literal(location),
            None => "[resourceGroup().location]".to_owned(),
        });
        let depends_on = self.depends_on.iter().cloned().map(Value::from).collect();
        Object::new()
            .with("type", self.kind)
            .with("apiVersion", API_VERSION)
            .with_text("name", &self.names.join("/"))
            .with_some("location", location)
            .with_list("dependsOn", depends_on)
            .with("properties", self.properties.clone())
            .into()
    }
}

/// The resources of one stage in one resource group.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) home: Home,
    pub(super) stage: Stage,
    pub(super) resources: Vec<Resource>,
}

impl Template {
    /// The path of its file.
    pub(super) fn path(&self) -> Result<String, EmitError> {
        Ok(format!("{}{}.json", self.home.folder()?, self.stage.name()))
    }

    /// The id of a resource of this template.
    pub(super) fn id(&self, resource: &Resource) -> String {
        let names: Vec<&str> = resource.names.iter().map(String::as_str).collect();
        self.home.resource_id(&Scope::default(), resource.kind, &names)
    }

    /// The id of a resource of `other`, as this template writes it.
    pub(super) fn id_in(&self, other: &Template, resource: &Resource) -> String {
        let Home { subscription, resource_group } = other.home.clone();
        let names: Vec<&str> = resource.names.iter().map(String::as_str).collect();
        let scope = Scope { subscription, resource_group, location: None };
        self.home.resource_id(&scope, resource.kind, &names)
    }

    /// The text, looked over.
    pub(super) fn text(&self) -> Result<String, EmitError> {
        let resources = self.resources.iter().map(Resource::document);
        let document: Value = Object::new()
            .with("$schema", TEMPLATE_SCHEMA)
            .with("contentVersion", CONTENT_VERSION)
            .with("resources", resources.collect::<Vec<Value>>())
            .into();
        let text = layout::write(&document)?;
        self.look_over(&text)?;
        Ok(text)
    }

    /// Reads the text as Azure will: each resource is there once, and what it depends on is there.
    fn look_over(&self, text: &str) -> Result<(), EmitError> {
        let inconsistent = |about: String| EmitError::Inconsistent { about };
        let document: Value = serde_json::from_str(text)?;
        let resources = document.get("resources").and_then(Value::as_array);
        let mut ids = BTreeSet::new();
        let mut needed = BTreeSet::new();
        for resource in resources.into_iter().flatten() {
            let field = |key: &str| resource.get(key).and_then(Value::as_str).unwrap_or_default();
            let names: Vec<&str> = field("name").split('/').collect();
            let id = self.home.resource_id(&Scope::default(), field("type"), &names);
            if !ids.insert(id.to_ascii_lowercase()) {
                return Err(inconsistent(format!("`{id}` is there twice")));
            }
            let depends_on = resource.get("dependsOn").and_then(Value::as_array);
            needed.extend(depends_on.into_iter().flatten().filter_map(Value::as_str));
        }
        match needed.iter().find(|id| !ids.contains(&id.to_ascii_lowercase())) {
            Some(id) => Err(inconsistent(format!("`{id}` is waited for and not there"))),
            None => Ok(()),
        }
    }
}
