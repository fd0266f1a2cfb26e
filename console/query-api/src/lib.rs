//! `console-query-api`.
