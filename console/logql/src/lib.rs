//! `console-logql`.
