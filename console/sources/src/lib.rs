//! `console-sources`.
