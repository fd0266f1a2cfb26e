//! The embedded store of spans.
//!
//! Every accepted batch is one write-ahead record ([`codec`]) before it is visible. In memory a trace is a few encoded
//! chunks, decoded when read; dropping the oldest traces keeps the store inside its budget. What holds: a span
//! (trace id, span id) is stored once, and an acknowledged one survives `kill -9`.
//!
//! Deliberately not here: query evaluation (`console-traceql`), span metrics.

pub mod codec;
pub mod config;
mod slot;
mod state;
mod store;
mod tags;

pub use config::TraceStoreConfig;
pub use store::{OpenError, TraceStore, TraceStoreStats};
