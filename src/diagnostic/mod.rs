//! The `diagnostic` stage.
