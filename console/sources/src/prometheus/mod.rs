//! Prometheus, Mimir, Thanos, VictoriaMetrics: anything that answers the Prometheus HTTP API.
//!
//! What holds: an answer is bounded in bytes and in time, on both sides; errors and notes of the backend come through as
//! the console's own; a bound that a backend does not know is kept here. What a backend cannot do (a look-back of a
//! query's own, counts of series) is refused, never ignored.
//!
//! Deliberately not here: staleness markers, which this API does not tell.

mod data;
pub(crate) mod envelope;
mod exemplars;
mod histogram;
mod label_name;
mod lookback;
mod number;
mod selection;
mod statistics;
mod tsdb;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use async_trait::async_trait;
use console_model::{
    Labels, Matcher, TimeRange,
    cardinality::Cardinality,
    metric::{ExemplarSeries, MetricKind, MetricMetadata, PointSeries, QueryAnswer, QueryStats, QueryValue},
    profile::QueryProfile,
};
use console_storage::{
    SourceError,
    source::{MetricsSource, QueryOptions, QueryTime},
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::OnceCell;

use self::{
    data::Data,
    envelope::Answer,
    number::seconds,
    selection::{cut, listing, range_vector},
};
use crate::http::{Remote, RemoteConfig};

type Asked<T> = Result<T, SourceError>;
type Parameters = Vec<(&'static str, String)>;

/// Metrics over the Prometheus HTTP API. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PrometheusSource {
    remote: Remote,
    /// The parameter that sets a query's look-back, once it is known; none where the backend has none.
    lookback: Arc<OnceCell<Option<&'static str>>>,
}

#[derive(Deserialize)]
struct Family {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    help: String,
    #[serde(default)]
    unit: String,
}

impl PrometheusSource {
    pub fn new(config: RemoteConfig) -> Result<Self, SourceError> {
        Ok(Self { remote: Remote::new("Prometheus", config)?, lookback: Arc::default() })
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, parameters: &Parameters) -> Asked<Answer<T>> {
        let (status, body) = self.remote.get_or_post(path, parameters).await?;
        envelope::open(&self.remote, status, &body)
    }

    /// As [`Self::ask`], of what not every backend has: none where there is no such endpoint.
    async fn ask_if_there<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &Parameters,
    ) -> Asked<Option<Answer<T>>> {
        let (status, body) = self.remote.get_or_post(path, parameters).await?;
        if matches!(status, 204 | 404 | 405 | 501) {
            return Ok(None);
        }
        envelope::open(&self.remote, status, &body).map(Some)
    }

    /// A list that has no place for notes: what the backend warns of is logged.
    async fn list<T: DeserializeOwned>(&self, path: &str, parameters: &Parameters) -> Asked<T> {
        let answer = self.ask(path, parameters).await?;
        if !answer.warnings.is_empty() {
            tracing::warn!(path, warnings = ?answer.warnings, "a remote list of metrics comes with warnings");
        }
        Ok(answer.data)
    }

    async fn evaluate(
        &self,
        expr: &str,
        time: QueryTime,
        options: QueryOptions,
        statistics: &str,
    ) -> Asked<(QueryAnswer, Option<QueryProfile>)> {
        let begun = Instant::now();
        let (path, mut parameters) = question(expr, time);
        parameters.push(("timeout", format!("{}ms", self.remote.timeout().as_millis())));
        parameters.push(("stats", statistics.to_owned()));
        if let Some(lookback_ms) = options.lookback_ms {
            parameters.push((self.lookback_parameter().await?, seconds(lookback_ms)));
        }
        let answer = self.ask::<Data>(path, &parameters).await.map_err(|e| envelope::located(e, expr))?;
        let Data { value, statistics } = answer.data;
        let counted = statistics.unwrap_or_default().and(answer.statistics);
        let took_us = begun.elapsed().as_micros() as u64;
        let stats = QueryStats {
            // Where the backend does not say how many it read, at least those that it answers.
            series: counted.series().unwrap_or(value.rows() as u64),
            samples: counted.samples(),
            bytes: answer.bytes as u64,
            duration_us: counted.duration_us().unwrap_or(took_us),
        };
        let profile = counted.profile(time);
        Ok((QueryAnswer { value, warnings: answer.warnings, infos: answer.infos, stats }, profile))
    }

    async fn lookback_parameter(&self) -> Asked<&'static str> {
        let known = self.lookback.get_or_try_init(|| lookback::parameter(&self.remote)).await?;
        known.ok_or_else(|| {
            SourceError::Unsupported("lookback_delta is not supported by this backend".to_owned())
        })
    }
}

/// The endpoint of a query and what it is asked.
fn question(expr: &str, time: QueryTime) -> (&'static str, Parameters) {
    let query = ("query", expr.to_owned());
    match time {
        QueryTime::At { at_ms } => ("/api/v1/query", vec![query, ("time", seconds(at_ms))]),
        QueryTime::Range { start_ms, end_ms, step_ms } => {
            let (start, end, step) = (seconds(start_ms), seconds(end_ms), seconds(step_ms));
            ("/api/v1/query_range", vec![query, ("start", start), ("end", end), ("step", step)])
        }
    }
}

#[async_trait]
impl MetricsSource for PrometheusSource {
    async fn query(&self, expr: &str, at_ms: i64) -> Asked<QueryAnswer> {
        self.query_with(expr, QueryTime::At { at_ms }, QueryOptions::default()).await
    }

    async fn query_range(&self, expr: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Asked<QueryAnswer> {
        self.query_with(expr, QueryTime::Range { start_ms, end_ms, step_ms }, QueryOptions::default()).await
    }

    async fn query_with(&self, expr: &str, time: QueryTime, options: QueryOptions) -> Asked<QueryAnswer> {
        Ok(self.evaluate(expr, time, options, "true").await?.0)
    }

    async fn query_profiled(
        &self,
        expr: &str,
        time: QueryTime,
        options: QueryOptions,
    ) -> Asked<(QueryAnswer, Option<QueryProfile>)> {
        self.evaluate(expr, time, options, "all").await
    }

    /// Without staleness markers.
    async fn read(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Asked<Vec<PointSeries>> {
        if start_ms > end_ms {
            return Ok(Vec::new());
        }
        let mut series = match self.query(&range_vector(matchers, start_ms, end_ms), end_ms).await?.value {
            QueryValue::PointMatrix(series) => series,
            QueryValue::Matrix(series) => series
                .into_iter()
                .map(|s| PointSeries { labels: s.labels, samples: s.samples, histograms: Vec::new() })
                .collect(),
            _ => return Err(self.remote.unavailable("it answered a range vector with another type")),
        };
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(series)
    }

    async fn series(&self, matchers: &[String], range: TimeRange, limit: usize) -> Asked<Vec<Labels>> {
        let found: Vec<BTreeMap<String, String>> =
            self.list("/api/v1/series", &listing(matchers, range, limit)).await?;
        Ok(cut(found.into_iter().map(Labels::from_pairs).collect(), limit))
    }

    async fn label_names(&self, matchers: &[String], range: TimeRange, limit: usize) -> Asked<Vec<String>> {
        Ok(cut(self.list("/api/v1/labels", &listing(matchers, range, limit)).await?, limit))
    }

    async fn label_values(
        &self,
        name: &str,
        matchers: &[String],
        range: TimeRange,
        limit: usize,
    ) -> Asked<Vec<String>> {
        if name.is_empty() {
            let message = format!("invalid label name: {name:?}");
            return Err(SourceError::Invalid { message, position: None });
        }
        let path = format!("/api/v1/label/{}/values", label_name::escaped(name));
        Ok(cut(self.list(&path, &listing(matchers, range, limit)).await?, limit))
    }

    /// The backend is asked for all: which ones it gives within a bound is its own choice.
    async fn metadata(&self, metric: Option<&str>, limit: usize) -> Asked<Vec<MetricMetadata>> {
        let parameters = metric.map(|m| ("metric", m.to_owned())).into_iter().collect();
        let families: BTreeMap<String, Vec<Family>> = self.list("/api/v1/metadata", &parameters).await?;
        let described = |(metric, entries): (String, Vec<Family>)| {
            entries.into_iter().map(move |family| MetricMetadata {
                metric: metric.clone(),
                kind: serde_json::from_value(family.r#type.into()).unwrap_or(MetricKind::Unknown),
                help: family.help,
                unit: family.unit,
            })
        };
        let most = if limit == 0 { usize::MAX } else { limit };
        Ok(families.into_iter().flat_map(described).take(most).collect())
    }

    async fn exemplars(&self, expr: &str, range: TimeRange) -> Asked<Vec<ExemplarSeries>> {
        let mut parameters = vec![("query", expr.to_owned())];
        parameters.extend(selection::times(range));
        let answer = self.ask_if_there("/api/v1/query_exemplars", &parameters).await;
        let answer = answer.map_err(|e| envelope::located(e, expr))?;
        Ok(answer.map_or_else(Vec::new, |a| exemplars::series(a.data)))
    }

    async fn cardinality(&self, limit: usize) -> Asked<Cardinality> {
        // VictoriaMetrics has a name of its own for the bound.
        let parameters = vec![("limit", limit.to_string()), ("topN", limit.to_string())];
        match self.ask_if_there("/api/v1/status/tsdb", &parameters).await? {
            Some(answer) => Ok(tsdb::cardinality(answer.data, limit)),
            None => Err(SourceError::Unsupported("this backend does not count its series".to_owned())),
        }
    }
}
