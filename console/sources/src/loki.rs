//! Loki over its HTTP API. Live tail asks again each second, from the last entry on: it works through proxies that
//! pass no WebSocket.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use console_model::{
    Labels, TimeRange,
    log::{Direction, LogAnswer, LogEntry, LogStream, TailFrame},
    metric::{QueryAnswer, QueryStats, QueryValue, Sample, Series},
};
use console_storage::{
    SourceError,
    source::{LogsSource, TailOptions},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::http::{Remote, RemoteConfig};

const TAIL_EVERY: Duration = Duration::from_secs(1);
const TAIL_LIMIT: usize = 1000;
const TAIL_QUEUE: usize = 16;

/// Logs over Loki's HTTP API.
#[derive(Clone, Debug)]
pub struct LokiSource {
    remote: Remote,
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Streams(Vec<StreamRow>),
    Vector(Vec<VectorRow>),
    Matrix(Vec<MatrixRow>),
    Scalar((f64, String)),
}

#[derive(Deserialize)]
struct StreamRow {
    stream: BTreeMap<String, String>,
    values: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct VectorRow {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

#[derive(Deserialize)]
struct MatrixRow {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

impl LokiSource {
    pub fn new(config: RemoteConfig) -> Result<Self, SourceError> {
        Ok(Self { remote: Remote::new("Loki", config)? })
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, SourceError> {
        let (status, body) = self.remote.get(path, query).await?;
        if status == 200 {
            return Ok(self.remote.decode::<Envelope<T>>(&body)?.data);
        }
        // Loki's errors are plain text.
        let message = String::from_utf8_lossy(&body).trim().chars().take(1000).collect::<String>();
        Err(match status {
            400 => SourceError::Invalid { message, position: None },
            404 => SourceError::NotFound(message),
            429 => SourceError::Limit(message),
            504 => SourceError::Timeout,
            _ => self.remote.unavailable(format!("{status} {message}")),
        })
    }
}

fn number(text: &str) -> Result<f64, SourceError> {
    text.replace("+Inf", "inf")
        .parse()
        .map_err(|_| SourceError::Internal(format!("not a sample value: {text:?}")))
}

fn point((t, v): &(f64, String)) -> Result<Sample, SourceError> {
    Ok(Sample { t_ms: (t * 1000.0).round() as i64, v: number(v)? })
}

fn answer(data: Data) -> Result<LogAnswer, SourceError> {
    let metric = |value| {
        LogAnswer::Metric(QueryAnswer {
            value,
            warnings: Vec::new(),
            infos: Vec::new(),
            stats: QueryStats::default(),
        })
    };
    Ok(match data {
        Data::Streams(rows) => {
            let streams = rows.into_iter().map(stream).collect::<Result<_, _>>()?;
            LogAnswer::Streams { streams, stats: QueryStats::default() }
        }
        Data::Vector(rows) => {
            let row = |r: &VectorRow| Ok((Labels::from_pairs(&r.metric), point(&r.value)?));
            metric(QueryValue::Vector(rows.iter().map(row).collect::<Result<_, SourceError>>()?))
        }
        Data::Matrix(rows) => {
            let row = |r: &MatrixRow| {
                let samples = r.values.iter().map(point).collect::<Result<_, _>>()?;
                Ok(Series { labels: Labels::from_pairs(&r.metric), samples })
            };
            metric(QueryValue::Matrix(rows.iter().map(row).collect::<Result<_, SourceError>>()?))
        }
        Data::Scalar(s) => metric(QueryValue::Scalar(point(&s)?)),
    })
}

fn stream(row: StreamRow) -> Result<LogStream, SourceError> {
    let entry = |(t, line): (String, String)| {
        let t_ns =
            t.parse().map_err(|_| SourceError::Internal(format!("not a time in nanoseconds: {t:?}")))?;
        Ok(LogEntry { t_ns, line, metadata: Vec::new() })
    };
    let entries = row.values.into_iter().map(entry).collect::<Result<_, SourceError>>()?;
    Ok(LogStream { labels: Labels::from_pairs(row.stream), entries })
}

fn direction_name(direction: Direction) -> String {
    match direction {
        Direction::Forward => "forward".to_owned(),
        Direction::Backward => "backward".to_owned(),
    }
}

fn span(range: TimeRange) -> [(&'static str, String); 2] {
    [("start", range.start_ns().to_string()), ("end", range.end_ns().to_string())]
}

fn values_path(name: &str) -> Result<String, SourceError> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(SourceError::Invalid {
            message: format!("invalid label name: {name:?}"),
            position: None,
        });
    }
    Ok(format!("/loki/api/v1/label/{name}/values"))
}

#[async_trait]
impl LogsSource for LokiSource {
    async fn query(
        &self,
        expr: &str,
        at_ns: i64,
        limit: usize,
        direction: Direction,
    ) -> Result<LogAnswer, SourceError> {
        let query = [
            ("query", expr.to_owned()),
            ("time", at_ns.to_string()),
            ("limit", limit.to_string()),
            ("direction", direction_name(direction)),
        ];
        answer(self.ask("/loki/api/v1/query", &query).await?)
    }

    async fn query_range(
        &self,
        expr: &str,
        start_ns: i64,
        end_ns: i64,
        step_ms: i64,
        limit: usize,
        direction: Direction,
    ) -> Result<LogAnswer, SourceError> {
        let query = [
            ("query", expr.to_owned()),
            ("start", start_ns.to_string()),
            ("end", end_ns.to_string()),
            ("step", format!("{}ms", step_ms.max(1))),
            ("limit", limit.to_string()),
            ("direction", direction_name(direction)),
        ];
        answer(self.ask("/loki/api/v1/query_range", &query).await?)
    }

    async fn label_names(&self, range: TimeRange) -> Result<Vec<String>, SourceError> {
        Ok(self.ask::<Option<Vec<String>>>("/loki/api/v1/labels", &span(range)).await?.unwrap_or_default())
    }

    async fn label_values(&self, name: &str, range: TimeRange) -> Result<Vec<String>, SourceError> {
        Ok(self.ask::<Option<Vec<String>>>(&values_path(name)?, &span(range)).await?.unwrap_or_default())
    }

    async fn series(&self, matchers: &[String], range: TimeRange) -> Result<Vec<Labels>, SourceError> {
        let mut query: Vec<(&str, String)> = matchers.iter().map(|m| ("match[]", m.clone())).collect();
        query.extend(span(range));
        let rows: Vec<BTreeMap<String, String>> = self.ask("/loki/api/v1/series", &query).await?;
        Ok(rows.into_iter().map(Labels::from_pairs).collect())
    }

    async fn tail(&self, expr: &str) -> Result<tokio::sync::mpsc::Receiver<TailFrame>, SourceError> {
        self.tail_with(expr, TailOptions::default()).await
    }

    async fn tail_with(
        &self,
        expr: &str,
        options: TailOptions,
    ) -> Result<tokio::sync::mpsc::Receiver<TailFrame>, SourceError> {
        let (frames, receiver) = tokio::sync::mpsc::channel(TAIL_QUEUE);
        let (source, expr) = (self.clone(), expr.to_owned());
        let delay_ns = i64::try_from(options.delay_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let mut from_ns = console_model::clock::now_ns().saturating_sub(delay_ns);
        // A wrong query is the caller's error now, not a silent stream.
        let (start_ns, limit) = match options.start_ns.filter(|_| options.limit > 0) {
            Some(start_ns) => (start_ns.min(from_ns), options.limit),
            None => (from_ns - 1_000_000_000, 1),
        };
        let before = source.query_range(&expr, start_ns, from_ns, 1000, limit, Direction::Backward).await?;
        if let (Some(_), LogAnswer::Streams { mut streams, .. }) = (options.start_ns, before)
            && !streams.is_empty()
            && options.limit > 0
        {
            for stream in &mut streams {
                stream.entries.reverse();
            }
            // The queue is empty: there is room.
            let _ = frames.try_send(TailFrame { streams, dropped: 0 });
        }
        tokio::spawn(async move {
            let mut missed = 0;
            while !frames.is_closed() {
                tokio::time::sleep(TAIL_EVERY).await;
                let now = console_model::clock::now_ns().saturating_sub(delay_ns);
                let found =
                    source.query_range(&expr, from_ns, now, 1000, TAIL_LIMIT, Direction::Forward).await;
                let Ok(LogAnswer::Streams { streams, .. }) = found else { continue };
                let entries: usize = streams.iter().map(|s| s.entries.len()).sum();
                let last = streams.iter().flat_map(|s| &s.entries).map(|e| e.t_ns).max();
                from_ns = if entries < TAIL_LIMIT { now } else { last.map_or(now, |t| t + 1) };
                if entries == 0 {
                    continue;
                }
                match frames.try_send(TailFrame { streams, dropped: missed }) {
                    Ok(()) => missed = 0,
                    Err(_) => missed += entries as u64,
                }
            }
        });
        Ok(receiver)
    }

    async fn label_names_of(&self, selector: &str, range: TimeRange) -> Result<Vec<String>, SourceError> {
        let mut query = span(range).to_vec();
        query.push(("query", selector.to_owned()));
        Ok(self.ask::<Option<Vec<String>>>("/loki/api/v1/labels", &query).await?.unwrap_or_default())
    }

    async fn label_values_of(
        &self,
        name: &str,
        selector: &str,
        range: TimeRange,
    ) -> Result<Vec<String>, SourceError> {
        let mut query = span(range).to_vec();
        query.push(("query", selector.to_owned()));
        Ok(self.ask::<Option<Vec<String>>>(&values_path(name)?, &query).await?.unwrap_or_default())
    }

    async fn format_query(&self, expr: &str) -> Result<String, SourceError> {
        self.ask("/loki/api/v1/format_query", &[("query", expr.to_owned())]).await
    }
}
