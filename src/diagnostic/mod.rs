//! What every stage may know: where text stands, and what is to be said about it.

mod span;

pub use span::FileId;
pub use span::Span;
pub use span::Spanned;

/// The longest source file, in bytes.
pub const MAX_SOURCE_BYTES: usize = 16 << 20;
