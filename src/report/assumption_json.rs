//! An assumption as JSON.

use serde::Serialize;

use crate::simulate::assumptions::Assumption;

/// An assumption that some verdict depended on.
#[derive(Debug, Serialize)]
pub(super) struct AssumptionJson<'a> {
    key: &'static str,
    value: &'a str,
    section: &'static str,
}

impl<'a> From<&'a Assumption> for AssumptionJson<'a> {
    fn from(one: &'a Assumption) -> AssumptionJson<'a> {
        AssumptionJson { key: one.key, value: &one.value, section: one.section }
    }
}
