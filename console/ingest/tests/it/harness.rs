//! Ingest over real stores in a temporary folder, served on real sockets.

use std::{net::SocketAddr, ops::ControlFlow, sync::Arc};

use console_ingest::{Ingest, IngestDeps, IngestLimits};
use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels, MatchOp, Matcher, TimeRange,
    clock::now_ns,
    log::{Direction, LogEntry},
    metric::Series,
    span::Trace,
};
use console_storage::{logs::LogReader, metrics::SeriesReader, traces::SpanReader};
use console_tracestore::{TraceStore, TraceStoreConfig};
use console_tsdb::{Tsdb, TsdbConfig};
use prometheus::Registry;
use tokio::{net::TcpListener, sync::oneshot};

pub struct Harness {
    pub dir: tempfile::TempDir,
    pub spans: Arc<TraceStore>,
    pub logs: Arc<LogStore>,
    pub samples: Arc<Tsdb>,
    pub registry: Registry,
    pub ingest: Ingest,
    pub http: String,
    pub grpc: String,
    stop: Option<oneshot::Sender<()>>,
    grpc_task: Option<tokio::task::JoinHandle<Result<(), tonic::transport::Error>>>,
}

impl Harness {
    pub async fn start() -> Self {
        Self::with(&[], IngestLimits::default()).await
    }

    pub async fn with(tokens: &[&str], limits: IngestLimits) -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), tokens, limits).await
    }

    pub async fn in_dir(dir: tempfile::TempDir, tokens: &[&str], limits: IngestLimits) -> Self {
        let spans = Arc::new(TraceStore::open(TraceStoreConfig::new(dir.path().join("traces"))).unwrap());
        let logs = Arc::new(LogStore::open(LogStoreConfig::new(dir.path().join("logs"))).unwrap());
        let samples = Arc::new(Tsdb::open(TsdbConfig::new(dir.path().join("metrics"))).unwrap());
        let registry = Registry::new();
        let ingest = Ingest::new(IngestDeps {
            spans: spans.clone(),
            logs: logs.clone(),
            samples: samples.clone(),
            registry: &registry,
            tokens: tokens.iter().map(|t| (*t).to_owned()).collect(),
            limits,
        })
        .unwrap();
        let (http, _) = listen().await;
        let http_addr = http.local_addr().unwrap();
        tokio::spawn(axum::serve(http, ingest.http_router()).into_future());
        let (grpc, grpc_addr) = listen().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let kept = ingest.clone();
        let grpc_task = tokio::spawn(async move {
            ingest
                .serve_grpc(grpc, async {
                    let _ = stopped.await;
                })
                .await
        });
        Self {
            dir,
            spans,
            logs,
            samples,
            registry,
            ingest: kept,
            http: format!("http://{http_addr}"),
            grpc: format!("http://{grpc_addr}"),
            stop: Some(stop),
            grpc_task: Some(grpc_task),
        }
    }

    /// Ends the gRPC server in order.
    pub async fn stop_grpc(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.grpc_task.take().unwrap().await.unwrap().unwrap();
    }

    pub async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> (u16, Vec<u8>, reqwest::header::HeaderMap) {
        let mut request = reqwest::Client::new().post(format!("{}{path}", self.http)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, response.bytes().await.unwrap().to_vec(), headers)
    }

    /// Waits until this many lines are stored, which senders of some protocols are not told.
    pub async fn lines(&self, count: usize) -> Vec<(Labels, LogEntry)> {
        let stored = async {
            loop {
                let all = self.all_logs();
                if all.len() >= count {
                    return all;
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), stored).await.expect("stored in time")
    }

    /// Waits until something was refused for this reason.
    pub async fn refusal(&self, protocol: &str, reason: &str) {
        let counted = async {
            while self.counter("quarterdeck_ingest_rejected_total", &[protocol, reason]) == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), counted).await;
        waited.unwrap_or_else(|_| panic!("nothing of {protocol} was refused as {reason}"));
    }

    pub fn all_logs(&self) -> Vec<(Labels, LogEntry)> {
        let mut out = Vec::new();
        let mut visit = |labels: &Labels, entry: &LogEntry| {
            out.push((labels.clone(), entry.clone()));
            ControlFlow::Continue(())
        };
        self.logs.scan(&[], 0, i64::MAX, Direction::Forward, &[], &mut visit).unwrap();
        out
    }

    pub fn all_traces(&self) -> Vec<Trace> {
        let mut out = Vec::new();
        let range = TimeRange { start_ms: 0, end_ms: i64::MAX / 2_000_000 };
        self.spans
            .scan(range, None, &mut |trace| {
                out.push(trace.clone());
                ControlFlow::Continue(())
            })
            .unwrap();
        out
    }

    /// Every series of a metric.
    pub fn series(&self, metric: &str) -> Vec<Series> {
        let name = Matcher { name: "__name__".into(), op: MatchOp::Equal, value: metric.into() };
        self.samples.select(&[name], 0, i64::MAX / 2_000_000, 10_000).unwrap()
    }

    /// A counter of ingest; `labels` in the order of their names.
    pub fn counter(&self, name: &str, labels: &[&str]) -> u64 {
        let families = self.registry.gather();
        let family = families.iter().find(|f| f.name() == name);
        let values = |m: &prometheus::proto::Metric| {
            m.get_label().iter().map(|l| l.value().to_owned()).collect::<Vec<_>>()
        };
        let metric = family.and_then(|f| f.get_metric().iter().find(|m| values(m) == labels).cloned());
        metric.map_or(0, |m| m.get_counter().get_value() as u64)
    }
}

pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Now, as OTLP writes it.
pub fn now() -> u64 {
    now_ns() as u64
}
