//! The names that the `AzureCloud` service tag has for regions.

/// The suffix of the regional `AzureCloud` tag for an ARM location, as in
/// `AzureCloud.centralfrance` for `francecentral`; in lower case.
///
/// Only `AzureCloud` has names of its own; every other tag writes the ARM location, as in
/// `Storage.FranceCentral` (`azure-nsg.md §2`).
pub fn region_suffix(location: &str) -> String {
    let location = location.to_ascii_lowercase();
    match SUFFIXES.iter().find(|(arm, _)| *arm == location) {
        Some((_, suffix)) => (*suffix).to_owned(),
        None => location,
    }
}

/// ARM locations whose suffix is another word, joined by `regionId` in the file with change
/// number 343 (`azure-nsg.md §2`, observed).
const SUFFIXES: &[(&str, &str)] = &[
    ("brazilsoutheast", "brazilse"),
    ("eastusstg", "usstagee"),
    ("francecentral", "centralfrance"),
    ("francesouth", "southfrance"),
    ("germanynorth", "germanyn"),
    ("germanywestcentral", "germanywc"),
    ("norwayeast", "norwaye"),
    ("norwaywest", "norwayw"),
    ("southcentralusstg", "usstagec"),
    ("switzerlandnorth", "switzerlandn"),
    ("switzerlandwest", "switzerlandw"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_without_its_own_word_stands_for_itself() {
        assert_eq!(region_suffix("WestEurope"), "westeurope");
        assert_eq!(region_suffix("FranceCentral"), "centralfrance");
    }
}
