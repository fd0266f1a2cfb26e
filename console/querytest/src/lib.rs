//! Runs scripts in Prometheus' PromQL test language against this workspace's engine, on a store of its own.
//!
//! What holds: an evaluation passes only when its value, its annotations and its order are as the script says, at the
//! instant, with `@` on every selector at other instants, and as the middle of a range. The language is described in
//! prometheus/promql/promqltest/README.md.

mod chunk;
mod compare;
mod expectation;
mod nhcb;
mod notation;
pub mod queries;
mod runner;
pub mod score;
mod script;
mod start_times;
mod store;

pub use runner::{Verdict, run, run_all, run_with};
pub use script::ScriptError;
pub use store::MemoryStore;
