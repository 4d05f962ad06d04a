//! ARM locations whose `AzureCloud` tag is spelled otherwise.

use super::address::ServiceTag;

/// ARM location, and the suffix that the `AzureCloud` tag has for it (`azure-nsg.md §2`, observed).
/// All others are equal to the location.
const AZURE_CLOUD_SUFFIXES: &[(&str, &str)] = &[
    ("brazilsoutheast", "brazilse"),
    ("francecentral", "centralfrance"),
    ("francesouth", "southfrance"),
    ("germanynorth", "germanyn"),
    ("germanywestcentral", "germanywc"),
    ("norwayeast", "norwaye"),
    ("norwaywest", "norwayw"),
    ("switzerlandnorth", "switzerlandn"),
    ("switzerlandwest", "switzerlandw"),
];

/// Whether `text` is the suffix that the `AzureCloud` tag has for some location, and no location.
pub fn is_azure_suffix(text: &str) -> bool {
    AZURE_CLOUD_SUFFIXES.iter().any(|(_, suffix)| suffix.eq_ignore_ascii_case(text))
}

impl ServiceTag {
    /// The tag as Azure spells it: an ARM location behind `AzureCloud.` becomes the suffix that the
    /// tag has for it, so that a list may name its region the same way everywhere.
    #[must_use]
    pub fn with_azure_suffix(self) -> ServiceTag {
        let Some((service, location)) = self.0.split_once('.') else { return self };
        if !service.eq_ignore_ascii_case("AzureCloud") {
            return self;
        }
        AZURE_CLOUD_SUFFIXES
            .iter()
            .find(|(arm, _)| arm.eq_ignore_ascii_case(location))
            .map(|(_, suffix)| ServiceTag(format!("{service}.{suffix}")))
            .unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, spelled: &str) {
        assert_eq!(ServiceTag(written.to_owned()).with_azure_suffix().0, spelled);
    }

    #[test]
    fn only_the_azure_cloud_tag_has_suffixes_of_its_own() {
        check("AzureCloud.francecentral", "AzureCloud.centralfrance");
        check("azurecloud.NorwayEast", "azurecloud.norwaye");
        check("AzureCloud.westeurope", "AzureCloud.westeurope");
        check("Storage.FranceCentral", "Storage.FranceCentral");
        check("AzureCloud", "AzureCloud");
    }
}
