//! TraceQL: parser, checker and evaluator over any [`console_storage::traces::SpanReader`].
//!
//! What holds: an accepted query means what Tempo's language says; what is not supported is refused by name
//! ([`Error::Unsupported`]), never evaluated as something else. Positions are byte offsets into the query.
//!
//! - `parser`, `validate`: text to syntax tree, and whether it means something;
//! - `eval`, `spanset`, `scalar`: a query over one trace; `metrics`: numbers over time from many;
//! - `conditions`: what a store may skip by; `source`: all of it as a [`console_storage::source::TracesSource`].
//!
//! Deliberately not here: sampling (`with (sample=..)` is taken and every span counted).

pub mod ast;
mod budget;
mod conditions;
mod context;
pub mod error;
mod eval;
mod lenient;
mod lexer;
mod metrics;
mod parser;
mod scalar;
mod search;
mod source;
mod spanset;
mod tags;
mod validate;
mod value;

pub use error::Error;
pub use parser::parse;
pub use source::{TraceqlConfig, TraceqlSource};
pub use validate::validate;
