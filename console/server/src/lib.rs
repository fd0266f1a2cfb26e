//! `console-server`.
