//! Debian's Prometheus 2.42 as a reader: it queries through remote read, and scrapes what is federated.

use std::time::Duration;

use console_model::{
    Labels, clock,
    metric::{Sample, stale_nan},
};
use console_proof::peer::{Endpoint, prometheus};
use console_storage::metrics::SeriesBatch;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{Api, Told};

fn series(pairs: &[(&str, &str)], samples: &[(i64, f64)]) -> SeriesBatch {
    let samples = samples.iter().map(|(t_ms, v)| Sample { t_ms: *t_ms, v: *v });
    SeriesBatch::floats(Labels::from_pairs(pairs.iter().copied()), samples.collect())
}

async fn queried(peer: &Endpoint, query: &str, at_ms: i64) -> Value {
    let time = format!("{}.{:03}", at_ms / 1000, at_ms % 1000);
    let answer = peer.ask("/api/v1/query", &[("query", query), ("time", &time)]).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["warnings"], Value::Null, "a failed remote read is a warning");
    answer.body["data"]["result"].clone()
}

#[tokio::test]
async fn prometheus_reads_from_the_console_and_federates_it() {
    let now = clock::now_ms();
    let requests: Vec<(i64, f64)> = (0..20).map(|i| (now - (20 - i) * 5000, i as f64 * 10.0)).collect();
    let batch = [
        series(&[("__name__", "requests_total"), ("job", "shop")], &requests),
        series(
            &[("__name__", "ended"), ("job", "shop")],
            &[(now - 60_000, 1.0), (now - 30_000, stale_nan())],
        ),
        series(&[("__name__", "up"), ("job", "other")], &[(now - 5000, 1.0)]),
    ];
    let api = Api::over_at(now, &batch, &[], Told::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, api.router.clone()).into_future());
    let config = format!(
        "remote_read: [{{url: 'http://{address}/api/v1/read', read_recent: true}}]\n\
         scrape_configs:\n- job_name: federation\n  scrape_interval: 1s\n  metrics_path: /federate\n  \
         params: {{'match[]': ['{{job=\"shop\"}}']}}\n  static_configs: [{{targets: ['{address}']}}]\n"
    );
    let peer = prometheus::start(&prometheus::program().unwrap(), &config, &[]).await.unwrap();

    let found = queried(peer.endpoint(), "sum by (job) (rate(requests_total{job=~\"sh.*\"}[1m]))", now).await;
    assert_eq!((&found[0]["metric"], &found[0]["value"][1]), (&json!({"job": "shop"}), &json!("2")));
    assert_eq!(
        queried(peer.endpoint(), "ended{job!=\"x\"}", now - 40_000).await.as_array().unwrap().len(),
        1
    );
    assert_eq!(
        queried(peer.endpoint(), "ended{job!=\"x\"}", now).await,
        json!([]),
        "the marker was read too"
    );

    let federated = async {
        loop {
            let query = "requests_total{job=\"federation\",exported_job=\"shop\"}";
            let found = queried(peer.endpoint(), query, clock::now_ms()).await;
            if found != json!([]) {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(30), federated).await.expect("it is scraped");
    assert_eq!(found[0]["value"][1], json!("190"));
    peer.stop().await.unwrap();
    server.abort();
}
