//! How the engine did when it was last run against Prometheus' own tests: `make corpora` measures and records it.

/// JSON: `recorded_at_ms` (Unix time in milliseconds), and for each of `classic` and `native_histograms` the evaluations
/// `passed` and how many there are (`of`).
pub const RECORDED: &str = include_str!("../conformance.json");
