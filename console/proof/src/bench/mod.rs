//! What the console's metrics cost beside Debian's Prometheus and VictoriaMetrics: the same bytes go to one server after
//! the other, then the same queries.
//!
//! Cost is the CPU time of the server's process as Linux counts it, so that the sender beside it does not blur it.
//! Latencies do suffer from a busy machine; the load average is printed with them. Nothing here judges by an exit code:
//! a goal that is missed is a line in a table.

pub mod disk;
pub mod growth;
pub mod ingest;
pub mod load;
pub mod options;
pub mod query;
pub mod run;
pub mod scrape;
pub mod server;
mod table;
mod verdict;

pub use options::Options;
pub use run::run;
