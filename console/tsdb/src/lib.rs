//! `console-tsdb`.
