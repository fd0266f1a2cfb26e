//! Metrics derived from spans as they come in: rate, errors and duration of each span name, and the service graph, under the
//! names of Tempo's metrics-generator (`traces_spanmetrics_*`, `traces_service_graph_*`).
//!
//! What holds: ingest never waits for it and never fails because of it (a full queue drops, and counts what it drops); memory
//! has a bound whatever spans say; counters only rise while the process lives and begin at zero with it. What is counted is
//! what the store of traces took, by the time at which it came.
//!
//! Deliberately not here: stores (`console_storage` ports), sampling (a sampled-out span is not counted), native histograms.
//! Not counted once: a span that is sent again after [`SpanMetricsConfig::max_recent_spans`] others, or to another process.

mod batch;
mod config;
mod generator;
mod graph;
mod histogram;
mod names;
mod own;
mod peer;
mod queue;
mod recent;
mod series;
mod sink;
mod size;
mod spans;
mod table;
#[cfg(test)]
mod testing;
mod worker;

pub use config::SpanMetricsConfig;
pub use own::OwnMetrics;
pub use worker::{SpanMetrics, StartError};
