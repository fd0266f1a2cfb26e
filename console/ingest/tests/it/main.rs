//! Integration tests: every pushing protocol over real sockets into real stores.

mod corpus;
mod disk_full;
mod elasticsearch;
mod forward;
mod fuzz;
mod grpc;
mod harness;
mod http;
mod loki;
mod memory;
mod metrics;
mod openmetrics;
mod partial_success;
mod protobuf;
mod remote_write;
mod scrape;
mod scrape_config;
mod scrape_kubernetes;
mod scrape_protobuf;
mod scrape_tls;
mod scrape_utf8;
mod scraping;
mod synced;
mod syslog;
mod tls;
mod zipkin;
