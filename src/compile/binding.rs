//! Which firewalls enforce the policy of a list.
//!
//! The one of the policy's name, and each that says `enforces`. A firewall that nothing binds keeps
//! the policy that it has: to give it another would replace rules that the list does not know.

use super::settings;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::intent::Intent;
use crate::intent::topology::Firewall;

/// The policy that `firewall` is said to enforce: the one of its name, where nothing is said.
pub(super) fn policy_of(firewall: &Firewall) -> Key {
    Key::new(firewall.enforces.as_deref().unwrap_or(&firewall.name))
}

/// The firewalls that enforce the policy of `intent`.
pub(super) fn enforcing(intent: &Intent) -> Vec<&Firewall> {
    let policy = settings::policy_name(&intent.settings);
    intent.topology.firewalls.iter().filter(|firewall| policy_of(firewall) == policy).collect()
}

/// Every firewall that names a policy which is not there; and that no firewall enforces the policy,
/// where the list describes some.
pub(super) fn check(intent: &Intent, context: &Deployment) -> Vec<Diagnostic> {
    let policy = settings::policy_name(&intent.settings);
    let firewalls = &intent.topology.firewalls;
    let astray: Vec<Diagnostic> = firewalls
        .iter()
        .filter_map(|firewall| Some((firewall, Key::new(firewall.enforces.as_deref()?))))
        .filter(|(_, named)| *named != policy && !context.policies.contains_key(named))
        .map(|(firewall, named)| {
            Diagnostic::new(
                Code::UNENFORCED,
                format!(
                    "firewall `{}` enforces `{named}`, and no such policy is known",
                    firewall.name
                ),
            )
            .at(
                firewall.origin.span,
                format!("expected `{policy}`, or a policy of a `context` file"),
            )
            .help(format!("write `enforces \"{policy}\"`, or leave `enforces` out"))
        })
        .collect();
    if !astray.is_empty() || firewalls.is_empty() || !enforcing(intent).is_empty() {
        return astray;
    }
    let found = Diagnostic::new(
        Code::UNENFORCED,
        format!("no firewall of the list enforces its policy `{policy}`"),
    )
    .note("a policy is enforced by the firewall of its name, or by one that says `enforces`")
    .note("a firewall that is not named keeps the policy that it has");
    vec![match firewalls.as_slice() {
        [only] if only.enforces.is_none() => {
            let clause = format!(" enforces \"{policy}\" ");
            let place = before_brace(only.origin.span);
            found
                .at(only.origin.span, "of another name")
                .help(format!("write `enforces \"{policy}\"` if this firewall is meant"))
                .fix("bind the firewall", vec![Edit::insert_before(place, clause)])
        }
        firewalls => {
            let first = firewalls.first().map_or(Span::NONE, |firewall| firewall.origin.span);
            found
                .at(first, "not bound to it, nor is another")
                .help(format!("write `enforces \"{policy}\"` in each firewall that is meant"))
        }
    }]
}

/// The closing brace of a block.
fn before_brace(block: Span) -> Span {
    Span { start: block.end.saturating_sub(1).max(block.start), ..block }
}
