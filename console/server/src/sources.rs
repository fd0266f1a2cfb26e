//! Which adapter answers for which signal.

use std::{sync::Arc, time::Duration};

use console_logql::{LogqlConfig, LogqlSource};
use console_promql::PromqlSource;
use console_sources::{
    GitDeploys, GitHubConfig, GitHubDeploys, LokiSource, NoCluster, NoDeploys, PrometheusSource,
    RemoteConfig, RunbooksFolder, TempoSource,
    kubernetes::{ClusterAccessError, KubernetesCluster},
};
use console_storage::{
    SourceError,
    source::{ClusterSource, DeploysSource, LogsSource, MetricsSource, RunbooksSource, TracesSource},
};
use console_traceql::{TraceqlConfig, TraceqlSource};

use crate::{
    config::{Config, ConfigError, GitopsConfig, KubernetesSettings, RemoteSettings, read_secret},
    stores::Stores,
};

/// The backend of a signal that this process stores itself.
pub const EMBEDDED: &str = "embedded";

/// What pages, APIs and rules read.
#[derive(Clone)]
pub struct Sources {
    pub metrics: Arc<dyn MetricsSource>,
    pub logs: Arc<dyn LogsSource>,
    pub traces: Arc<dyn TracesSource>,
    pub deploys: Arc<dyn DeploysSource>,
    /// Watched from when this was made.
    pub cluster: Arc<dyn ClusterSource>,
    pub runbooks: Arc<dyn RunbooksSource>,
    /// Addresses of remote backends for the About page; `embedded` otherwise.
    pub backends: Backends,
}

/// Where each signal is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backends {
    pub metrics: String,
    pub logs: String,
    pub traces: String,
    pub deploys: String,
    /// The address of the API server; none when no cluster is watched.
    pub cluster: Option<String>,
}

/// Why a source cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{field}")]
    Source { field: &'static str, source: SourceError },
    #[error("{field}")]
    Cluster { field: &'static str, source: ClusterAccessError },
}

impl Sources {
    /// Inside of a runtime: a cluster is watched from now on.
    pub fn new(config: &Config, stores: &Stores) -> Result<Self, SourcesError> {
        let wrong = |field| move |source| SourcesError::Source { field, source };
        let remote = &config.sources;
        let metrics: Arc<dyn MetricsSource> = match &remote.prometheus {
            Some(r) => Arc::new(
                PrometheusSource::new(remote_config("sources.prometheus", r)?)
                    .map_err(wrong("sources.prometheus"))?,
            ),
            None => Arc::new(PromqlSource::new(stores.metrics.clone(), config.query.limits())),
        };
        let logs: Arc<dyn LogsSource> = match &remote.loki {
            Some(r) => {
                Arc::new(LokiSource::new(remote_config("sources.loki", r)?).map_err(wrong("sources.loki"))?)
            }
            None => Arc::new(LogqlSource::new(stores.logs.clone(), LogqlConfig::default())),
        };
        let traces: Arc<dyn TracesSource> = match &remote.tempo {
            Some(r) => Arc::new(
                TempoSource::new(remote_config("sources.tempo", r)?).map_err(wrong("sources.tempo"))?,
            ),
            None => Arc::new(TraceqlSource::new(stores.traces.clone(), TraceqlConfig::default())),
        };
        let url = |r: &Option<RemoteSettings>| r.as_ref().map_or(EMBEDDED.to_owned(), |r| r.url.clone());
        let (cluster, cluster_address) = cluster(&config.kubernetes)?;
        Ok(Self {
            metrics,
            logs,
            traces,
            deploys: deploys(&config.gitops)?,
            cluster,
            runbooks: Arc::new(RunbooksFolder::new(&config.runbooks_dir)),
            backends: Backends {
                metrics: url(&remote.prometheus),
                logs: url(&remote.loki),
                traces: url(&remote.tempo),
                deploys: match (&config.gitops.github, &config.gitops.repository) {
                    (Some(g), _) => format!("github.com/{}/{}", g.owner, g.repo),
                    (None, Some(_)) => "local git repository".to_owned(),
                    (None, None) => "no repository".to_owned(),
                },
                cluster: cluster_address,
            },
        })
    }
}

fn deploys(config: &GitopsConfig) -> Result<Arc<dyn DeploysSource>, SourcesError> {
    if let Some(github) = &config.github {
        let token = match &github.token_file {
            Some(file) => Some(read_secret("gitops.github.token_file", file)?),
            None => None,
        };
        let source = GitHubDeploys::new(GitHubConfig {
            owner: github.owner.clone(),
            repo: github.repo.clone(),
            folder: config.folder.clone(),
            environment: config.environment.clone(),
            token,
            api_url: github.api_url.clone(),
        });
        let source = source.map_err(|source| SourcesError::Source { field: "gitops.github", source })?;
        return Ok(Arc::new(source));
    }
    Ok(match &config.repository {
        Some(repository) => {
            let source = GitDeploys::new(repository, config.folder.clone());
            Arc::new(source.for_environment(config.environment.clone()))
        }
        None => Arc::new(NoDeploys),
    })
}

/// The source with the address of the API server.
fn cluster(settings: &KubernetesSettings) -> Result<(Arc<dyn ClusterSource>, Option<String>), SourcesError> {
    let Some(watched) = settings.watched() else { return Ok((Arc::new(NoCluster), None)) };
    let field = if settings.in_cluster { "kubernetes.in_cluster" } else { "kubernetes.kubeconfig" };
    let cluster =
        KubernetesCluster::start(watched).map_err(|source| SourcesError::Cluster { field, source })?;
    let address = cluster.address().to_owned();
    Ok((Arc::new(cluster), Some(address)))
}

pub fn remote_config(field: &str, settings: &RemoteSettings) -> Result<RemoteConfig, ConfigError> {
    let mut remote = RemoteConfig::new(settings.url.clone());
    if let Some(file) = &settings.token_file {
        remote.bearer_token = Some(read_secret(&format!("{field}.token_file"), file)?);
    }
    remote.tenant = settings.tenant.clone();
    remote.timeout = Duration::from_millis(settings.timeout_ms);
    Ok(remote)
}
