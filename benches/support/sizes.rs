//! How large what is measured is.

/// Permissions of a list, or rules of a policy: one team's, a platform's, and what Azure's limits
/// leave room for (`azure-firewall.md §6.1`).
pub(crate) const SIZES: [usize; 3] = [30, 1_000, 10_000];
