//! An example that is not met, as a finding.

use super::command::Asked;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::IpProtocol;
use crate::intent::Intent;
use crate::intent::check::Expected;
use crate::simulate::Missing;
use crate::simulate::Outcome;
use crate::simulate::Verdict;
use crate::simulate::decision::Field;
use crate::simulate::regions::MAX_REGIONS;
use crate::testing::Elsewhere;
use crate::testing::Unmet;

/// What is to be said of `unmet`, an example of `intent`: what it expects, what happens and by
/// which rule, what the list says, and the command that shows the way.
pub fn finding(unmet: &Unmet<'_>, intent: &Intent, asked: &Asked<'_>) -> Diagnostic {
    let Unmet { example, flow, decision, judged, .. } = unmet;
    let expected = example.expected.keyword();
    let headline =
        format!("example `{}` expects {expected}, found {}", example.label, found(unmet));
    let mut finding = Diagnostic::new(Code::EXAMPLE_UNMET, headline)
        .at(example.origin.span, format!("expected {expected}"));
    let deny = judged.denied_by.and_then(|index| intent.denies.get(index));
    let permission = judged.by.and_then(|index| intent.permissions.get(index));
    let says = match (judged.required, judged.permitted) {
        (Some(true), _) => Some("this requires it"),
        (_, Some(true)) => Some("this permits it"),
        (_, Some(false) | None) => None,
    };
    if let Some(deny) = deny {
        finding = finding.also(deny.spans.label, "this denies it");
    } else if let Some((permission, says)) = permission.zip(says) {
        finding = finding.also(permission.spans.label, says);
    } else if judged.permitted == Some(false) {
        finding = finding.note("nothing in the list permits it");
    }
    let by_rule =
        decision.rule.as_ref().map(|rule| format!(", by rule {rule}")).unwrap_or_default();
    finding = finding.note(format!("{flow}: {} ({}){by_rule}", decision.verdict, decision.reason));
    let missing = judged.missing_with(decision);
    if !missing.is_empty() {
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        finding = finding.note(format!("it depends on what is not known: {}", missing.join(", ")));
    }
    let host =
        example.host.as_ref().map_or_else(|| "the host".to_owned(), |one| format!("`{one}`"));
    let address_matters = match &unmet.elsewhere {
        Elsewhere::Same => false,
        Elsewhere::Differs { address, verdict } => {
            finding = finding.note(format!(
                "the address of {host} is not known, and it matters: at {address}, {verdict}"
            ));
            true
        }
        Elsewhere::TooMany => {
            finding = finding.note(format!(
                "the address of {host} is not known, and more than {MAX_REGIONS} regions are told apart"
            ));
            true
        }
    };
    match unmet.others {
        0 => {}
        1 => finding = finding.note("so does another flow of the example"),
        n => finding = finding.note(format!("so do {n} other flows of the example")),
    }
    let way = asked.explain(flow);
    finding.help(if address_matters {
        format!(
            "write the address and the name the client shows, as in `A -> ADDRESS : tcp/443 tls NAME`, \
             or give it with `--lock FILE` (`exeat lock` writes one); the way of this flow: {way}"
        )
    } else if let Some(service) = unsaid(unmet) {
        format!(
            "write what the client says, as in `{service} other` or `{service} tls NAME`, or mend the list; \
             the way of the flow: {way}"
        )
    } else {
        format!("mend the example or the list; the way of the flow: {way}")
    })
}

/// The service of the flow, where the example does not write the first bytes and they bear on what
/// becomes of it.
fn unsaid(unmet: &Unmet<'_>) -> Option<String> {
    let missing = unmet.judged.missing_with(&unmet.decision);
    let is_open = missing.iter().any(|one| match one {
        Missing::Field(Field::Payload | Field::Name) => true,
        Missing::Field(Field::Inner | Field::Source)
        | Missing::Atom(_)
        | Missing::TooManyUnknowns => false,
    });
    let flow = &unmet.flow;
    let is_unsaid = flow.payload.kind().is_none() && flow.protocol == IpProtocol::TCP;
    (is_open && is_unsaid).then(|| format!("tcp/{}", flow.destination_port))
}

/// What was found in place of the expected verdict, with the objection to it where the verdict
/// itself is the expected one.
fn found(unmet: &Unmet<'_>) -> String {
    match unmet.elsewhere {
        Elsewhere::Same => {}
        Elsewhere::Differs { .. } | Elsewhere::TooMany => {
            return "undetermined: it depends on the address of the host".to_owned();
        }
    }
    let verdict = unmet.decision.verdict;
    match (unmet.example.expected, verdict, unmet.outcome) {
        (Expected::Allow, Verdict::Allow, Outcome::Leak) => {
            "a leak: Azure lets it out, and the list does not permit it".to_owned()
        }
        (Expected::Deny, Verdict::Deny, Outcome::Breakage) => {
            "a breakage: Azure stops it, and the list requires it".to_owned()
        }
        (
            Expected::Allow | Expected::Deny,
            Verdict::Allow | Verdict::Deny,
            Outcome::Undetermined,
        ) => {
            format!("{verdict}, and what the list says of it is not settled")
        }
        _ => verdict.to_string(),
    }
}
