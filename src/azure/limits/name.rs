//! Names that Azure takes, and names that we give.

/// The longest name of a rule, collection or group that is emitted, in characters
/// (`azure-firewall.md §6.1`).
const LONGEST: usize = 80;

/// Whether a name is `[A-Za-z0-9][A-Za-z0-9_.-]{0,78}[A-Za-z0-9_]`: a name that every tool takes
/// for a group, collection or rule (`azure-firewall.md §6.1`, modelling choice). Names that exist
/// may be any.
pub fn is_emitted_name(name: &str) -> bool {
    name.len() >= 2 && is_route_name(name)
}

/// Whether a name is one of a route or route table: as above, or a single letter or digit
/// (`azure-firewall.md §5.1`).
pub(super) fn is_route_name(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_and_end_as_azure_wants() {
        for good in ["ab", "a_", "0-9", "a.b-c_", &"x".repeat(80)] {
            assert!(is_emitted_name(good), "{good}");
        }
        for bad in ["", "a", "_a", "-a", "a-", "a.", "a b", "a,b", "é1", &"x".repeat(81)] {
            assert!(!is_emitted_name(bad), "{bad}");
        }
    }
}
