//! The runner from outside.

mod corpus;
mod language;
