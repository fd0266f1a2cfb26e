//! TraceQL: parser, checker and evaluator over any [`console_storage::traces::SpanReader`].
//!
//! What holds: an accepted query means what Tempo's language says; what is not supported is refused by name
//! ([`Error::Unsupported`]), never evaluated as something else. Positions are byte offsets into the query.
//!
//! Deliberately not here: evaluation of metrics queries (`{} | rate()`), which parse and are then refused.

pub mod ast;
pub mod error;
mod eval;
mod lexer;
mod metrics;
mod parser;
mod source;
mod spanset;
mod validate;
mod value;

pub use error::Error;
pub use parser::parse;
pub use source::{TraceqlConfig, TraceqlSource};
pub use validate::validate;
