//! What a text is that is no deployment of ours, to say so.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The keys by which other programs' documents are told apart; everything else is passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Marks {
    #[serde(rename = "$schema")]
    dollar_schema: Option<String>,
    #[serde(rename = "contentVersion")]
    content_version: Option<IgnoredAny>,
    #[serde(rename = "type")]
    resource_type: Option<String>,
    terraform_version: Option<IgnoredAny>,
    schema: Option<String>,
}

/// What `text` is, with its article, if it is a document that other programs write or another of
/// this one's.
pub fn describe(text: &str) -> Option<&'static str> {
    let Ok(marks) = serde_json::from_str::<Marks>(text) else {
        let is_list = serde_json::from_str::<Vec<IgnoredAny>>(text).is_ok();
        return is_list.then_some("a list, as `az … list` prints it");
    };
    let schema = marks.dollar_schema.unwrap_or_default();
    if schema.contains("deploymentParameters") {
        Some("a parameter file of an ARM template")
    } else if schema.contains("deploymentTemplate") || marks.content_version.is_some() {
        Some("an ARM template")
    } else if marks.terraform_version.is_some() {
        Some("a state or plan of Terraform")
    } else if marks.resource_type.is_some_and(|kind| kind.starts_with("Microsoft.")) {
        Some("a resource as `az … show` prints it")
    } else if marks.schema.is_some_and(|schema| schema.starts_with("exeat.lock/")) {
        Some("a lock")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_other_programs_are_told_apart() {
        let arm = r#"{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"}"#;
        assert_eq!(describe(arm), Some("an ARM template"));
        let shown = r#"{"name": "p", "type": "Microsoft.Network/FirewallPolicies"}"#;
        assert_eq!(describe(shown), Some("a resource as `az … show` prints it"));
        assert_eq!(describe("[{}]"), Some("a list, as `az … list` prints it"));
        assert_eq!(describe(r#"{"schema": "exeat.deployment/1"}"#), None);
        assert_eq!(describe("{"), None);
    }
}
