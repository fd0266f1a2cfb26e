//! The language from outside: what is parsed, what it evaluates to, and where it ends.

mod damaged;
mod evaluation;
mod experimental;
mod formatting;
mod limits;
mod parsing;
mod profile;
mod reader;
mod refusals;
mod source;
