//! The `emit` stage.
