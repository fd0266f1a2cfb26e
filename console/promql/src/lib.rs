//! PromQL of Prometheus 3: parser and evaluator over any [`console_storage::metrics::SeriesReader`].
//!
//! What holds: an accepted tree is well typed and bounded in depth. A construct that is not supported is named by the
//! error, never read nearly right. An evaluation is bounded in samples, steps and time, and stops when its caller goes
//! away.
//!
//! What Prometheus keeps behind feature flags (`info`, `fill`, `anchored`, `smoothed`, some functions) is off unless [`PromqlLimits::experimental`] says otherwise.

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
mod regexp;
mod selectors;
mod source;
mod start_times;

pub use engine::{Moments, evaluate, evaluate_parsed, evaluate_with_start_times};
pub use limits::PromqlLimits;
pub use outcome::{Outcome, OutcomeValue, Point};
pub use parser::{ParseError, ParseOptions, parse, parse_selector};
pub use regexp::check_pattern;
pub use selectors::selectors;
pub use source::PromqlSource;
pub use start_times::StartTimes;
