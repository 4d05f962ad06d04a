//! `exeat test`: the examples of a list, and flows near every edge.

use super::args::Format;
use super::args::TestArgs;
use super::failure::Failure;
use super::outcome::Outcome;
use super::prove::undecided;
use super::rules;
use super::subject;
use super::terminal::Terminal;
use crate::azure::Deployment;
use crate::report::test::TestReport;
use crate::simulate;
use crate::testing;
use crate::testing::Edges;
use crate::testing::MutantsError;
use crate::testing::Runs;
use crate::testing::Sides;
use crate::testing::Tested;

/// Judges the examples, and asks both sides about flows near every edge.
pub(super) fn run(args: &TestArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    if subject::lists_assumptions(&args.subject.known, terminal)? {
        return Ok(Outcome::Clean);
    }
    let accepted = accepted(&args.accept)?;
    let subject = subject::load(
        args.rules_file.as_deref(),
        &args.subject,
        &args.checks.assert,
        &args.rules,
        terminal,
    )?;
    subject.mention_findings(&args.common, terminal)?;
    let simulator = subject.simulator()?;
    let environment = subject.environment();
    let day = rules::day_of(subject.at);
    let intent = subject.intent.as_ref();
    let tested = match intent {
        Some(intent) => testing::examples(intent, &simulator, &environment, day),
        None => Tested::default(),
    };
    let sides = Sides { simulator: &simulator, intent, environment, day };
    let edges = Edges::near(&[&subject.deployment], intent, &subject.evidence);
    let runs = Runs { seed: args.seed, cases: args.cases };
    let agreement = testing::agreement(&sides, &edges, runs);
    let score = match (args.mutants, intent) {
        (false, _) => None,
        (true, Some(intent)) => Some(
            testing::mutants(&sides, &subject.deployment, intent, runs)
                .map_err(|error| no_score(&error, &subject.deployment))?,
        ),
        (true, None) => {
            return Err(Failure::with_help(
                "`--mutants`: there is no list, and so there are no examples and assertions",
                "name the rules file, too",
            ));
        }
    };
    let report = TestReport {
        subject: subject.reported(),
        at: subject.at,
        runs,
        tested: &tested,
        agreement: &agreement,
        score: score.as_ref(),
        accepted: &accepted,
        findings: &subject.findings,
    };
    let text = match args.format {
        Format::Text => report.to_text(terminal.output_style),
        Format::Json => report
            .to_json()
            .map_err(|error| Failure::new(format!("cannot write the report: {error}")))?,
    };
    terminal.write_out(&text)?;
    Ok(if report.has_objections() { Outcome::Objections } else { Outcome::Clean })
}

/// Why there is no score, and what can be done.
fn no_score(error: &MutantsError, deployment: &Deployment) -> Failure {
    match error {
        MutantsError::Prove(error) => undecided("the mutants are not judged", error, &[deployment]),
        MutantsError::Order(error) => Failure::new(error.to_string()),
    }
}

/// The boxes that are no objection.
fn accepted(words: &[String]) -> Result<Vec<simulate::Outcome>, Failure> {
    let parse = |word: &String| {
        let outcome = simulate::Outcome::from_keyword(word);
        let outcome = outcome.filter(|one| one.is_objection());
        match outcome {
            Some(simulate::Outcome::Undetermined) => Err(Failure::with_help(
                "`--accept undetermined`: undetermined flows are counted, and no objection here",
                "leave the option out",
            )),
            Some(outcome) => Ok(outcome),
            None => Err(Failure::new(format!(
                "`--accept {word}`: expected `leak`, `breakage` or `bypass`"
            ))),
        }
    };
    words.iter().map(parse).collect()
}
