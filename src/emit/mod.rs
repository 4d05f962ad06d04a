//! A [`Deployment`](crate::azure::Deployment) in, text out.
//!
//! In: a deployment. Out: the text of files, the same bytes for the same deployment. This stage
//! writes no file and decides nothing: what a format cannot say safely is an error.

pub mod json;

/// Why a deployment could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// JSON could not be made of it; this is an error of the program.
    #[error("the document could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
