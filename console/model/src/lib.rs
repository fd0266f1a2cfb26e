//! The console's vocabulary: labels, samples, log entries, spans, alerts, deploys, runbooks, time ranges.
//!
//! A leaf crate: plain data with serde, also compiled for the browser. No I/O, no stores, no engines.

pub mod alert;
pub mod cardinality;
pub mod clock;
pub mod cluster;
pub mod deploy;
pub mod duration;
pub mod fingerprint;
pub mod flux;
pub mod hashed;
pub mod histogram;
pub mod labels;
pub mod log;
pub mod matcher;
pub mod metric;
pub mod names;
pub mod profile;
pub mod runbook;
pub mod silence;
pub mod span;
pub mod target;
pub mod time;

pub use labels::Labels;
pub use matcher::{MatchOp, Matcher};
pub use time::TimeRange;
