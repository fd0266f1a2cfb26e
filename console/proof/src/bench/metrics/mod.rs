//! Metrics beside the newest Prometheus and VictoriaMetrics: remote write, queries over HTTP, a node exporter.

pub mod disk;
pub mod growth;
pub mod ingest;
pub mod load;
pub mod options;
pub mod query;
pub mod run;
pub mod scrape;
pub mod server;
mod verdict;

pub use options::Options;
pub use run::run;
