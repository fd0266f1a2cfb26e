//! Where targets come from besides static lists: files, HTTP servers that list them, and clusters.

mod cluster;
mod clusters;
mod files;
mod http;

pub use cluster::{ClusterDiscovery, ClusterGroup, ClusterJobs, ClusterTargets};
pub use clusters::Clusters;
pub use files::FileTargets;
pub use http::{Found, HttpTargets};
