//! A target that answers as it is told, and the scraping of it into a real store.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use console_ingest::{
    metrics::IngestMetrics,
    scrape::{ClusterDiscovery, ScrapeConfig, ScrapeDeps, TargetHealth, TargetStatus, Targets, run},
};
use console_model::{
    MatchOp, Matcher,
    metric::{PointSeries, Sample, Series},
};
use console_storage::metrics::SeriesReader;
use console_tsdb::{Tsdb, TsdbConfig};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use prometheus::Registry;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the server answers.
#[derive(Clone)]
pub enum Answer {
    /// As Prometheus text, where the headers say nothing else.
    Text(Vec<(&'static str, &'static str)>, Vec<u8>),
    /// Without a word on what it is.
    Untyped(Vec<u8>),
    Status(u16),
    Redirect,
    Never,
}

#[derive(Clone)]
pub struct Server {
    answer: Arc<Mutex<Answer>>,
    /// Paths and headers of the requests.
    pub seen: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    pub address: SocketAddr,
}

impl Server {
    pub async fn start(text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(Mutex::new(Answer::Text(Vec::new(), text.as_bytes().to_vec())));
        let server = Self { answer, seen: Arc::default(), address };
        let router = Router::new().fallback(serve).with_state(server.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        server
    }

    pub fn say(&self, text: &str) {
        self.set(Answer::Text(Vec::new(), text.as_bytes().to_vec()));
    }

    pub fn set(&self, answer: Answer) {
        *self.answer.lock() = answer;
    }
}

async fn serve(State(server): State<Server>, request: Request) -> Response {
    server.seen.lock().push((request.uri().to_string(), request.headers().clone()));
    let answer = server.answer.lock().clone();
    let (status, headers, body) = match answer {
        Answer::Text(mut headers, body) => {
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                headers.push(("content-type", TEXT));
            }
            (200, headers, body)
        }
        Answer::Untyped(body) => (200, Vec::new(), body),
        Answer::Status(status) => (status, Vec::new(), Vec::new()),
        Answer::Redirect => (302, vec![("location", "/again")], Vec::new()),
        Answer::Never => std::future::pending().await,
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

pub struct Scraping {
    dir: tempfile::TempDir,
    pub store: Arc<Tsdb>,
    registry: Registry,
    pub targets: Targets,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Scraping {
    /// `job` is the rest of the job's fields.
    pub fn start(job: &str) -> Self {
        Self::start_in(job, None)
    }

    /// With a cluster to ask.
    pub fn start_in(job: &str, cluster: Option<Arc<dyn ClusterDiscovery>>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "global: {{scrape_interval: 500ms}}\nscrape_configs:\n- job_name: shop\n  {}\n",
            job.replace('\n', "\n  ")
        );
        let file = dir.path().join("scrape.yml");
        std::fs::write(&file, text).unwrap();
        let config = ScrapeConfig::load(&file).unwrap();
        let store = Arc::new(Tsdb::open(TsdbConfig::new(dir.path().join("metrics"))).unwrap());
        let registry = Registry::new();
        let metrics = IngestMetrics::register(&registry).unwrap();
        let (targets, shutdown) = (Targets::default(), CancellationToken::new());
        let deps = ScrapeDeps { appender: store.clone(), metrics, targets: targets.clone(), cluster };
        let task = tokio::spawn(run(config, deps, shutdown.clone()));
        Self { dir, store, registry, targets, shutdown, task }
    }

    pub fn of(server: &Server, job: &str) -> Self {
        Self::start(&format!(
            "static_configs: [{{targets: ['{}'], labels: {{zone: a}}}}]\n{job}",
            server.address
        ))
    }

    /// Waits until the targets are as `good` says.
    pub async fn until(&self, good: impl Fn(&[TargetStatus]) -> bool) -> Vec<TargetStatus> {
        let mut changes = self.targets.changes();
        let wait = async {
            loop {
                let list = self.targets.list();
                if good(&list) {
                    return list;
                }
                changes.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
        waited.unwrap_or_else(|_| panic!("the targets stay {:#?}", self.targets.list()))
    }

    pub async fn until_up(&self) -> TargetStatus {
        self.until(|all| all.len() == 1 && all[0].health == TargetHealth::Up).await.remove(0)
    }

    /// The error of the one target.
    pub async fn until_down(&self) -> String {
        let status = self.until(|all| all.len() == 1 && all[0].health == TargetHealth::Down).await.remove(0);
        status.last_error.unwrap()
    }

    pub fn series(&self, metric: &str) -> Vec<Series> {
        let name = Matcher { name: "__name__".into(), op: MatchOp::Equal, value: metric.into() };
        self.store.select(&[name], 0, i64::MAX / 2_000_000, 100_000).unwrap()
    }

    /// With native histograms.
    pub fn points(&self, metric: &str) -> Vec<PointSeries> {
        let name = [Matcher::equal("__name__", metric)];
        self.store.select_points(&name, 0, i64::MAX / 2_000_000, 100_000).unwrap()
    }

    pub fn last(&self, metric: &str) -> Sample {
        *self.series(metric)[0].samples.last().unwrap()
    }

    /// Refused items and requests.
    pub fn counter(&self, reason: &str) -> f64 {
        self.count("quarterdeck_ingest_rejected_total", reason)
    }

    pub fn count(&self, name: &str, value: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|f| f.name() == name);
        let all = family.map(|f| f.get_metric().to_vec()).unwrap_or_default();
        let metric = all.iter().find(|m| m.get_label().iter().any(|l| l.value() == value));
        metric.map_or(0.0, |m| m.get_counter().get_value())
    }

    pub async fn stop(self) -> tempfile::TempDir {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.unwrap().unwrap();
        self.dir
    }
}
