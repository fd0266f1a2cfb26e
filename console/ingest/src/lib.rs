//! Everything that writes telemetry into the console's stores: OTLP over gRPC and HTTP, Loki push, Elasticsearch's
//! bulk API, Zipkin, syslog, Fluentd's forward protocol, Prometheus remote write and scraping.
//!
//! What holds: a write that was acknowledged is in the store's write-ahead log; a refused one says which field, limit
//! or item was wrong in the protocol's own envelope, and is counted; one bad item never takes the good ones of its
//! request with it; no input makes the process allocate more than [`limits::IngestLimits`] says, or panic.
//!
//! Deliberately not here: storage (`console_storage` ports), queries, users and sessions.

pub mod auth;
pub mod body;
mod buffer;
mod connections;
pub mod elasticsearch;
pub mod forward;
pub mod gate;
mod ingest;
mod json;
pub mod level;
pub mod limits;
pub mod loki;
pub mod metrics;
mod native;
pub mod otlp;
mod plain;
pub mod refusal;
pub mod remote_write;
pub mod scrape;
pub mod syslog;
mod wire;
pub mod zipkin;

pub use ingest::{Ingest, IngestDeps};
pub use limits::IngestLimits;
