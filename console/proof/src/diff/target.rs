//! A scrape target for both servers. Each gets its own path and, fetch by fetch, the same slices of time with explicit
//! timestamps, so that both end up with the same samples whenever they scrape.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, extract::State, http::header::CONTENT_TYPE, routing::get};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::peer::PeerError;

/// Slices; the last is repeated for ever.
const SLICES: usize = 6;
const SLICE_MS: i64 = 15_000;
const SCRAPED_WITHIN: Duration = Duration::from_secs(40);

/// Which server fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Console,
    Prometheus,
}

/// Serves until dropped.
pub struct Target {
    port: u16,
    fetched: Arc<[AtomicUsize; 2]>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Source {
    base_ms: i64,
    fetched: Arc<[AtomicUsize; 2]>,
}

impl Target {
    /// The first slice is of `base_ms`.
    pub async fn start(base_ms: i64) -> Result<Self, PeerError> {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.map_err(PeerError::io("no port for the target"))?;
        let port = listener.local_addr().map_err(PeerError::io("no port for the target"))?.port();
        let fetched = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let source = Source { base_ms, fetched: Arc::clone(&fetched) };
        let router = Router::new()
            .route("/console", get(|s| serve(s, Reader::Console)))
            .route("/prometheus", get(|s| serve(s, Reader::Prometheus)))
            .with_state(source);
        let server = tokio::spawn(async move {
            // It ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { port, fetched, server })
    }

    /// The configuration of one server.
    pub fn scrape_config(&self, reader: Reader) -> String {
        let path = match reader {
            Reader::Console => "/console",
            Reader::Prometheus => "/prometheus",
        };
        format!(
            "scrape_configs:\n  - job_name: proof\n    scrape_interval: 1s\n    scrape_timeout: 1s\n    \
             honor_timestamps: true\n    metrics_path: {path}\n    static_configs:\n      - targets: \
             ['127.0.0.1:{}']\n        labels: {{ site: \"north\" }}\n",
            self.port
        )
    }

    /// Until both servers have all slices; false where that takes too long.
    pub async fn all_fetched(&self) -> bool {
        let begun = Instant::now();
        // One fetch more: its beginning says that the one before was taken in.
        while self.fetched.iter().any(|f| f.load(Ordering::Relaxed) < SLICES + 2) {
            if begun.elapsed() > SCRAPED_WITHIN {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(
    State(source): State<Source>,
    reader: Reader,
) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let slice = source.fetched[reader as usize].fetch_add(1, Ordering::Relaxed).min(SLICES - 1);
    let text = exposition(source.base_ms, slice as i64);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// Prometheus' text format. Bounds and quantiles are written as 3.0 stores them whatever was sent (#15164): with a point.
fn exposition(base_ms: i64, slice: i64) -> String {
    let t = base_ms + slice * SLICE_MS;
    let mut out = String::from(
        "# HELP scraped_requests_total Requests, with a \\\\ and a \\n in it.\n# TYPE scraped_requests_total counter\n",
    );
    for (i, path) in ["/", "/cart", "a\\\\b", "q\\\"q", "l\\nl"].into_iter().enumerate() {
        let v = 1000 + slice * (7 + i as i64);
        let _ = writeln!(out, "scraped_requests_total{{path=\"{path}\",code=\"200\",}} {v} {t}");
    }
    out.push_str("# TYPE scraped_level gauge\n");
    for (name, value) in
        [("nan", "NaN"), ("inf", "+Inf"), ("low", "-Inf"), ("exp", "1.5e3"), ("dec", "-0.125")]
    {
        let _ = writeln!(out, "scraped_level {{ is = \"{name}\" }} {value} {t}");
    }
    out.push_str("# TYPE scraped_seconds histogram\n");
    for (le, count) in [("0.5", 3), ("1.0", 5), ("2.5", 9), ("+Inf", 10)] {
        let _ = writeln!(out, "scraped_seconds_bucket{{le=\"{le}\"}} {} {t}", 100 + count * (slice + 1));
    }
    let _ = writeln!(
        out,
        "scraped_seconds_sum {} {t}\nscraped_seconds_count {} {t}",
        50 + slice,
        100 + 10 * (slice + 1)
    );
    out.push_str("# TYPE scraped_size summary\n");
    for (quantile, v) in [("0.5", 4), ("1.0", 8)] {
        let _ = writeln!(out, "scraped_size{{quantile=\"{quantile}\"}} {} {t}", v + slice);
    }
    let _ = writeln!(out, "scraped_size_sum 20 {t}\nscraped_size_count 4 {t}");
    out
}
