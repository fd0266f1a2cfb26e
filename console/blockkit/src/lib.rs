//! `console-blockkit`.
