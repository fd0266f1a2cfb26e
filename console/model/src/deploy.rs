//! Deploys: what the GitOps repository says.

use serde::{Deserialize, Serialize};

/// One commit that touched the GitOps folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployCommit {
    pub sha: String,
    pub author: String,
    pub at_ms: i64,
    pub subject: String,
    pub body: String,
    /// Services whose manifests changed.
    pub services: Vec<String>,
    pub files: Vec<String>,
    /// A page of the commit, when the repository has one on the web.
    pub url: Option<String>,
}

/// The version that the GitOps repository declares for a service in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredVersion {
    pub service: String,
    /// The folder `apps/ENVIRONMENT`; none where the repository has no such folders.
    pub environment: Option<String>,
    pub version: String,
    /// The manifest that says so.
    pub file: String,
}
