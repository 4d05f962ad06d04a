//! The `flow` stage.
