//! Proofs of the console against its peers: the same data and the same requests go to the console and to Prometheus,
//! VictoriaMetrics, VictoriaLogs, Loki or VictoriaTraces, and the answers and costs are compared. Nothing of the product
//! depends on this crate.

pub mod bench;
pub mod diff;
pub mod peer;
