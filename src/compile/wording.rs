//! Lists in a message: the first few, and a sign that there are more.

use crate::flow::AddressSet;

/// How many elements of a list are told.
pub(super) const MAX_TOLD: usize = 4;

/// The first prefixes of `set`.
pub(super) fn prefixes(set: &AddressSet) -> String {
    names(&set.prefixes())
}

/// The first of `list`.
pub(super) fn names<T: ToString>(list: &[T]) -> String {
    let told = list.iter().take(MAX_TOLD);
    let mut texts: Vec<String> = told.map(|one| format!("`{}`", one.to_string())).collect();
    if list.len() > MAX_TOLD {
        texts.push("…".to_owned());
    }
    texts.join(", ")
}
