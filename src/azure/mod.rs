//! The `azure` stage.
