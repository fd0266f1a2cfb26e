//! Fingerprints of label sets.

pub use console_model::fingerprint::{fingerprint, hex};
