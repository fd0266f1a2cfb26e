//! The suite over the embedded store, over the console's own API, and over Debian's Prometheus 2.42.

use std::sync::Arc;

use async_trait::async_trait;
use console_model::{
    alert::{Alert, Notification, RuleStatus},
    clock::now_ms,
    metric::{MetricKind, MetricMetadata},
};
use console_promql::{PromqlLimits, PromqlSource};
use console_proof::peer::{prometheus, remote_write};
use console_query_api::{Limits, prometheus as api};
use console_sources::{PrometheusSource, RemoteConfig};
use console_storage::{
    SourceError,
    metrics::SampleAppender,
    source::{AlertsSource, MetricsSource},
};
use console_tsdb::{Tsdb, TsdbConfig};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{
    data::batches,
    suite::{self, Adapter},
    write_request,
};

/// 2027-01-15 08:00:00 UTC.
const END_S: i64 = 1_800_000_000;

struct NoAlerts;

#[async_trait]
impl AlertsSource for NoAlerts {
    async fn alerts(&self) -> Result<Vec<Alert>, SourceError> {
        Ok(Vec::new())
    }

    async fn alert(&self, _: &str) -> Result<Option<Alert>, SourceError> {
        Ok(None)
    }

    async fn rules(&self) -> Result<Vec<RuleStatus>, SourceError> {
        Ok(Vec::new())
    }

    async fn notifications(&self, _: usize) -> Result<Vec<Notification>, SourceError> {
        Ok(Vec::new())
    }
}

fn embedded() -> (PromqlSource, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = TsdbConfig::new(dir.path());
    config.clock = Arc::new(|| END_S * 1000);
    let store = Arc::new(Tsdb::open(config).unwrap());
    let (_, refused) = store.append(&batches(END_S)).unwrap();
    assert_eq!(refused, None);
    let described = |metric: &str, kind| MetricMetadata {
        metric: metric.to_owned(),
        kind,
        help: format!("What {metric} means"),
        unit: String::new(),
    };
    let metadata = [described("requests_total", MetricKind::Counter), described("up", MetricKind::Gauge)];
    store.put_metadata(&metadata).unwrap();
    (PromqlSource::new(store, PromqlLimits::default()), dir)
}

fn adapter(source: impl MetricsSource + 'static) -> Adapter {
    Adapter {
        source: Box::new(source),
        end_s: END_S,
        has_lookback: true,
        profiles_steps: true,
        has_infos: true,
        has_metadata: true,
    }
}

#[tokio::test]
async fn the_embedded_store_answers_the_suite() {
    let (source, _dir) = embedded();
    suite::run(&adapter(source)).await;
}

#[tokio::test]
async fn the_console_s_own_api_answers_the_suite() {
    let (source, _dir) = embedded();
    let sources = api::Sources {
        metrics: Arc::new(source),
        alerts: Arc::new(NoAlerts),
        targets: None,
        process: Arc::new(api::Process::default()),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(axum::serve(listener, api::router(sources, Limits::default())).into_future());
    suite::run(&adapter(PrometheusSource::new(RemoteConfig::new(url)).unwrap())).await;
    server.abort();
}

#[tokio::test]
async fn prometheus_answers_the_suite() {
    let peer = prometheus::start(&prometheus::program().unwrap(), "", &[]).await.unwrap();
    let end_s = now_ms() / 1000;
    let body = remote_write::compress(&write_request::message(&batches(end_s))).unwrap();
    remote_write::send(peer.endpoint(), body).await.unwrap();
    let source = PrometheusSource::new(RemoteConfig::new(peer.endpoint().url(""))).unwrap();
    // Version 2.42 has neither a look-back of a query's own, nor notes, nor steps without a flag, nor metadata but of
    // what it scrapes.
    let adapter = Adapter {
        end_s,
        has_lookback: false,
        profiles_steps: false,
        has_infos: false,
        has_metadata: false,
        ..adapter(source)
    };
    suite::run(&adapter).await;
    peer.stop().await.unwrap();
}
