//! Prometheus scraping: targets are asked for their metrics at an interval, and the samples go to the store.
//!
//! What holds: files and answers mean what they mean to Prometheus; a field that is not supported is refused by name,
//! never ignored; a scrape is stored as a whole or not at all, and costs at most `body_size_limit` of memory; a target
//! that goes down, is removed, or drops a series leaves staleness markers; every scrape, good or bad, leaves `up` and
//! its companions.
//!
//! Deliberately not here: created timestamps, service discovery other than static lists, files, HTTP and Kubernetes, and
//! how a cluster's objects are watched, which is behind [`ClusterDiscovery`].

pub mod config;
mod discovery;
mod error;
pub mod exposition;
mod http;
mod job;
pub mod names;
pub mod protocol;
pub mod relabel;
mod run;
mod source;
mod status;
mod store;
mod target;
mod worker;

pub use config::ScrapeConfig;
pub use discovery::{ClusterDiscovery, ClusterGroup, ClusterJobs, ClusterTargets};
pub use error::ScrapeError;
pub use relabel::LabelMap;
pub use run::{ScrapeDeps, run};
pub use status::{Dropped, TargetHealth, TargetStatus, Targets};
