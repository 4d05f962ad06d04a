//! The `intent` stage.
