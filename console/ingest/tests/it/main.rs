//! Integration tests: every pushing protocol over real sockets into real stores.

mod corpus;
mod fuzz;
mod grpc;
mod harness;
mod http;
mod loki;
mod metrics;
mod openmetrics;
mod remote_write;
mod scrape;
mod scrape_config;
