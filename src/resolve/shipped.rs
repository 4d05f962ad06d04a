//! The rulesets that are shipped inside the program, for `import std "…"`.

/// Path below `rulesets/` without its ending, and text.
const SHIPPED: &[(&str, &str)] = &[("aks/core", include_str!("../../rulesets/aks/core.egress"))];

/// The text of the ruleset that is shipped as `name`, such as `aks/core`.
pub(super) fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
}

/// The names of the shipped rulesets, ascending.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The `.egress` files below `folder`, as names of rulesets.
    fn rulesets(folder: &Path, root: &Path, into: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                rulesets(&path, root, into);
            } else if path.extension().is_some_and(|ending| ending == "egress") {
                let name = path.strip_prefix(root).unwrap().with_extension("");
                into.push(name.to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn the_table_holds_each_ruleset_but_the_examples() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rulesets");
        let mut found = Vec::new();
        rulesets(&root, &root, &mut found);
        found.retain(|name| !name.starts_with("examples/"));
        found.sort();
        assert_eq!(found, names().collect::<Vec<_>>());
    }
}
