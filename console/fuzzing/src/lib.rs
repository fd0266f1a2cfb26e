//! Bodies of the fuzz targets: what must hold for any bytes that reach a decoder, a query language or a file format.
//!
//! What holds: each body takes bytes and panics when a promise is broken; it never does so for bytes that are merely
//! wrong. The same bodies run twice: under `cargo fuzz` (`console/fuzz`, `make fuzz`), guided by coverage, and in the
//! ordinary tests of this crate, over [`mutate`]d seeds from a fixed random sequence.
//!
//! Deliberately not here: inputs that were found to break a promise. Those are tests (`tests/it/found.rs`).

pub mod block;
pub mod corpora;
pub mod elasticsearch;
pub mod exposition;
pub mod exposition_protobuf;
pub mod forward;
mod logql;
pub mod loki;
pub mod mutate;
pub mod otlp;
pub mod promql;
pub mod remote_write;
mod reseal;
pub mod rng;
mod runtime;
pub mod store;
pub mod syslog;
pub mod target;
mod text;
mod tokens;
mod traceql;
pub mod wal;
pub mod wire;
pub mod zipkin;

pub use target::{TARGETS, Target, find, fuzz_one};

/// The moment around which seeds and stores lie, milliseconds since the Unix epoch.
pub const NOW_MS: i64 = 1_700_000_000_000;
