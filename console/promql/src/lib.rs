//! `console-promql`.
