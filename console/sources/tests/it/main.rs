//! Remote sources from outside: local stub servers for what must not depend on a backend, and one suite over every
//! adapter of the metrics port.

mod adapters;
mod alertmanager;
mod data;
mod kubernetes;
mod loki;
mod stubs;
mod suite;
mod victoria_metrics;
mod write_request;
