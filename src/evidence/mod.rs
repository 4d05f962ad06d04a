//! The `evidence` stage.
