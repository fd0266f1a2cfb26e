//! `console-state`.
