//! The `simulate` stage.
