//! Prometheus, Mimir, Thanos, VictoriaMetrics: anything that answers the Prometheus HTTP API.

use async_trait::async_trait;
use console_model::{
    Labels, TimeRange,
    metric::{MetricKind, MetricMetadata, QueryAnswer, QueryStats, QueryValue, Sample, Series},
};
use console_storage::{SourceError, source::MetricsSource};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

use crate::http::{Remote, RemoteConfig};

/// Metrics over the Prometheus HTTP API.
#[derive(Clone, Debug)]
pub struct PrometheusSource {
    remote: Remote,
}

#[derive(Deserialize)]
struct Envelope<T> {
    status: String,
    data: Option<T>,
    #[serde(default, rename = "errorType")]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar((f64, String)),
    String((f64, String)),
    Vector(Vec<VectorRow>),
    Matrix(Vec<MatrixRow>),
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

impl PrometheusSource {
    pub fn new(config: RemoteConfig) -> Result<Self, SourceError> {
        Ok(Self { remote: Remote::new("Prometheus", config)? })
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<(T, Vec<String>, Vec<String>), SourceError> {
        let (status, body) = self.remote.get(path, query).await?;
        let envelope: Envelope<T> = serde_json::from_slice(&body).map_err(|_| {
            self.remote.unavailable(format!("it answered {status} without Prometheus' envelope"))
        })?;
        match envelope.data {
            Some(data) if envelope.status == "success" => Ok((data, envelope.warnings, envelope.infos)),
            _ => Err(error(&envelope.error_type, envelope.error)),
        }
    }

    async fn evaluate(&self, path: &str, query: &[(&str, String)]) -> Result<QueryAnswer, SourceError> {
        let (data, warnings, infos) = self.ask::<Data>(path, query).await?;
        Ok(QueryAnswer { value: value(data)?, warnings, infos, stats: QueryStats::default() })
    }
}

fn error(kind: &str, message: String) -> SourceError {
    match kind {
        "bad_data" => SourceError::Invalid { message, position: None },
        "execution" => SourceError::Execution(message),
        "timeout" => SourceError::Timeout,
        "canceled" => SourceError::Canceled,
        "not_found" => SourceError::NotFound(message),
        _ => SourceError::Internal(message),
    }
}

fn sample((t, v): (f64, String)) -> Result<Sample, SourceError> {
    let parsed = match v.as_str() {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        other => other.parse(),
    };
    let v = parsed.map_err(|_| SourceError::Internal(format!("not a sample value: {v:?}")))?;
    Ok(Sample { t_ms: (t * 1000.0).round() as i64, v })
}

fn value(data: Data) -> Result<QueryValue, SourceError> {
    Ok(match data {
        Data::Scalar(s) => QueryValue::Scalar(sample(s)?),
        Data::String((t, value)) => QueryValue::String { t_ms: (t * 1000.0).round() as i64, value },
        Data::Vector(rows) => QueryValue::Vector(
            rows.into_iter()
                .map(|r| Ok((Labels::from_pairs(r.metric), sample(r.value)?)))
                .collect::<Result<_, SourceError>>()?,
        ),
        Data::Matrix(rows) => QueryValue::Matrix(
            rows.into_iter()
                .map(|r| {
                    let samples = r.values.into_iter().map(sample).collect::<Result<_, _>>()?;
                    Ok(Series { labels: Labels::from_pairs(r.metric), samples })
                })
                .collect::<Result<_, SourceError>>()?,
        ),
    })
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

fn selection<'a>(matchers: &[String], range: TimeRange, limit: usize) -> Vec<(&'a str, String)> {
    let mut query: Vec<(&str, String)> = matchers.iter().map(|m| ("match[]", m.clone())).collect();
    query.push(("start", seconds(range.start_ms)));
    query.push(("end", seconds(range.end_ms)));
    if limit > 0 {
        query.push(("limit", limit.to_string()));
    }
    query
}

#[async_trait]
impl MetricsSource for PrometheusSource {
    async fn query(&self, expr: &str, at_ms: i64) -> Result<QueryAnswer, SourceError> {
        self.evaluate("/api/v1/query", &[("query", expr.to_owned()), ("time", seconds(at_ms))]).await
    }

    async fn query_range(
        &self,
        expr: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<QueryAnswer, SourceError> {
        let query = [
            ("query", expr.to_owned()),
            ("start", seconds(start_ms)),
            ("end", seconds(end_ms)),
            ("step", seconds(step_ms)),
        ];
        self.evaluate("/api/v1/query_range", &query).await
    }

    async fn series(
        &self,
        matchers: &[String],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, SourceError> {
        let query = selection(matchers, range, limit);
        let (rows, ..) = self.ask::<Vec<BTreeMap<String, String>>>("/api/v1/series", &query).await?;
        Ok(rows.into_iter().map(Labels::from_pairs).collect())
    }

    async fn label_names(
        &self,
        matchers: &[String],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, SourceError> {
        Ok(self.ask("/api/v1/labels", &selection(matchers, range, limit)).await?.0)
    }

    async fn label_values(
        &self,
        name: &str,
        matchers: &[String],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, SourceError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(SourceError::Invalid {
                message: format!("invalid label name: {name:?}"),
                position: None,
            });
        }
        Ok(self.ask(&format!("/api/v1/label/{name}/values"), &selection(matchers, range, limit)).await?.0)
    }

    async fn metadata(&self, metric: Option<&str>, limit: usize) -> Result<Vec<MetricMetadata>, SourceError> {
        let mut query = Vec::new();
        if let Some(metric) = metric {
            query.push(("metric", metric.to_owned()));
        }
        if limit > 0 {
            query.push(("limit", limit.to_string()));
        }
        let (families, ..) = self.ask::<BTreeMap<String, Vec<Value>>>("/api/v1/metadata", &query).await?;
        let row = |metric: &str, entry: &Value| {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let kind = serde_json::from_value(Value::String(text("type"))).unwrap_or(MetricKind::Unknown);
            MetricMetadata { metric: metric.to_owned(), kind, help: text("help"), unit: text("unit") }
        };
        Ok(families.iter().filter_map(|(m, entries)| Some(row(m, entries.first()?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

    use super::*;

    async fn source(status: u16, body: &str) -> (PrometheusSource, MockServer) {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_raw(body, "application/json");
        Mock::given(path("/api/v1/query")).respond_with(answer).mount(&server).await;
        (PrometheusSource::new(RemoteConfig::new(server.uri())).unwrap(), server)
    }

    #[tokio::test]
    async fn a_vector_keeps_labels_times_and_special_values() {
        let body = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"__name__":"up","job":"x"},"value":[1.5,"+Inf"]}]},"warnings":["w"]}"#;
        let (source, _server) = source(200, body).await;
        let answer = source.query("up", 1500).await.unwrap();
        let QueryValue::Vector(rows) = answer.value else { panic!("not a vector") };
        assert_eq!(rows[0].0.to_string(), r#"up{job="x"}"#);
        assert_eq!((rows[0].1.t_ms, rows[0].1.v), (1500, f64::INFINITY));
        assert_eq!(answer.warnings, ["w"]);
    }

    #[tokio::test]
    async fn its_errors_keep_their_meaning() {
        let body = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        let (source, _server) = source(400, body).await;
        let error = source.query("up{", 0).await.unwrap_err();
        assert_eq!(error, SourceError::Invalid { message: "parse error".into(), position: None });
    }

    #[tokio::test]
    async fn a_proxy_s_html_is_unavailable_and_names_the_backend() {
        let (source, _server) = source(502, "<html>").await;
        let error = source.query("up", 0).await.unwrap_err();
        assert!(error.to_string().contains("Prometheus at http"), "{error}");
    }
}
