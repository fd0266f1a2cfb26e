//! Sources: what pages, alert rules and HTTP APIs read. One implementation a backend; the reader cannot tell which.

use async_trait::async_trait;
use console_model::{
    Labels, Matcher, TimeRange,
    alert::{Alert, Notification, RuleGroupStatus, RuleStatus},
    cardinality::Cardinality,
    cluster::Cluster,
    deploy::{DeclaredVersion, DeployCommit},
    flux::FluxEvent,
    log::{Direction, LogAnswer, LogEntry, TailFrame},
    metric::{ExemplarSeries, MetricMetadata, PointSeries, QueryAnswer, QueryStats},
    profile::QueryProfile,
    runbook::{Runbook, RunbookEntry},
    silence::Silencing,
    span::{AttributeValue, Trace, TraceId, TraceSummary},
    target::TargetList,
};

use crate::{
    SourceError,
    logs::{StreamVolumes, Windows},
    trace_query::{MetricsRange, SearchAnswer, SearchOptions, SpanMetrics, Tag, TagQuery},
    traces::AttributeScope,
};

type Answer<T> = Result<T, SourceError>;

/// When a metrics query is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryTime {
    At {
        at_ms: i64,
    },
    /// As [`MetricsSource::query_range`].
    Range {
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    },
}

/// What a single query may ask for otherwise than the source is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryOptions {
    /// How old the newest sample of a series may be to stand for its value.
    pub lookback_ms: Option<i64>,
}

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

    /// As `query` and `query_range`, with options. A source that cannot follow one refuses the query.
    async fn query_with(&self, expr: &str, time: QueryTime, options: QueryOptions) -> Answer<QueryAnswer> {
        if options.lookback_ms.is_some() {
            return Err(SourceError::Unsupported(
                "lookback_delta is not supported by this backend".to_owned(),
            ));
        }
        match time {
            QueryTime::At { at_ms } => self.query(expr, at_ms).await,
            QueryTime::Range { start_ms, end_ms, step_ms } => {
                self.query_range(expr, start_ms, end_ms, step_ms).await
            }
        }
    }

    /// As `query_with`, and what the evaluation cost step by step. None: the backend does not say.
    async fn query_profiled(
        &self,
        expr: &str,
        time: QueryTime,
        options: QueryOptions,
    ) -> Answer<(QueryAnswer, Option<QueryProfile>)> {
        Ok((self.query_with(expr, time, options).await?, None))
    }

    /// Samples as they are stored, staleness markers among them, of series that match all of `matchers`, with
    /// `start_ms <= t <= end_ms`; ordered by labels.
    async fn read(&self, _matchers: &[Matcher], _start_ms: i64, _end_ms: i64) -> Answer<Vec<PointSeries>> {
        Err(SourceError::Unsupported("this backend does not give its samples".to_owned()))
    }

    /// Exemplars of all series that a PromQL expression selects. A source that keeps none need not say so.
    async fn exemplars(&self, _expr: &str, _range: TimeRange) -> Answer<Vec<ExemplarSeries>> {
        Ok(Vec::new())
    }

    /// Where the series in memory come from, with at most `limit` entries a list.
    async fn cardinality(&self, _limit: usize) -> Answer<Cardinality> {
        Err(SourceError::Unsupported("this backend does not count its series".to_owned()))
    }
}

/// What is scraped.
#[async_trait]
pub trait TargetsSource: Send + Sync {
    async fn targets(&self) -> Answer<TargetList>;
}

/// Lines whose labels are told by where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategorizedStream {
    /// Labels of the stream, as far as stages left them.
    pub labels: Labels,
    /// Entries with their structured metadata, each with what parsers and formats gave it.
    pub entries: Vec<(LogEntry, Vec<(String, String)>)>,
}

/// Where a live tail begins, and how it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TailOptions {
    /// Entries from this time on come first, at most `limit`, the newest of them, oldest first. None: only what is new.
    pub start_ns: Option<i64>,
    /// At least 1 where there is a start.
    pub limit: usize,
    /// Each entry is told this much later, so that slower senders are not overtaken.
    pub delay_ms: u64,
}

/// What a field of lines seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    String,
    Int,
    Float,
    Boolean,
    Duration,
    Bytes,
}

/// A field found in lines or their metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectedField {
    pub label: String,
    pub field_type: FieldType,
    /// Different values among the lines that were looked at.
    pub cardinality: u64,
    /// `json`, `logfmt`; none for metadata.
    pub parsers: Vec<&'static str>,
    /// Some of its values, ordered.
    pub values: Vec<String>,
}

/// Lines that differ only where the pattern has `<_>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPattern {
    pub pattern: String,
    /// Beginning of a step in nanoseconds, and lines in it; ordered, without empty steps.
    pub samples: Vec<(i64, u64)>,
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

    /// As `tail`, with options. A source that cannot follow one refuses.
    async fn tail_with(
        &self,
        expr: &str,
        options: TailOptions,
    ) -> Answer<tokio::sync::mpsc::Receiver<TailFrame>> {
        if options == TailOptions::default() {
            return self.tail(expr).await;
        }
        Err(SourceError::Unsupported(
            "start and delay_for of a tail are not supported by this backend".to_owned(),
        ))
    }

    /// As `query_range` of a log expression, with labels told by where they come from. None: the expression is no log
    /// expression, or the backend cannot tell; then `query_range` answers.
    async fn query_categorized(
        &self,
        _expr: &str,
        _start_ns: i64,
        _end_ns: i64,
        _limit: usize,
        _direction: Direction,
    ) -> Answer<Option<(Vec<CategorizedStream>, QueryStats)>> {
        Ok(None)
    }

    /// As `label_names`, of streams that a selector matches.
    async fn label_names_of(&self, _selector: &str, _range: TimeRange) -> Answer<Vec<String>> {
        Err(SourceError::Unsupported("this backend does not tell the labels of a selector".to_owned()))
    }

    /// As `label_values`, of streams that a selector matches.
    async fn label_values_of(&self, _name: &str, _selector: &str, _range: TimeRange) -> Answer<Vec<String>> {
        Err(SourceError::Unsupported("this backend does not tell the values of a selector".to_owned()))
    }

    /// Entries and bytes of the streams that a selector (`{app="x"}`, no stages) matches, by window.
    async fn volumes(&self, _selector: &str, _windows: Windows) -> Answer<Vec<StreamVolumes>> {
        Err(SourceError::Unsupported("this backend does not tell its volumes".to_owned()))
    }

    /// Fields of the newest `lines` lines that a log expression keeps, at most `limit`, each with at most `values` values.
    async fn detected_fields(
        &self,
        _expr: &str,
        _start_ns: i64,
        _end_ns: i64,
        _lines: usize,
        _limit: usize,
        _values: usize,
    ) -> Answer<Vec<DetectedField>> {
        Err(SourceError::Unsupported("this backend does not detect fields".to_owned()))
    }

    /// Patterns of the lines that a log expression keeps, the most frequent first.
    async fn patterns(
        &self,
        _expr: &str,
        _start_ns: i64,
        _end_ns: i64,
        _step_ns: i64,
    ) -> Answer<Vec<LogPattern>> {
        Err(SourceError::Unsupported("this backend does not find patterns".to_owned()))
    }

    /// The query as the language writes it, with the spaces of its own kind.
    async fn format_query(&self, _expr: &str) -> Answer<String> {
        Err(SourceError::Unsupported("this backend does not format queries".to_owned()))
    }
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

    /// As `search`, and what it cost. A source that shows fewer spans of a trace need not say so.
    async fn search_with(
        &self,
        query: &str,
        range: TimeRange,
        options: SearchOptions,
    ) -> Answer<SearchAnswer> {
        let mut traces = self.search(query, range, options.limit).await?;
        for trace in &mut traces {
            trace.matched.truncate(options.spans_per_trace);
        }
        Ok(SearchAnswer { traces, inspected: None })
    }

    /// As `tag_names`, of matching spans only.
    async fn tag_names_of(&self, tags: &TagQuery) -> Answer<Vec<(AttributeScope, String)>> {
        if tags.matching.is_some() {
            return Err(SourceError::Unsupported(
                "this backend does not tell the tags of a query".to_owned(),
            ));
        }
        self.tag_names(tags.range).await
    }

    /// As `tag_values`, with their types and of matching spans only. `status` and `kind` are texts.
    async fn tag_values_of(&self, tag: &Tag, tags: &TagQuery) -> Answer<Vec<AttributeValue>> {
        if tags.matching.is_some() {
            return Err(SourceError::Unsupported(
                "this backend does not tell the tags of a query".to_owned(),
            ));
        }
        let values = self.tag_values(tag.scope, &tag.name, tags.range, tags.limit).await?;
        Ok(values.into_iter().map(AttributeValue::String).collect())
    }

    /// Evaluates a metrics query (`{ .. } | rate()`).
    async fn metrics_range(&self, _query: &str, _range: MetricsRange) -> Answer<SpanMetrics> {
        Err(SourceError::Unsupported("this backend does not evaluate metrics queries over spans".to_owned()))
    }
}

/// The state of alerting.
#[async_trait]
pub trait AlertsSource: Send + Sync {
    /// Pending, firing and recently resolved alerts, firing first, then newest first.
    async fn alerts(&self) -> Answer<Vec<Alert>>;

    async fn alert(&self, fingerprint: &str) -> Answer<Option<Alert>>;

    async fn rules(&self) -> Answer<Vec<RuleStatus>>;

    /// Groups in the order of the files, each with its rules and their pending and firing alerts.
    async fn rule_groups(&self) -> Answer<Vec<RuleGroupStatus>> {
        Err(SourceError::Unsupported("this backend does not tell its rule groups".to_owned()))
    }

    /// Silences, and which alerts they and others keep back. None: this backend has none of that.
    async fn silencing(&self) -> Answer<Option<Silencing>> {
        Ok(None)
    }

    /// Notifications, newest first. Unsupported where somebody else tells people and does not say what.
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

/// What Flux tells of the cluster that it applies git to.
#[async_trait]
pub trait FluxSource: Send + Sync {
    /// The newest events, in no order that matters; none when nobody may tell any.
    async fn events(&self) -> Answer<Option<Vec<FluxEvent>>>;
}

/// A Kubernetes cluster, watched.
#[async_trait]
pub trait ClusterSource: Send + Sync {
    /// What is known now, at once: nothing is asked for it. None when no cluster is configured.
    async fn cluster(&self) -> Answer<Option<Cluster>>;
}

/// The knowledge base.
#[async_trait]
pub trait RunbooksSource: Send + Sync {
    async fn list(&self) -> Answer<Vec<RunbookEntry>>;

    /// Best match first; an empty query lists all.
    async fn search(&self, query: &str) -> Answer<Vec<RunbookEntry>>;

    async fn get(&self, slug: &str) -> Answer<Option<Runbook>>;
}
