//! An API over a store in a folder of its own.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header::CONTENT_TYPE},
};
use console_model::{
    Labels, TimeRange,
    alert::{Alert, Notification, RuleGroupStatus, RuleStatus},
    cardinality::Cardinality,
    metric::{
        Exemplar, ExemplarSeries, MetricKind, MetricMetadata, QueryAnswer, QueryStats, QueryValue, Sample,
    },
    target::TargetList,
};
use console_promql::{PromqlLimits, PromqlSource};
use console_query_api::{
    Limits,
    prometheus::{Process, Sources, router},
};
use console_storage::{
    SourceError,
    metrics::{SampleAppender, SeriesBatch},
    source::{AlertsSource, MetricsSource, TargetsSource},
};
use console_tsdb::{Tsdb, TsdbConfig};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// 2027-01-15 08:00:00 UTC, in seconds.
pub const NOW_S: i64 = 1_800_000_000;

type Asked<T> = Result<T, SourceError>;

/// Rule groups and targets as a test wants them.
#[derive(Default)]
pub struct Told {
    pub groups: Vec<RuleGroupStatus>,
    pub targets: TargetList,
}

#[async_trait]
impl AlertsSource for Told {
    async fn alerts(&self) -> Asked<Vec<Alert>> {
        Ok(Vec::new())
    }

    async fn alert(&self, _: &str) -> Asked<Option<Alert>> {
        Ok(None)
    }

    async fn rules(&self) -> Asked<Vec<RuleStatus>> {
        Ok(Vec::new())
    }

    async fn rule_groups(&self) -> Asked<Vec<RuleGroupStatus>> {
        Ok(self.groups.clone())
    }

    async fn notifications(&self, _: usize) -> Asked<Vec<Notification>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl TargetsSource for Told {
    async fn targets(&self) -> Asked<TargetList> {
        Ok(self.targets.clone())
    }
}

/// Answers every query with one value or error, and never where it is told to be slow.
pub struct Fixed(pub Option<Asked<QueryValue>>);

#[async_trait]
impl MetricsSource for Fixed {
    async fn query(&self, _: &str, _: i64) -> Asked<QueryAnswer> {
        let Some(answer) = &self.0 else { return std::future::pending().await };
        let value = answer.clone()?;
        Ok(QueryAnswer {
            value,
            warnings: vec!["beware".to_owned()],
            infos: vec!["by the way".to_owned()],
            stats: QueryStats::default(),
        })
    }

    async fn query_range(&self, expr: &str, start_ms: i64, _: i64, _: i64) -> Asked<QueryAnswer> {
        self.query(expr, start_ms).await
    }

    async fn series(&self, _: &[String], _: TimeRange, _: usize) -> Asked<Vec<Labels>> {
        Ok(Vec::new())
    }

    async fn label_names(&self, _: &[String], _: TimeRange, _: usize) -> Asked<Vec<String>> {
        Ok(Vec::new())
    }

    async fn label_values(&self, _: &str, _: &[String], _: TimeRange, _: usize) -> Asked<Vec<String>> {
        Ok(Vec::new())
    }

    async fn metadata(&self, _: Option<&str>, _: usize) -> Asked<Vec<MetricMetadata>> {
        Ok(Vec::new())
    }

    async fn exemplars(&self, expr: &str, _: TimeRange) -> Asked<Vec<ExemplarSeries>> {
        let exemplar = Exemplar {
            labels: Labels::from_pairs([("trace_id", "ab")]),
            value: 0.25,
            t_ms: NOW_S * 1000 + 5,
        };
        let labels = Labels::from_pairs([("__name__", expr)]);
        Ok(vec![ExemplarSeries { labels, exemplars: vec![exemplar] }])
    }

    async fn cardinality(&self, _: usize) -> Asked<Cardinality> {
        Ok(Cardinality::default())
    }
}

/// An API and what it stands on.
pub struct Api {
    pub router: Router,
    _dir: Option<TempDir>,
}

fn process() -> Process {
    Process {
        version: "9.9.9".to_owned(),
        started_at_ms: NOW_S * 1000,
        external_url: "https://console.example.com".to_owned(),
        retention: "1d".to_owned(),
        flags: [("query.lookback-delta".to_owned(), "5m".to_owned())].into(),
        config_yaml: "scrape_configs: []\n".to_owned(),
        cors_origin: Some("https://(grafana|shop)\\.example\\.com".to_owned()),
        ..Process::default()
    }
}

fn sources(metrics: Arc<dyn MetricsSource>, told: Told) -> Sources {
    let told = Arc::new(told);
    Sources { metrics, alerts: told.clone(), targets: Some(told), process: Arc::new(process()) }
}

impl Api {
    /// Over a store with `up` of two instances of `shop` and one of `edge`, and a counter, all in the last five minutes.
    pub fn start() -> Self {
        Self::start_with(Told::default())
    }

    pub fn start_with(told: Told) -> Self {
        let series = |pairs: &[(&str, &str)], value: fn(i64) -> f64| {
            let samples = (0..=20).map(|i| Sample { t_ms: (NOW_S - 300 + i * 15) * 1000, v: value(i) });
            SeriesBatch::floats(Labels::from_pairs(pairs.iter().copied()), samples.collect())
        };
        let batch = [
            series(&[("__name__", "up"), ("job", "shop"), ("instance", "a")], |_| 1.0),
            series(&[("__name__", "up"), ("job", "shop"), ("instance", "b")], |_| 0.0),
            series(&[("__name__", "up"), ("job", "edge"), ("instance", "c")], |_| 1.0),
            series(&[("__name__", "http.requests_total"), ("job", "edge"), ("http.status", "200")], |i| {
                i as f64 * 3.0
            }),
        ];
        let meta = |metric: &str, kind, help: &str| MetricMetadata {
            metric: metric.to_owned(),
            kind,
            help: help.to_owned(),
            unit: String::new(),
        };
        let metadata = [
            meta("up", MetricKind::Gauge, "Whether the target answered"),
            meta("http.requests_total", MetricKind::Counter, "Requests"),
        ];
        Self::over(&batch, &metadata, told)
    }

    /// Over a store that holds what it is given.
    pub fn over(batch: &[SeriesBatch], metadata: &[MetricMetadata], told: Told) -> Self {
        Self::over_at(NOW_S * 1000, batch, metadata, told)
    }

    /// As [`Self::over`], at another time.
    pub fn over_at(now_ms: i64, batch: &[SeriesBatch], metadata: &[MetricMetadata], told: Told) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = TsdbConfig::new(dir.path());
        config.clock = Arc::new(move || now_ms);
        let store = Arc::new(Tsdb::open(config).unwrap());
        let (_, refused) = store.append(batch).unwrap();
        assert_eq!(refused, None);
        store.put_metadata(metadata).unwrap();
        let metrics = Arc::new(PromqlSource::new(store, PromqlLimits::default()));
        Self { router: router(sources(metrics, told), Limits::default()), _dir: Some(dir) }
    }

    /// Over a source that always answers the same.
    pub fn fixed(answer: Option<Asked<QueryValue>>) -> Self {
        let limits = Limits { max_query_ms: 30, ..Limits::default() };
        Self { router: router(sources(Arc::new(Fixed(answer)), Told::default()), limits), _dir: None }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|t| t == "application/json");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(is_json || body.is_empty(), "every answer is JSON");
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// The whole answer to a request below no prefix.
    pub async fn answer(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    /// The answer to a GET as it is sent.
    pub async fn text(&self, path: &str) -> (StatusCode, String) {
        self.send(Request::get(format!("/api/v1{path}")).body(Body::empty()).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, text) = self.text(path).await;
        (status, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}")))
    }

    /// `data` of a GET that must succeed, without warnings.
    pub async fn data(&self, path: &str) -> Value {
        let (status, mut answer) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        assert_eq!((&answer["status"], &answer["warnings"]), (&Value::from("success"), &Value::Null));
        answer["data"].take()
    }

    /// A form, with `path` that may have parameters too.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/v1{path}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form));
        let (status, text) = self.send(request.unwrap()).await;
        (status, serde_json::from_str(&text).unwrap())
    }
}
