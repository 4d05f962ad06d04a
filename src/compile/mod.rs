//! The `compile` stage.
