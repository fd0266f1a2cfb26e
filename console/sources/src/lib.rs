//! Sources beyond the embedded stores: remote Prometheus, Loki and Tempo; deploys from a local clone or from GitHub; a
//! Kubernetes cluster; runbooks from a folder.
//!
//! Every adapter implements a trait of `console_storage::source`, is bounded in time and size, and turns a backend that
//! does not answer into [`console_storage::SourceError::Unavailable`] with the backend's name.

pub mod alertmanager;
pub mod git;
pub mod github;
mod http;
pub mod kubernetes;
pub mod loki;
pub mod manifests;
mod markdown;
mod overlays;
pub mod prometheus;
pub mod runbooks;
pub mod tempo;
mod unset;

pub use alertmanager::{AlertmanagerConfig, AlertmanagerSource};
pub use git::GitDeploys;
pub use github::{GitHubConfig, GitHubDeploys};
pub use http::RemoteConfig;
pub use loki::LokiSource;
pub use prometheus::PrometheusSource;
pub use runbooks::RunbooksFolder;
pub use tempo::TempoSource;
pub use unset::{NoCluster, NoDeploys};
