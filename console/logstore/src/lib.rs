//! `console-logstore`.
