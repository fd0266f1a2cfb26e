//! The runner from outside.

mod cases;
mod corpus;
mod language;
