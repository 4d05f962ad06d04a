//! Labels to names of rules.

use std::fmt::Write;

use sha2::Digest;
use sha2::Sha256;

/// The longest name of a rule (`azure-firewall.md §6.1`, modelling choice).
const MAX_NAME: usize = 80;

/// The shortest (`azure-firewall.md §6.1`).
const MIN_NAME: usize = 2;

/// Digits of the hash that stands for the end of a label that is too long: 64 bits.
const HASH_DIGITS: usize = 16;

/// The end of the name of a rule that denies what a permission excepts.
const EXCEPT: &str = "_except";

/// The name of the rule of the statement called `label`: `aks::pull` is `aks.pull`.
///
/// Letters, digits and dashes stay, `::` becomes a dot, and every other byte `_xx_`, so that no two
/// labels share a name. Of a name that is too long the end is a hash. The name depends on nothing
/// but the label, so it stays while others come and go.
pub(super) fn rule_name(label: &str) -> String {
    let mut name = shortened(&escaped(label), MAX_NAME);
    if name.len() < MIN_NAME {
        name.push('_');
    }
    name
}

/// The name of the rule that denies what the permission called `label` excepts. No label gives it,
/// since an underscore of a label is escaped.
pub(super) fn except_name(label: &str) -> String {
    let mut name = shortened(&escaped(label), MAX_NAME - EXCEPT.len());
    name.push_str(EXCEPT);
    name
}

/// Which of `buckets` groups the statement called `label` lies in.
pub(super) fn bucket(label: &str, buckets: u64) -> u64 {
    let digest = Sha256::digest(label.as_bytes());
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    u64::from_be_bytes(first).checked_rem(buckets).unwrap_or_default()
}

fn escaped(label: &str) -> String {
    let mut name = String::new();
    let mut rest = label;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::").filter(|after| !after.is_empty()) {
            // A dot may not stand first.
            name.push_str(if name.is_empty() { "_3a__3a_" } else { "." });
            rest = after;
            continue;
        }
        let (head, after) = rest.split_at(next.len_utf8());
        let at_an_end = name.is_empty() || after.is_empty();
        if next.is_ascii_alphanumeric() || (next == '-' && !at_an_end) {
            name.push(next);
        } else {
            for byte in head.bytes() {
                // Writing to a string cannot fail.
                let _ = write!(name, "_{byte:02x}_");
            }
        }
        rest = after;
    }
    // Azure wants a letter or digit first (`azure-firewall.md §6.1`). No other name has a second
    // underscore there: within `_xx_` come digits.
    if name.starts_with('_') || name.is_empty() {
        name.insert_str(0, "x_");
    }
    name
}

fn shortened(name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    let mut hash = String::new();
    for byte in digest.iter().take(HASH_DIGITS / 2) {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    // The name is ASCII, so every place is a border of a character.
    let kept = name.get(..longest - HASH_DIGITS - 1).unwrap_or(name);
    format!("{kept}_{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(label: &str, name: &str) {
        assert_eq!(rule_name(label), name);
    }

    #[test]
    fn a_plain_label_is_its_own_name() {
        check("pull-images", "pull-images");
        check("aks::core::pull", "aks.core.pull");
    }

    #[test]
    fn what_azure_refuses_is_escaped() {
        check("a b", "a_20_b");
        check("a.b", "a_2e_b");
        check("a_except", "a_5f_except");
        check("a-", "a_2d_");
        check("a", "a_");
        check("-a", "x__2d_a");
        check("größe", "gr_c3__b6__c3__9f_e");
    }

    #[test]
    fn long_labels_keep_their_head_and_differ_in_their_hash() {
        let first = rule_name(&format!("{}a", "x".repeat(100)));
        let second = rule_name(&format!("{}b", "x".repeat(100)));
        assert_eq!((first.len(), second.len()), (MAX_NAME, MAX_NAME));
        assert_ne!(first, second);
        assert_eq!(except_name(&"x".repeat(100)).len(), MAX_NAME);
    }
}
