//! VictoriaMetrics, which answers in its own way where Prometheus says nothing.

use console_model::{TimeRange, clock::now_ms, metric::QueryValue};
use console_proof::peer::{
    remote_write::{self, WriteSeries},
    victoria_metrics,
};
use console_sources::{PrometheusSource, RemoteConfig};
use console_storage::{
    SourceError,
    source::{MetricsSource, QueryOptions, QueryTime},
};

#[tokio::test]
async fn victoria_metrics_is_understood() {
    let peer = victoria_metrics::start(&victoria_metrics::program().unwrap(), &[]).await.unwrap();
    let now = now_ms() / 1000 * 1000;
    let mut series = WriteSeries::new("up", &[("job", "a")]);
    series.samples = (0..10).map(|i| (now - 600_000 + i * 15_000, 1.0)).collect();
    let last = series.samples[9].0;
    // What it counts of series is of this day: the others are of yesterday just after midnight.
    let mut today = WriteSeries::new("up", &[("instance", "today"), ("job", "a")]);
    today.samples = vec![(now, 1.0)];
    let written = remote_write::encode(&[series, today]).unwrap();
    remote_write::send(peer.endpoint(), written).await.unwrap();
    let flushed = peer.endpoint().get("/internal/force_flush").send().await.unwrap();
    assert!(flushed.status().is_success());
    let source = PrometheusSource::new(RemoteConfig::new(peer.endpoint().url(""))).unwrap();

    let answer = source.query("up", last).await.unwrap();
    let QueryValue::Vector(rows) = answer.value else { panic!("no vector") };
    assert_eq!((rows[0].0.to_string(), rows[0].1.v), ("up{job=\"a\"}".to_owned(), 1.0));
    // It takes a look-back by another name.
    for (lookback_ms, wanted) in [(30_000, 0), (90_000, 1)] {
        let (time, options) =
            (QueryTime::At { at_ms: last + 60_000 }, QueryOptions { lookback_ms: Some(lookback_ms) });
        assert_eq!(
            source.query_with("up", time, options).await.unwrap().value.rows(),
            wanted,
            "{lookback_ms}"
        );
    }
    let wrong = source.query("up{", last).await.unwrap_err();
    assert!(matches!(wrong, SourceError::Execution(_) | SourceError::Invalid { .. }), "{wrong:?}");
    let range = TimeRange { start_ms: now - 3_600_000, end_ms: now };
    assert_eq!(source.label_values("job", &[], range, 0).await.unwrap(), ["a"]);
    assert_eq!(source.cardinality(3).await.unwrap().series_by_metric[0].name, "up");
    assert!(source.exemplars("up", range).await.unwrap().is_empty());
    peer.stop().await.unwrap();
}
