//! What every stage may know: where text stands, and what is to be said about it.
//!
//! A stage makes [`Diagnostic`] values and returns them; [`render`] draws them for a terminal, and
//! `report` turns them into JSON. Nothing here parses, decides or prints, and nothing formats while
//! another stage analyses. The stage names no other.

mod code;
mod finding;
pub mod render;
pub mod similar;
mod source;
mod span;

pub use code::Code;
pub use code::Severity;
pub use finding::Diagnostic;
pub use finding::Edit;
pub use finding::Fix;
pub use finding::Label;
pub use source::MAX_SOURCE_BYTES;
pub use source::Position;
pub use source::SourceError;
pub use source::SourceFile;
pub use source::SourceMap;
pub use span::FileId;
pub use span::Span;
pub use span::Spanned;
