//! Text in, a [`Deployment`](crate::azure::Deployment) out.
//!
//! In: the text of a file, its format known. Out: a deployment, or every problem found, each with
//! its place and line. This stage opens no file, follows no reference out of the text, and guesses
//! nothing: what it does not know is refused, since it could change a verdict.

pub mod foreign;
pub mod json;

mod outline;
