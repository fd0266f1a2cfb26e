//! The composition root: reads the configuration, opens the stores, starts what runs in the background, and serves
//! pages, protocols and APIs.
//!
//! What holds: a wrong configuration stops the start with every problem named; the program is ready only when stores,
//! rules and sockets are; SIGTERM lets running requests finish, then puts accepted telemetry onto the disk. Nothing
//! here depends on what the console watches.

// Pages are large types; optimised builds lay them out here.
#![recursion_limit = "512"]

mod about;
mod alerting;
mod auth;
mod check;
pub mod config;
mod data_dir;
mod error;
mod flux;
mod line_budget;
mod liveness;
mod maintenance;
mod metrics;
mod process;
mod runtime;
mod scraping;
mod senders;
mod sns;
mod sources;
mod state;
mod stores;
mod web;

pub use check::check_files;
pub use config::Config;
pub use error::error_chain;
pub use runtime::{StartError, run};
