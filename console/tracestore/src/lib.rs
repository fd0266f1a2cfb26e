//! `console-tracestore`.
