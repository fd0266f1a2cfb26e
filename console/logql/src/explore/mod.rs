//! What lines are like, for people who do not know yet what to ask: their fields, and their patterns.

mod drain;
pub mod fields;
pub mod patterns;
