//! `exeat prove`: the claims, over all flows.

use std::path::Path;

use super::args::Format;
use super::args::ProveArgs;
use super::failure::Failure;
use super::files;
use super::outcome::Outcome;
use super::rules;
use super::subject;
use super::subject::Subject;
use super::terminal::Terminal;
use super::witness;
use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::certificate::Given;
use crate::certificate::Question;
use crate::certificate::Readings;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::emit;
use crate::emit::EmittedFile;
use crate::flow::set::flows::AlgebraError;
use crate::prove;
use crate::prove::ProveError;
use crate::report::prove::Accepted;
use crate::report::prove::ProofReport;
use crate::simulate::assumptions::HOST_WITHOUT_PORT;
use crate::simulate::assumptions::INFRASTRUCTURE;
use crate::simulate::assumptions::PROXY_PORTS_BASE;

/// Decides every claim.
pub(super) fn run(args: &ProveArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    if subject::lists_assumptions(&args.subject.known, terminal)? {
        return Ok(Outcome::Clean);
    }
    let accepted = accepted(&args.accept)?;
    let subject = load(args, terminal)?;
    subject.mention_findings(&args.common, terminal)?;
    let certificate = certificate(args, &subject, terminal)?;
    if let Some(path) = &args.witness {
        is_a_place(path, "--witness", terminal)?;
        if args.smt.as_ref().is_some_and(|other| terminal.path(other) == terminal.path(path)) {
            return Err(Failure::new("`--smt` and `--witness` name one file; name two"));
        }
    }
    for path in args.smt.iter().chain(&args.witness) {
        files::is_no_input(path, terminal)?;
    }
    let simulator = subject.simulator()?;
    let environment = subject.environment();
    let asked = prove::claims::Subject {
        simulator: &simulator,
        intent: subject.intent.as_ref(),
        environment,
        day: rules::day_of(subject.at),
    };
    let proof = prove::prove(&asked, prove::claims::MAX_NODES)
        .map_err(|error| undecided("the claims are not decided", &error, &[&subject.deployment]))?;
    let report = ProofReport {
        subject: subject.reported(),
        at: subject.at,
        proof: &proof,
        accepted: &accepted,
        residual: prove::residual::residual(&subject.deployment).into_iter().collect(),
        findings: &subject.findings,
    };
    let text = match args.format {
        Format::Text => report.to_text(),
        Format::Json => report
            .to_json()
            .map_err(|error| Failure::new(format!("cannot write the report: {error}")))?,
    };
    if let Some((path, text)) = certificate {
        files::replace(&terminal.path(path), text.as_bytes())?;
    }
    if let Some(path) = &args.witness {
        let made = witness::witness(&asked, &report);
        files::replace(&terminal.path(path), &made.bytes)?;
        for warning in made.warnings.iter().filter(|_| !args.common.quiet) {
            let text = terminal.titled(Severity::Warning, warning);
            terminal.write_err(&text)?;
        }
    }
    terminal.write_out(&text)?;
    Ok(if report.has_objections() { Outcome::Objections } else { Outcome::Clean })
}

/// Loads what is proved. That an assertion is not decided yet is no finding of the command that
/// decides it.
fn load(args: &ProveArgs, terminal: &mut Terminal<'_>) -> Result<Subject, Failure> {
    let is_open = |found: &Diagnostic| found.code() == Code::NOT_YET_PROVED;
    let (list, asserts) = (args.rules_file.as_deref(), &args.checks.assert);
    match subject::load(list, &args.subject, asserts, &args.rules, terminal) {
        Ok(mut subject) => {
            subject.findings.retain(|found| !is_open(found));
            Ok(subject)
        }
        Err(Failure::Findings { mut diagnostics, sources }) => {
            diagnostics.retain(|found| !is_open(found));
            Err(Failure::Findings { diagnostics, sources })
        }
        Err(failure) => Err(failure),
    }
}

/// Refuses a `path` of `option` that nothing can be written to beside the report.
fn is_a_place(path: &Path, option: &str, terminal: &Terminal<'_>) -> Result<(), Failure> {
    if files::is_standard_stream(path) {
        return Err(Failure::new(format!(
            "the report goes to standard output; name a file with `{option}` (`./-` for one called `-`)",
        )));
    }
    files::may_replace(&terminal.path(path))
}

/// The certificate that was asked for, and where it goes.
fn certificate<'a>(
    args: &'a ProveArgs,
    subject: &Subject,
    terminal: &Terminal<'_>,
) -> Result<Option<(&'a Path, String)>, Failure> {
    let Some(path) = &args.smt else { return Ok(None) };
    is_a_place(path, "--smt", terminal)?;
    let Some(intent) = subject.intent.as_ref().filter(|_| subject.deployments.is_empty()) else {
        return Err(Failure::with_help(
            "the certificate is of the templates that a list compiles to, and a deployment stands in their place",
            "leave out `--deployment`, or `--smt`",
        ));
    };
    let emitted = emit::arm::write(&subject.deployment)
        .map_err(|error| Failure::new(format!("the templates cannot be written: {error}")))?;
    let is_template = |file: &&EmittedFile| !file.is_script && file.path != emit::arm::ORDER_FILE;
    let templates: Vec<Given<'_>> = emitted
        .iter()
        .filter(is_template)
        .map(|file| Given { file: &file.path, text: &file.text })
        .collect();
    let reading = |key| subject.assumptions.in_proofs().reading(key);
    let question = Question {
        subject: subject.rules.as_deref().unwrap_or_default(),
        intent,
        at: subject.at,
        templates: &templates,
        lock: subject.evidence.lock.as_ref(),
        readings: Readings {
            proxy_ports_base: reading(PROXY_PORTS_BASE),
            host_without_port: reading(HOST_WITHOUT_PORT),
            infrastructure: reading(INFRASTRUCTURE),
        },
    };
    match question.certificate() {
        Ok(text) => Ok(Some((path, text))),
        Err(error) => Err(Failure::with_help(
            format!("no certificate is written: {error}"),
            "leave out `--smt` for the proof alone",
        )),
    }
}

/// What is no objection.
fn accepted(words: &[String]) -> Result<Vec<Accepted>, Failure> {
    let parse = |word: &String| {
        Accepted::from_keyword(word).ok_or_else(|| {
            Failure::new(format!(
                "`--accept {word}`: expected `open`, `no-leak`, `no-breakage`, `nothing-around` or \
                 `assertion`"
            ))
        })
    };
    words.iter().map(parse).collect()
}

/// Why sets of flows gave no answer, and what can be done.
pub(super) fn undecided(what: &str, error: &ProveError, deployments: &[&Deployment]) -> Failure {
    match error {
        ProveError::Sets(AlgebraError::TooLarge { nodes }) => Failure::with_help(
            format!(
                "{what}: the sets of flows take more than {nodes} nodes, which are as many as are \
                 allowed{}",
                of_wide_rules(deployments)
            ),
            "leave less open, with `--service-tags FILE`, `--lock FILE` or `--assume KEY=VALUE`, or \
             have fewer rules with scattered addresses; `exeat replay` and `exeat explain` answer for \
             single flows all the same",
        ),
        ProveError::Sets(AlgebraError::UnknownCut | AlgebraError::UnknownAtom)
        | ProveError::Unconfirmed { .. } => Failure::with_help(
            format!("{what}: {error}"),
            "this is a fault of the program; please report it with the rules and deployments",
        ),
    }
}

/// The most rules that an error names.
const MAX_WIDE: usize = 3;
/// As many entries of addresses as a rule has that is made of, and not one that stands for much.
const MANY_ENTRIES: usize = 100;

/// The rules with the most entries of addresses, where there are any with many.
fn of_wide_rules(deployments: &[&Deployment]) -> String {
    let of_each = deployments.iter().flat_map(|deployment| prove::widest(deployment));
    let wide: Vec<(RuleId, usize)> =
        of_each.filter(|(_, entries)| *entries >= MANY_ENTRIES).collect();
    let named: Vec<String> = wide
        .iter()
        .take(MAX_WIDE)
        .map(|(rule, entries)| format!("`{rule}` of policy `{}` ({entries})", rule.policy))
        .collect();
    match wide.len().saturating_sub(MAX_WIDE) {
        _ if named.is_empty() => String::new(),
        0 => format!("; the rules with the most addresses are {}", named.join(", ")),
        more => format!(
            "; the rules with the most addresses are {}, and {more} more have at least {MANY_ENTRIES}",
            named.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_that_are_too_large_are_told_with_what_was_allowed_and_what_can_be_done() {
        let failure =
            undecided("it is not decided", &AlgebraError::TooLarge { nodes: 1024 }.into(), &[]);
        let Failure::Message { message, help: Some(help) } = failure else { panic!("no help") };
        assert!(message.contains("take more than 1024 nodes"), "{message}");
        assert!(help.contains("--service-tags FILE"), "{help}");
    }

    #[test]
    fn the_rules_with_the_most_addresses_are_named_with_their_groups_counted() {
        let addresses: Vec<String> = (0..120).map(|last| format!("\"10.0.0.{last}\"")).collect();
        let rule = |name: &str, sources: &str| {
            format!(
                r#"{{"name": "{name}", "ipProtocols": ["TCP"], {sources},
                    "destinationAddresses": ["203.0.113.7"], "destinationPorts": ["443"]}}"#
            )
        };
        let rules = [
            rule("one", r#""sourceAddresses": ["10.0.0.4"]"#),
            rule("group", r#""sourceIpGroups": ["g"]"#),
            rule("both", r#""sourceAddresses": ["10.0.0.4"], "sourceIpGroups": ["g"]"#),
        ];
        let text = format!(
            r#"{{"schema": "exeat.deployment/1", "ipGroups": {{"g": {{"ipAddresses": [{}]}}}},
                "firewallPolicies": {{"fwp": {{"ruleCollectionGroups": [{{"name": "rcg", "priority": 100,
                "ruleCollections": [{{"name": "net", "priority": 100, "kind": "network",
                "action": "Allow", "rules": [{}]}}]}}]}}}}}}"#,
            addresses.join(", "),
            rules.join(", ")
        );
        let deployment = crate::import::json::read(&text).expect("a deployment");
        assert_eq!(
            of_wide_rules(&[&deployment]),
            "; the rules with the most addresses are `rcg/net/both` of policy `fwp` (122), \
             `rcg/net/group` of policy `fwp` (121)"
        );
        assert_eq!(of_wide_rules(&[]), "");
    }
}
