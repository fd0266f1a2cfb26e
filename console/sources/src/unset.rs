//! Deploys where the configuration names no repository: every question is answered with what it would need. And no cluster.

use async_trait::async_trait;
use console_model::{
    cluster::Cluster,
    deploy::{DeclaredVersion, DeployCommit},
};
use console_storage::{
    SourceError,
    source::{ClusterSource, DeploysSource},
};

/// A console in front of services whose deploys it cannot see.
pub struct NoDeploys;

fn unset<T>() -> Result<T, SourceError> {
    Err(SourceError::Unavailable {
        backend: "the history of deploys".to_owned(),
        reason: "the configuration names no repository (gitops.repository or gitops.github)".to_owned(),
    })
}

#[async_trait]
impl DeploysSource for NoDeploys {
    async fn history(&self, _limit: usize) -> Result<Vec<DeployCommit>, SourceError> {
        unset()
    }

    async fn diff(&self, _sha: &str) -> Result<Option<String>, SourceError> {
        unset()
    }

    async fn declared_versions(&self) -> Result<Vec<DeclaredVersion>, SourceError> {
        unset()
    }
}

/// A console that no cluster is configured for.
pub struct NoCluster;

#[async_trait]
impl ClusterSource for NoCluster {
    async fn cluster(&self) -> Result<Option<Cluster>, SourceError> {
        Ok(None)
    }
}
