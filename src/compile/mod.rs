//! From the list to Azure: which resources enforce it.
//!
//! In: a resolved list, the deployment that stands beside it, the day. Out: a deployment in which
//! every rule knows the statement that it comes from, with the excess that was accepted and the
//! findings; or the reasons why the list cannot be had, with the alternatives. Nothing is widened
//! for convenience, limits or optimisation, and evidence never becomes addresses. This stage
//! decides no flow and writes no text.
//!
//! The result depends on labels, never on the order of statements: any permutation of a list
//! compiles to the same deployment. `docs/compile.md` tells the choices to users; they are made in
//!
//! - `carriage`: which statement becomes an application rule, which a network rule;
//! - `hiding`: what is a network rule that hides an application rule;
//! - `denies`: when a deny holds;
//! - `layout`: where rules lie, so that one statement is one element of one list;
//! - `binding`: which firewalls enforce the policy;
//! - `topology`: how networks, routes and firewalls are written;
//! - `unknown`: tags and categories that Azure may not have;
//! - `ways`: where the routes of a subnet lead;
//! - `unseen`: what they bring past every firewall;
//! - `beyond`: what a parent lets out that the list does not permit;
//! - `returning`: which replies do not come back through the firewall.

mod beyond;
mod binding;
mod block;
mod carriage;
mod denies;
mod excess;
mod ground;
mod hiding;
mod index;
mod inherited;
mod layout;
mod limits;
mod listed;
mod naming;
mod refusal;
mod returning;
mod settings;
mod shape;
mod sources;
mod statement;
mod topology;
mod translation;
mod unknown;
mod unseen;
mod ways;
mod wording;

use std::collections::BTreeSet;

use jiff::civil::Date;

use self::carriage::Carried;
use self::excess::Accepted;
use self::ground::Ground;
use self::index::Index;
use self::inherited::Inherited;
use self::shape::Shapes;
use self::statement::Statement;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::order::OrderError;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::intent::Intent;

pub use excess::Excess;

/// A list, compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The resources: what the list makes, and the context.
    pub deployment: Deployment,
    /// What passes beyond the names of the list, by permission.
    pub excess: Vec<Excess>,
    /// Warnings and notes, as a reader meets them.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles `intent` as it stands on `day` (UTC). `context` holds what its `context` files describe;
/// it is referred to and never ours to write.
///
/// # Errors
/// Every reason why the list cannot be had, with the warnings, as a reader meets them.
pub fn compile(
    intent: &Intent,
    context: &Deployment,
    day: Date,
) -> Result<Compiled, Vec<Diagnostic>> {
    let ground = Ground::new(intent);
    let mut findings = statement::inactive(intent, day);
    let statements = statement::active(intent, day);
    findings.extend(topology::undescribed(&intent.topology, &statements));
    findings.extend(binding::check(intent, context));
    findings.extend(unknown::check(&intent.topology, &statements));
    let policy_name = settings::policy_name(&intent.settings);
    let policy = settings::policy(intent, &ground, context);
    let carried = carry_all(&statements, intent, &ground, &mut findings);
    let mut accepted = Accepted::default();
    let mut inherited = Vec::new();
    match parents(intent, context) {
        Ok((parents, rules)) => {
            inherited = rules;
            let list = Shapes::of_list(&carried);
            let (list, parents) = (Index::new(&list), Index::new(&parents));
            findings.extend(hiding::check(&list, &parents, &ground, &mut accepted));
            findings.extend(denies::check(&list, &parents, &mut accepted));
        }
        Err(error) => findings.push(
            Diagnostic::new(Code::UNKNOWN_PARENT, error.to_string())
                .help("mend the `context` file, or export the policy and its parents again"),
        ),
    }
    let mut policy = match policy {
        Ok(policy) => policy,
        Err(more) => {
            findings.extend(more);
            return Err(in_reading_order(findings));
        }
    };
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return Err(in_reading_order(findings));
    }

    let of_parents = inherited.iter().flat_map(|rule| rule.reads_names_on().iter().copied());
    let layout = layout::lay_out(&carried, of_parents, &policy_name);
    policy.groups = layout.groups;
    let mut deployment = as_existing(context.clone());
    topology::add(&mut deployment, &intent.topology, &settings::scope(intent), &policy_name);
    let vantages = ways::vantages(&intent.topology, &ground, &deployment);
    findings.extend(statements.iter().filter_map(|one| unseen::check(one, &vantages)));
    let untranslated = translation::untranslated(&ground, &intent.settings, context);
    let beyond = beyond::check(&inherited, context, &carried, &vantages, &untranslated);
    let named = intent.settings.extends_at;
    findings.extend(beyond.into_iter().map(|found| match named {
        Some(span) => found.at(span, "its rules are looked at first"),
        None => found,
    }));
    findings.extend(returning::check(
        &carried,
        &inherited,
        &vantages,
        &untranslated,
        &ground,
        &deployment,
    ));
    deployment.policies.insert(policy_name, policy);
    deployment.origins.extend(layout.origins);
    findings.extend(limits::check(&deployment, (intent, context), &carried));
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return Err(in_reading_order(findings));
    }
    Ok(Compiled {
        deployment,
        excess: excess::gather(&carried, accepted),
        diagnostics: in_reading_order(findings),
    })
}

/// The rule of each statement that has one; what stands in the way of the others is added to
/// `findings`.
fn carry_all<'a>(
    statements: &[Statement<'a>],
    intent: &Intent,
    ground: &Ground,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Carried<'a>> {
    let mut all = Vec::new();
    for statement in statements {
        let mut refusals: BTreeSet<_> = sources::refusal(statement, ground).into_iter().collect();
        match carriage::carry(*statement, ground) {
            Ok(carried) if refusals.is_empty() => {
                findings.extend(sources::unrouted(statement, &intent.topology, ground));
                all.push(carried);
            }
            Ok(_) => {}
            Err(more) => refusals.extend(more),
        }
        findings.extend(refusals.into_iter().map(|refusal| refusal.report(statement)));
    }
    all
}

/// The rules that are looked at before ours: as far as they compete with them, and in full.
fn parents<'a, 'd>(
    intent: &Intent,
    context: &'d Deployment,
) -> Result<(Shapes<'a>, Vec<Inherited<'d>>), OrderError> {
    let Some(base) = &intent.settings.extends else { return Ok(Default::default()) };
    let base = Key::new(base);
    if !context.policies.contains_key(&base) {
        // Said by `settings`.
        return Ok(Default::default());
    }
    Ok((Shapes::of_policy(context, &base)?, inherited::rules(context, &base)?))
}

/// Nothing of a context is ours to write, whatever its file says.
fn as_existing(mut context: Deployment) -> Deployment {
    for policy in context.policies.values_mut() {
        policy.ownership = Ownership::Existing;
    }
    for firewall in context.firewalls.values_mut() {
        firewall.ownership = Ownership::Existing;
    }
    for group in context.ip_groups.values_mut() {
        group.ownership = Ownership::Existing;
    }
    for network in context.virtual_networks.values_mut() {
        network.ownership = Ownership::Existing;
    }
    for table in context.route_tables.values_mut() {
        table.ownership = Ownership::Existing;
    }
    for group in context.network_security_groups.values_mut() {
        group.ownership = Ownership::Existing;
    }
    context
}

fn in_reading_order(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    findings.sort_by_key(Diagnostic::reading_order);
    findings
}
