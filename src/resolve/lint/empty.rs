//! A list that permits nothing.

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::intent::Intent;

pub(super) fn findings(intent: &Intent) -> Vec<Diagnostic> {
    if !intent.permissions.is_empty() {
        return Vec::new();
    }
    let found = Diagnostic::new(
        Code::EMPTY_LIST,
        "the list permits nothing, so everything is denied",
    )
    .help("write what may leave: `allow LABEL: SOURCES -> DESTINATIONS : SERVICES because \"…\"`");
    vec![found]
}
