//! `console-traceql`.
