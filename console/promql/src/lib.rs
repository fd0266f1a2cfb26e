//! PromQL of Prometheus 3: the language, from text to a checked syntax tree.
//!
//! What holds: an accepted tree is well typed and bounded in depth. A construct that is not supported is named by the
//! error, never read nearly right.

pub mod ast;
pub mod function;
pub mod parser;
pub mod position;

pub use parser::{ParseError, ParseOptions, parse, parse_selector};
