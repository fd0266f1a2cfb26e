//! `console-querytest`.
