//! `exeat prove`: the claims, over all flows.

use std::path::Path;

use super::args::ProveArgs;
use super::failure::Failure;
use super::outcome::Outcome;
use super::rules;
use super::subject;
use super::terminal::Terminal;
use crate::prove;
use crate::prove::Standing;
use crate::simulate::Environment;
use crate::simulate::Simulator;

/// Decides every claim.
pub(super) fn run(args: &ProveArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    if subject::lists_assumptions(&args.subject.known, terminal)? {
        return Ok(Outcome::Clean);
    }
    let rules_file = args.rules_file.as_deref().map(Path::new);
    let subject = subject::load(rules_file, &args.subject, &args.rules, terminal)?;
    let name = subject.rules.as_deref();
    rules::mention_findings(name, &subject.findings, &subject.sources, &args.common, terminal)?;
    let simulator =
        Simulator::new(&subject.deployment).map_err(|error| Failure::new(error.to_string()))?;
    let environment = Environment {
        evidence: &subject.evidence,
        assumptions: &subject.assumptions,
        at: subject.at,
    };
    let asked = prove::claims::Subject {
        simulator: &simulator,
        intent: subject.intent.as_ref(),
        environment,
        day: rules::day_of(subject.at),
    };
    let proof = prove::prove(&asked, prove::claims::MAX_NODES)
        .map_err(|error| Failure::new(error.to_string()))?;
    let mut is_proved = true;
    for (claim, standing) in &proof.claims {
        let (word, found) = match standing {
            Standing::Proved => ("proved", None),
            Standing::Refuted(found) => ("refuted", Some(found)),
            Standing::Open(found) => ("open", Some(found)),
        };
        is_proved &= found.is_none();
        let mut text = format!("{word:8} {claim:?}\n");
        for found in found.into_iter().flatten() {
            text.push_str(&format!("  {}\n", found.flow));
            for (atom, holds) in &found.given {
                text.push_str(&format!("    given {atom}: {holds}\n"));
            }
            text.push_str(&format!(
                "    {} {} {:?}\n    {:?}\n",
                found.decision.verdict, found.decision.reason, found.decision.rule, found.says
            ));
        }
        terminal.write_out(&text)?;
    }
    terminal.write_out(&format!("{} nodes\n", proof.nodes))?;
    Ok(if is_proved { Outcome::Clean } else { Outcome::Objections })
}
