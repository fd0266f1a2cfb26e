//! Sources in memory. Each answers what a test told it to, and fails where a test wants it to fail.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use console_app::{About, AboutSource, Backends};
use console_model::{
    Labels, TimeRange,
    alert::{Alert, Notification, RuleStatus},
    cluster::Cluster,
    deploy::{DeclaredVersion, DeployCommit},
    flux::FluxEvent,
    log::{Direction, LogAnswer, TailFrame},
    metric::{MetricMetadata, QueryAnswer, QueryStats, QueryValue},
    runbook::{Runbook, RunbookEntry},
    span::{Trace, TraceId, TraceSummary},
};
use console_storage::{
    SourceError,
    source::{
        AlertsSource, ClusterSource, DeploysSource, FluxSource, LogsSource, MetricsSource, RunbooksSource,
        TracesSource,
    },
    traces::AttributeScope,
};
use tokio::sync::Semaphore;

/// 2027-01-15 08:00:00 UTC.
pub const NOW_MS: i64 = 1_800_000_000_000;

type Asked<T> = Result<T, SourceError>;
type Answers<T> = Box<dyn Fn(&str) -> Asked<T> + Send + Sync>;

/// What the sources know. `Default` knows nothing and never fails.
pub struct Fakes {
    /// By PromQL expression.
    pub metrics: Answers<QueryAnswer>,
    pub metric_names: Vec<String>,
    pub metadata: Vec<MetricMetadata>,
    /// By LogQL expression.
    pub logs: Answers<LogAnswer>,
    /// Where there is one, lines come when it is closed.
    pub logs_gate: Option<Arc<Semaphore>>,
    /// Labels of streams with their values.
    pub log_labels: Vec<(String, Vec<String>)>,
    /// By TraceQL expression.
    pub traces: Answers<Vec<TraceSummary>>,
    pub trace: Asked<Option<Trace>>,
    pub services: Vec<String>,
    pub alerts: Asked<Vec<Alert>>,
    pub rules: Asked<Vec<RuleStatus>>,
    pub notifications: Asked<Vec<Notification>>,
    pub commits: Asked<Vec<DeployCommit>>,
    pub diff: Asked<Option<String>>,
    pub versions: Asked<Vec<DeclaredVersion>>,
    pub flux: Asked<Option<Vec<FluxEvent>>>,
    pub cluster: Option<Cluster>,
    pub runbooks: Asked<Vec<Runbook>>,
    pub about: About,
    /// Every expression that was asked, of whichever language.
    pub heard: Arc<Mutex<Vec<String>>>,
}

pub fn answer(value: QueryValue) -> QueryAnswer {
    QueryAnswer { value, warnings: Vec::new(), infos: Vec::new(), stats: QueryStats::default() }
}

/// The backend is away.
pub fn away(backend: &str) -> SourceError {
    SourceError::Unavailable { backend: backend.to_owned(), reason: "connection refused".to_owned() }
}

impl Default for Fakes {
    fn default() -> Self {
        Self {
            metrics: Box::new(|_| Ok(answer(QueryValue::Matrix(Vec::new())))),
            metric_names: Vec::new(),
            metadata: Vec::new(),
            logs: Box::new(|expr| {
                Ok(if expr.starts_with('{') {
                    LogAnswer::Streams { streams: Vec::new(), stats: QueryStats::default() }
                } else {
                    LogAnswer::Metric(answer(QueryValue::Matrix(Vec::new())))
                })
            }),
            logs_gate: None,
            log_labels: Vec::new(),
            traces: Box::new(|_| Ok(Vec::new())),
            trace: Ok(None),
            services: Vec::new(),
            alerts: Ok(Vec::new()),
            rules: Ok(Vec::new()),
            notifications: Ok(Vec::new()),
            commits: Ok(Vec::new()),
            diff: Ok(None),
            versions: Ok(Vec::new()),
            flux: Ok(None),
            cluster: None,
            runbooks: Ok(Vec::new()),
            about: About {
                version: "0.1.0".to_owned(),
                started_at_ms: NOW_MS - 3_600_000,
                components: Vec::new(),
                targets: Vec::new(),
                discovery_problems: Vec::new(),
            },
            heard: Arc::default(),
        }
    }
}

impl Fakes {
    pub fn backends(self) -> Backends {
        let all = Arc::new(self);
        Backends {
            metrics: all.clone(),
            logs: all.clone(),
            traces: all.clone(),
            alerts: all.clone(),
            deploys: all.clone(),
            flux: all.clone(),
            cluster: all.clone(),
            runbooks: all.clone(),
            about: all,
            clock: || NOW_MS,
        }
    }

    fn hear(&self, expr: &str) {
        self.heard.lock().unwrap().push(expr.to_owned());
    }
}

#[async_trait]
impl MetricsSource for Fakes {
    async fn query(&self, expr: &str, _: i64) -> Asked<QueryAnswer> {
        self.hear(expr);
        (self.metrics)(expr)
    }

    async fn query_range(&self, expr: &str, _: i64, _: i64, _: i64) -> Asked<QueryAnswer> {
        self.hear(expr);
        (self.metrics)(expr)
    }

    async fn series(&self, _: &[String], _: TimeRange, _: usize) -> Asked<Vec<Labels>> {
        Ok(Vec::new())
    }

    async fn label_names(&self, _: &[String], _: TimeRange, _: usize) -> Asked<Vec<String>> {
        Ok(Vec::new())
    }

    async fn label_values(&self, name: &str, _: &[String], _: TimeRange, _: usize) -> Asked<Vec<String>> {
        Ok(if name == "__name__" { self.metric_names.clone() } else { Vec::new() })
    }

    async fn metadata(&self, _: Option<&str>, _: usize) -> Asked<Vec<MetricMetadata>> {
        Ok(self.metadata.clone())
    }
}

#[async_trait]
impl LogsSource for Fakes {
    async fn query(&self, expr: &str, _: i64, _: usize, _: Direction) -> Asked<LogAnswer> {
        self.hear(expr);
        (self.logs)(expr)
    }

    async fn query_range(
        &self,
        expr: &str,
        _: i64,
        _: i64,
        _: i64,
        _: usize,
        _: Direction,
    ) -> Asked<LogAnswer> {
        self.hear(expr);
        if let Some(gate) = &self.logs_gate {
            let _ = gate.acquire().await;
        }
        (self.logs)(expr)
    }

    async fn label_names(&self, _: TimeRange) -> Asked<Vec<String>> {
        Ok(self.log_labels.iter().map(|(name, _)| name.clone()).collect())
    }

    async fn label_values(&self, name: &str, _: TimeRange) -> Asked<Vec<String>> {
        Ok(self
            .log_labels
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, values)| values.clone())
            .unwrap_or_default())
    }

    async fn series(&self, _: &[String], _: TimeRange) -> Asked<Vec<Labels>> {
        Ok(Vec::new())
    }

    async fn tail(&self, _: &str) -> Asked<tokio::sync::mpsc::Receiver<TailFrame>> {
        Err(SourceError::Unsupported("tail".to_owned()))
    }
}

#[async_trait]
impl TracesSource for Fakes {
    async fn trace(&self, _: TraceId) -> Asked<Option<Trace>> {
        self.trace.clone()
    }

    async fn search(&self, query: &str, _: TimeRange, _: usize) -> Asked<Vec<TraceSummary>> {
        self.hear(query);
        (self.traces)(query)
    }

    async fn tag_names(&self, _: TimeRange) -> Asked<Vec<(AttributeScope, String)>> {
        Ok(Vec::new())
    }

    async fn tag_values(
        &self,
        _: Option<AttributeScope>,
        _: &str,
        _: TimeRange,
        _: usize,
    ) -> Asked<Vec<String>> {
        Ok(self.services.clone())
    }
}

#[async_trait]
impl AlertsSource for Fakes {
    async fn alerts(&self) -> Asked<Vec<Alert>> {
        self.alerts.clone()
    }

    async fn alert(&self, fingerprint: &str) -> Asked<Option<Alert>> {
        Ok(self.alerts.clone()?.into_iter().find(|a| a.fingerprint == fingerprint))
    }

    async fn rules(&self) -> Asked<Vec<RuleStatus>> {
        self.rules.clone()
    }

    async fn notifications(&self, limit: usize) -> Asked<Vec<Notification>> {
        Ok(self.notifications.clone()?.into_iter().take(limit).collect())
    }
}

#[async_trait]
impl DeploysSource for Fakes {
    async fn history(&self, limit: usize) -> Asked<Vec<DeployCommit>> {
        Ok(self.commits.clone()?.into_iter().take(limit).collect())
    }

    async fn diff(&self, _: &str) -> Asked<Option<String>> {
        self.diff.clone()
    }

    async fn declared_versions(&self) -> Asked<Vec<DeclaredVersion>> {
        self.versions.clone()
    }
}

#[async_trait]
impl FluxSource for Fakes {
    async fn events(&self) -> Asked<Option<Vec<FluxEvent>>> {
        self.flux.clone()
    }
}

#[async_trait]
impl ClusterSource for Fakes {
    async fn cluster(&self) -> Asked<Option<Cluster>> {
        Ok(self.cluster.clone())
    }
}

#[async_trait]
impl RunbooksSource for Fakes {
    async fn list(&self) -> Asked<Vec<RunbookEntry>> {
        let entry = |r: Runbook| RunbookEntry { slug: r.slug, title: r.title, excerpt: String::new() };
        Ok(self.runbooks.clone()?.into_iter().map(entry).collect())
    }

    async fn search(&self, query: &str) -> Asked<Vec<RunbookEntry>> {
        let all = self.list().await?;
        Ok(all.into_iter().filter(|r| r.title.contains(query)).collect())
    }

    async fn get(&self, slug: &str) -> Asked<Option<Runbook>> {
        Ok(self.runbooks.clone()?.into_iter().find(|r| r.slug == slug))
    }
}

#[async_trait]
impl AboutSource for Fakes {
    async fn about(&self) -> About {
        self.about.clone()
    }
}
