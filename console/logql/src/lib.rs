//! LogQL: parser and evaluator over any [`console_storage::logs::LogReader`].
//!
//! What holds: an accepted query means what Loki's language says; what is not supported is refused by name
//! ([`Error::Unsupported`]), never evaluated as something else. Positions are byte offsets into the query. Every
//! evaluation is bounded in lines, bytes, series and time, and stops when its caller goes away.
//!
//! Label sets in answers may hold empty values where a parser extracted one: LogQL tells them from absent labels.
//!
//! Metric queries hold a cell a series and window, never the lines or their samples, but for quantiles and counters.
//!
//! Deliberately not here: `variants`, recording rules. `approx_topk` is exact.

pub mod ast;
mod budget;
pub mod error;
mod eval;
mod explore;
mod format;
mod ip;
mod labels;
mod lexer;
mod literals;
mod parser;
mod pipeline;
mod reject;
mod source;
mod stage;
mod tail;
mod units;

pub use error::Error;
pub use parser::parse;
pub use source::{LogqlConfig, LogqlSource};
