//! Commands of the Azure CLI, for what a template must not write and for deploying the templates.

use crate::azure::Key;
use crate::azure::Scope;

use super::super::EmitError;
use super::order::Step;
use super::place::Home;
use super::template::Template;

/// The variable that stands for a resource group that the deployment does not name.
const RESOURCE_GROUP: &str = "\"$RESOURCE_GROUP\"";
/// The variable that stands for a subscription that the deployment does not name.
const SUBSCRIPTION: &str = "\"$SUBSCRIPTION\"";

/// The script that does all steps, one after another, and stops at the first that fails.
pub(super) fn script(steps: &[Step]) -> Result<String, EmitError> {
    let mut script = String::from(
        "#!/bin/sh\n# The steps of deploy-order.json. Run it in this folder; it stops where one fails.\nset -eu\n",
    );
    let used = |variable: &str| steps.iter().any(|step| step.command.contains(variable));
    if used(RESOURCE_GROUP) {
        script.push_str(": \"${RESOURCE_GROUP:?set it to the resource group to deploy to}\"\n");
    }
    if used(SUBSCRIPTION) {
        script.push_str(": \"${SUBSCRIPTION:=$(az account show --query id --output tsv)}\"\n");
    }
    for (index, step) in steps.iter().enumerate() {
        // What is shown came from names; a line feed in one would end the comment.
        if step.purpose.contains(char::is_control) || step.command.contains(char::is_control) {
            return Err(EmitError::Name { name: step.purpose.escape_debug().to_string() });
        }
        let number = index + 1;
        script.extend([
            "\n# ",
            &number.to_string(),
            ". ",
            &step.purpose,
            "\n",
            &step.command,
            "\n",
        ]);
    }
    Ok(script)
}

/// Deploys a template. The mode adds and changes, and deletes nothing.
pub(super) fn deploy(template: &Template) -> Result<String, EmitError> {
    let file = template.path()?;
    let name = format!("exeat-{}", template.stage.name());
    let place = place(&template.home);
    Ok(format!(
        "az deployment group create {place} --name {name} --mode Incremental --template-file {}",
        quoted(&file)
    ))
}

/// Makes a firewall enforce a policy.
pub(super) fn attach_policy(firewall: (&Key, &Scope), policy: (&Key, &Scope)) -> String {
    let (name, scope) = firewall;
    let home = Home::of(scope);
    format!(
        "az network firewall update {} --name {} --firewall-policy {}",
        place(&home),
        quoted(name.as_str()),
        reference(&home, policy, super::policy::POLICY)
    )
}

/// Associates a route table with a subnet, and changes nothing else of the subnet.
pub(super) fn associate(network: (&Key, &Scope), subnet: &Key, table: (&Key, &Scope)) -> String {
    let (name, scope) = network;
    let home = Home::of(scope);
    format!(
        "az network vnet subnet update {} --vnet-name {} --name {} --route-table {}",
        place(&home),
        quoted(name.as_str()),
        quoted(subnet.as_str()),
        reference(&home, table, super::route::ROUTE_TABLE)
    )
}

fn place(home: &Home) -> String {
    let group = home.resource_group.as_deref().map_or_else(|| RESOURCE_GROUP.to_owned(), quoted);
    match &home.subscription {
        Some(subscription) => {
            format!("--subscription {} --resource-group {group}", quoted(subscription))
        }
        None => format!("--resource-group {group}"),
    }
}

/// The name of a resource that lies at `home`, else its id. What is not known of its place is
/// taken to be as `home` is.
fn reference(home: &Home, (name, scope): (&Key, &Scope), kind: &str) -> String {
    let there = Home {
        subscription: scope.subscription.clone().or_else(|| home.subscription.clone()),
        resource_group: scope.resource_group.clone().or_else(|| home.resource_group.clone()),
    };
    if there == *home {
        return quoted(name.as_str());
    }
    let part =
        |part: Option<&str>, variable: &str| part.map_or_else(|| variable.to_owned(), quoted);
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/{kind}/{}",
        part(there.subscription.as_deref(), SUBSCRIPTION),
        part(there.resource_group.as_deref(), RESOURCE_GROUP),
        quoted(name.as_str())
    )
}

/// A text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_word() {
        assert_eq!(quoted("rg-egress"), "rg-egress");
        assert_eq!(quoted("a'; rm -rf ~; '"), r"'a'\''; rm -rf ~; '\'''");
        assert_eq!(quoted("$(id)"), "'$(id)'");
        assert_eq!(quoted(""), "''");
    }
}
