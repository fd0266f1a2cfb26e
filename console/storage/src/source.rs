//! Sources: what pages, alert rules and HTTP APIs read. One implementation a backend; the reader cannot tell which.

use async_trait::async_trait;
use console_model::{
    Labels, TimeRange,
    alert::{Alert, Notification, RuleStatus},
    deploy::{DeclaredVersion, DeployCommit},
    log::{Direction, LogAnswer, TailFrame},
    metric::{MetricMetadata, QueryAnswer},
    runbook::{Runbook, RunbookEntry},
    span::{Trace, TraceId, TraceSummary},
};

use crate::{SourceError, traces::AttributeScope};

type Answer<T> = Result<T, SourceError>;

/// PromQL over some store. `matchers` are series selectors in PromQL text (`up{job="x"}`), each an alternative.
#[async_trait]
pub trait MetricsSource: Send + Sync {
    async fn query(&self, expr: &str, at_ms: i64) -> Answer<QueryAnswer>;

    /// Evaluates at `start_ms, start_ms + step_ms, ...` up to `end_ms` inclusive. `step_ms > 0`.
    async fn query_range(&self, expr: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Answer<QueryAnswer>;

    async fn series(&self, matchers: &[String], range: TimeRange, limit: usize) -> Answer<Vec<Labels>>;

    async fn label_names(&self, matchers: &[String], range: TimeRange, limit: usize) -> Answer<Vec<String>>;

    async fn label_values(
        &self,
        name: &str,
        matchers: &[String],
        range: TimeRange,
        limit: usize,
    ) -> Answer<Vec<String>>;

    async fn metadata(&self, metric: Option<&str>, limit: usize) -> Answer<Vec<MetricMetadata>>;
}

/// LogQL over some store. Times in nanoseconds, `start <= t < end`.
#[async_trait]
pub trait LogsSource: Send + Sync {
    /// Instant query: only metric expressions.
    async fn query(&self, expr: &str, at_ns: i64, limit: usize, direction: Direction) -> Answer<LogAnswer>;

    async fn query_range(
        &self,
        expr: &str,
        start_ns: i64,
        end_ns: i64,
        step_ms: i64,
        limit: usize,
        direction: Direction,
    ) -> Answer<LogAnswer>;

    async fn label_names(&self, range: TimeRange) -> Answer<Vec<String>>;

    async fn label_values(&self, name: &str, range: TimeRange) -> Answer<Vec<String>>;

    async fn series(&self, matchers: &[String], range: TimeRange) -> Answer<Vec<Labels>>;

    /// Live entries for a log expression; the stream ends when the receiver is dropped.
    async fn tail(&self, expr: &str) -> Answer<tokio::sync::mpsc::Receiver<TailFrame>>;
}

/// TraceQL over some store.
#[async_trait]
pub trait TracesSource: Send + Sync {
    async fn trace(&self, id: TraceId) -> Answer<Option<Trace>>;

    /// Newest first, at most `limit`.
    async fn search(&self, query: &str, range: TimeRange, limit: usize) -> Answer<Vec<TraceSummary>>;

    async fn tag_names(&self, range: TimeRange) -> Answer<Vec<(AttributeScope, String)>>;

    async fn tag_values(
        &self,
        scope: Option<AttributeScope>,
        name: &str,
        range: TimeRange,
        limit: usize,
    ) -> Answer<Vec<String>>;
}

/// The state of alerting.
#[async_trait]
pub trait AlertsSource: Send + Sync {
    /// Pending, firing and recently resolved alerts, firing first, then newest first.
    async fn alerts(&self) -> Answer<Vec<Alert>>;

    async fn alert(&self, fingerprint: &str) -> Answer<Option<Alert>>;

    async fn rules(&self) -> Answer<Vec<RuleStatus>>;

    /// Notifications, newest first.
    async fn notifications(&self, limit: usize) -> Answer<Vec<Notification>>;
}

/// What the GitOps repository says.
#[async_trait]
pub trait DeploysSource: Send + Sync {
    /// Commits that touched the GitOps folder, newest first.
    async fn history(&self, limit: usize) -> Answer<Vec<DeployCommit>>;

    /// The commit's patch of the GitOps folder, as unified diff.
    async fn diff(&self, sha: &str) -> Answer<Option<String>>;

    async fn declared_versions(&self) -> Answer<Vec<DeclaredVersion>>;
}

/// The knowledge base.
#[async_trait]
pub trait RunbooksSource: Send + Sync {
    async fn list(&self) -> Answer<Vec<RunbookEntry>>;

    /// Best match first; an empty query lists all.
    async fn search(&self, query: &str) -> Answer<Vec<RunbookEntry>>;

    async fn get(&self, slug: &str) -> Answer<Option<Runbook>>;
}
