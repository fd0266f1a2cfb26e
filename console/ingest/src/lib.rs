//! `console-ingest`.
