//! A flow in text.
