//! Writes `exeat.deployment/1` (`docs/deployment.md`).

use super::EmitError;
use super::layout;
use crate::azure::Deployment;
use crate::azure::document::Document;

/// The deployment as indented JSON, ended by a line feed: keys in the order of the documentation,
/// resources sorted by name, defaults left out. `import::json::read` gives the same deployment.
///
/// # Errors
/// None but an error of the program.
pub fn write(deployment: &Deployment) -> Result<String, EmitError> {
    layout::write(&Document::from(deployment))
}
