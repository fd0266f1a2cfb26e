//! PromQL of Prometheus 3: parser and evaluator over any [`console_storage::metrics::SeriesReader`].
//!
//! What holds: an accepted tree is well typed and bounded in depth. A construct that is not supported is named by the
//! error, never read nearly right. An evaluation is bounded in samples, steps and time, and stops when its caller goes
//! away.
//!
//! Deliberately not here: `info()`, start timestamps, `fill` modifiers, anchored and smoothed ranges, arithmetic in
//! durations.

pub mod ast;
pub mod conformance;
mod engine;
pub mod format;
pub mod function;
mod gofmt;
pub mod histogram;
mod kahan;
mod limits;
mod outcome;
pub mod parser;
pub mod position;
mod selectors;
mod source;

pub use engine::{Moments, evaluate, evaluate_parsed};
pub use limits::PromqlLimits;
pub use outcome::{Outcome, OutcomeValue, Point};
pub use parser::{ParseError, ParseOptions, parse, parse_selector};
pub use selectors::selectors;
pub use source::PromqlSource;
