//! The Prometheus, Loki, Tempo, Jaeger and Elasticsearch HTTP APIs over the console's sources, so that Grafana, promtool and
//! logcli work unchanged.
//!
//! Each protocol keeps its own envelope, errors and time formats. The routers know sources only, not what stands
//! behind them. A reader that goes away drops the request's future, which cancels the query. Compression,
//! authentication and request limits on the whole server are the caller's layers.

pub mod elasticsearch;
pub mod jaeger;
mod json;
pub mod loki;
mod params;
pub mod prometheus;
pub mod tempo;
mod traceql;

pub use params::Limits;
