//! Where resources lie, and how templates and commands refer to them.

use crate::azure::Scope;

use super::super::EmitError;

/// The resource group that a template is deployed to. What is `None` is given when deploying.
///
/// Azure compares both names without regard to case, and so do equality and order.
#[derive(Clone, Debug, Default)]
pub(super) struct Home {
    pub(super) subscription: Option<String>,
    pub(super) resource_group: Option<String>,
}

impl Home {
    pub(super) fn of(scope: &Scope) -> Home {
        let Scope { subscription, resource_group, location: _ } = scope.clone();
        Home { subscription, resource_group }
    }

    fn folded(&self) -> (Option<String>, Option<String>) {
        let fold = |name: &Option<String>| name.as_deref().map(str::to_ascii_lowercase);
        (fold(&self.subscription), fold(&self.resource_group))
    }

    /// The folder of its templates, with a slash at the end, or nothing where all is unknown.
    pub(super) fn folder(&self) -> Result<String, EmitError> {
        let mut folder = String::new();
        for name in [&self.subscription, &self.resource_group].into_iter().flatten() {
            if !is_plain(name) {
                return Err(EmitError::Name { name: name.clone() });
            }
            folder.push_str(name);
            folder.push('/');
        }
        Ok(folder)
    }

    /// The expression for the id of the resource of type `kind` with the names `names` that lies
    /// at `scope`, in a template that is deployed here. What is not known of its place is taken to
    /// be as here.
    pub(super) fn resource_id(&self, scope: &Scope, kind: &str, names: &[&str]) -> String {
        let there = Home::of(scope);
        let subscription =
            there.subscription.as_ref().filter(|other| !same(other, self.subscription.as_deref()));
        let group = there
            .resource_group
            .as_ref()
            .filter(|other| !same(other, self.resource_group.as_deref()));
        let mut arguments = Vec::new();
        if let Some(subscription) = subscription {
            arguments.push(quoted(subscription));
            // With a subscription the resource group must stand too.
            arguments.push(match there.resource_group.as_ref().or(self.resource_group.as_ref()) {
                Some(group) => quoted(group),
                None => "resourceGroup().name".to_owned(),
            });
        } else if let Some(group) = group {
            arguments.push(quoted(group));
        }
        arguments.push(quoted(kind));
        arguments.extend(names.iter().map(|name| quoted(name)));
        format!("[resourceId({})]", arguments.join(", "))
    }
}

impl PartialEq for Home {
    fn eq(&self, other: &Home) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for Home {}

impl Ord for Home {
    fn cmp(&self, other: &Home) -> std::cmp::Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl PartialOrd for Home {
    fn partial_cmp(&self, other: &Home) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn same(name: &str, other: Option<&str>) -> bool {
    other.is_some_and(|other| name.eq_ignore_ascii_case(other))
}

/// A text in an expression.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether `name` can be a folder, and stand in a command: what Azure allows in the name of a
/// resource group, but no dot at either end.
pub(super) fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || "_-.()".contains(c);
    !name.is_empty() && name.chars().all(allowed) && !name.starts_with('.') && !name.ends_with('.')
}
