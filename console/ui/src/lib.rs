//! `console-ui`.
