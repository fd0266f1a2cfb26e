//! `console-app`.
