//! Scraping of a real HTTP server into a real store.

use std::{io::Write, path::Path, time::Duration};

use console_ingest::scrape::TargetHealth;
use console_model::{
    Matcher,
    metric::{MetricKind, is_stale_nan},
};
use console_storage::metrics::SeriesReader;
use console_storage::source::TargetsSource as _;
use tokio::net::TcpListener;

use crate::scraping::{Answer, Scraping, Server};

#[tokio::test]
async fn samples_arrive_with_the_targets_labels_and_metadata() {
    let server =
        Server::start("# TYPE a counter\n# HELP a It counts.\na{x=\"1\"} 5\na{job=\"own\"} 6\n").await;
    let scraping = Scraping::of(&server, "params: {q: ['1 2']}");
    let status = scraping.until_up().await;
    let address = server.address;
    let labels: Vec<_> = scraping.series("a").iter().map(|s| s.labels.to_string()).collect();
    assert_eq!(
        labels,
        [
            format!(r#"a{{exported_job="own", instance="{address}", job="shop", zone="a"}}"#),
            format!(r#"a{{instance="{address}", job="shop", x="1", zone="a"}}"#),
        ]
    );
    assert_eq!(scraping.last("up").v, 1.0);
    assert!(scraping.count("quarterdeck_ingest_items_total", "accepted") >= 7.0);
    assert_eq!(scraping.last("scrape_samples_scraped").v, 2.0);
    assert!(scraping.last("scrape_duration_seconds").v > 0.0);
    let metadata = scraping.store.metadata(Some("a"), 0).unwrap();
    assert_eq!((metadata[0].kind, &*metadata[0].help), (MetricKind::Counter, "It counts."));
    assert_eq!((&*status.job, &*status.instance, status.samples), ("shop", &*address.to_string(), 2));
    assert_eq!(status.url, format!("http://{address}/metrics?q=1+2"));
    assert!(status.last_scrape_ms.is_some() && status.last_error.is_none());
    let (path, headers) = server.seen.lock()[0].clone();
    assert_eq!(path, "/metrics?q=1+2");
    assert_eq!(headers["x-prometheus-scrape-timeout-seconds"], "0.5");
    assert!(headers["user-agent"].to_str().unwrap().starts_with("Quarterdeck/"));
}

#[tokio::test]
async fn scrapes_keep_their_interval() {
    let server = Server::start("a 1\n").await;
    let scraping = Scraping::of(&server, "");
    scraping.until_up().await;
    for _ in 0..3 {
        let before = scraping.targets.list()[0].last_scrape_ms;
        scraping.until(|all| all[0].last_scrape_ms != before).await;
    }
    let times: Vec<i64> = scraping.series("a")[0].samples.iter().map(|s| s.t_ms).collect();
    let place = times[0].rem_euclid(500);
    for t in &times {
        let off = (t - place + 250).rem_euclid(500) - 250;
        assert!(off.abs() < 150, "{times:?}");
    }
}

#[tokio::test]
async fn a_dead_target_is_down_and_its_series_are_stale() {
    let server = Server::start("a 1\n").await;
    let scraping = Scraping::of(&server, "");
    scraping.until_up().await;
    server.set(Answer::Status(503));
    let error = scraping.until_down().await;
    assert!(error.contains("503 Service Unavailable"), "{error}");
    let (stale, up) = (scraping.last("a"), scraping.last("up"));
    assert!(is_stale_nan(stale.v));
    assert_eq!(up.v, 0.0);
    assert!(scraping.counter("http_status") >= 1.0);
    server.say("a 2\n");
    scraping.until_up().await;
    assert_eq!(scraping.last("a").v, 2.0);
}

#[tokio::test]
async fn a_target_that_nobody_serves_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let scraping = Scraping::start(&format!("static_configs: [{{targets: ['{address}']}}]"));
    let error = scraping.until_down().await;
    assert!(error.contains("cannot reach the target") && error.contains("refused"), "{error}");
    assert_eq!(scraping.last("up").v, 0.0);
    assert!(scraping.counter("unreachable") >= 1.0);
}

#[tokio::test]
async fn a_vanished_series_is_stale_while_the_others_go_on() {
    let server = Server::start("a 1\nb 1\n").await;
    let scraping = Scraping::of(&server, "");
    scraping.until_up().await;
    server.say("a 2\n");
    scraping.until(|all| all[0].samples == 1).await;
    assert!(is_stale_nan(scraping.last("b").v));
    assert_eq!(scraping.last("a").v, 2.0);
}

#[tokio::test]
async fn garbage_names_its_line_and_takes_the_target_down() {
    let server = Server::start("a 1\n<html>\n").await;
    let scraping = Scraping::of(&server, "");
    let error = scraping.until_down().await;
    assert!(error.contains("line 2, column 1: expected a metric name"), "{error}");
    assert!(scraping.series("a").is_empty(), "nothing of a broken answer is stored");
    assert!(scraping.counter("invalid") >= 1.0);
    server.set(Answer::Text(vec![], b"a \xff\n".to_vec()));
    let error = scraping.until(|all| all[0].last_error.as_ref().unwrap().contains("UTF-8")).await;
    assert!(error[0].last_error.as_ref().unwrap().contains("line 1, column 3"));
}

#[tokio::test]
async fn gzip_is_read_and_a_bomb_is_not() {
    let gzip = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        Answer::Text(vec![("content-encoding", "gzip")], encoder.finish().unwrap())
    };
    let server = Server::start("").await;
    server.set(gzip(b"a 7\n"));
    let scraping = Scraping::of(&server, "body_size_limit: 10KB");
    scraping.until_up().await;
    assert_eq!(scraping.last("a").v, 7.0);
    server.set(gzip(&b"#\n".repeat(100_000)));
    let error = scraping.until_down().await;
    assert!(error.contains("body_size_limit (10240 bytes)"), "{error}");
    server.set(Answer::Text(vec![("content-encoding", "gzip")], b"a 7\n".to_vec()));
    scraping.until(|all| all[0].last_error.as_ref().unwrap().contains("decompressed")).await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let server = Server::start(&"a 1\n".repeat(1000)).await;
    let scraping = Scraping::of(&server, "body_size_limit: 2KB");
    let error = scraping.until_down().await;
    assert!(error.contains("body_size_limit (2048 bytes)"), "{error}");
    assert!(scraping.counter("too_large") >= 1.0);
}

#[tokio::test]
async fn a_slow_target_times_out() {
    let server = Server::start("").await;
    server.set(Answer::Never);
    let scraping = Scraping::of(&server, "scrape_interval: 1s\nscrape_timeout: 100ms");
    let error = scraping.until_down().await;
    assert!(error.contains("scrape_timeout (100ms)"), "{error}");
    let took = scraping.targets.list()[0].last_duration.unwrap();
    assert!(took >= Duration::from_millis(100) && took < Duration::from_millis(900), "{took:?}");
}

#[tokio::test]
async fn redirects_end() {
    let server = Server::start("").await;
    server.set(Answer::Redirect);
    let scraping = Scraping::of(&server, "scrape_interval: 2s\nscrape_timeout: 2s");
    let error = scraping.until_down().await;
    assert!(error.contains("redirect"), "{error}");
    assert_eq!(server.seen.lock().len(), 11);
    let scraping = Scraping::of(&server, "follow_redirects: false");
    let error = scraping.until_down().await;
    assert!(error.contains("302"), "{error}");
}

#[tokio::test]
async fn openmetrics_is_read_by_its_content_type() {
    let server = Server::start("").await;
    let media = ("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = "# TYPE a counter\na_total 3 # {trace_id=\"1\"} 1\n";
    server.set(Answer::Text(vec![media], text.as_bytes().to_vec()));
    let scraping = Scraping::of(&server, "");
    let error = scraping.until_down().await;
    assert!(error.contains("# EOF is missing"), "{error}");
    server.set(Answer::Text(vec![media], format!("{text}# EOF\n").into_bytes()));
    scraping.until_up().await;
    assert_eq!(scraping.last("a_total").v, 3.0);
    let selector = [vec![Matcher::equal("__name__", "a_total")]];
    let found = scraping.store.exemplars(&selector, 0, i64::MAX).unwrap();
    let kept = &found[0].exemplars[0];
    assert_eq!((kept.labels.get("trace_id"), kept.value), (Some("1"), 1.0));
}

#[tokio::test]
async fn credentials_are_sent_and_a_missing_file_is_named() {
    let server = Server::start("a 1\n").await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let scraping =
        Scraping::of(&server, &format!("authorization: {{credentials_file: '{}'}}", file.display()));
    let error = scraping.until_down().await;
    assert!(error.contains("cannot read the credentials in") && error.contains("token"), "{error}");
    assert!(server.seen.lock().is_empty(), "nothing is asked without credentials");
    std::fs::write(&file, "hush\n").unwrap();
    scraping.until_up().await;
    assert_eq!(server.seen.lock()[0].1["authorization"], "Bearer hush");
    let basic = Scraping::of(&server, "basic_auth: {username: me, password: word}");
    scraping.stop().await;
    server.seen.lock().clear();
    basic.until_up().await;
    let before = basic.targets.list()[0].last_scrape_ms;
    basic.until(|all| all[0].last_scrape_ms != before).await;
    assert_eq!(server.seen.lock()[0].1["authorization"], "Basic bWU6d29yZA==");
}

#[tokio::test]
async fn discovered_targets_come_and_go() {
    let (one, two) = (Server::start("a 1\n").await, Server::start("a 2\n").await);
    let dir = tempfile::tempdir().unwrap();
    let write = |servers: &[&Server]| {
        let targets: Vec<_> = servers.iter().map(|s| format!("\"{}\"", s.address)).collect();
        let text = format!("[{{\"targets\": [{}]}}]", targets.join(","));
        replace(&dir.path().join("targets.json"), &text);
    };
    write(&[&one]);
    let scraping = Scraping::start(&format!(
        "file_sd_configs: [{{files: ['{}/*.json'], refresh_interval: 50ms}}]",
        dir.path().display()
    ));
    scraping.until_up().await;
    write(&[&one, &two]);
    scraping.until(|all| all.len() == 2 && all.iter().all(|t| t.health == TargetHealth::Up)).await;
    write(&[&two]);
    let left = scraping.until(|all| all.len() == 1).await;
    assert_eq!(left[0].instance, two.address.to_string());
    for metric in ["a", "up"] {
        for series in scraping.series(metric) {
            let is_gone = series.labels.get("instance") == Some(&*one.address.to_string());
            assert_eq!(is_stale_nan(series.samples.last().unwrap().v), is_gone, "{}", series.labels);
        }
    }
    replace(&dir.path().join("targets.json"), "[{");
    let mut changes = scraping.targets.changes();
    while scraping.targets.problems().is_empty() {
        changes.changed().await.unwrap();
    }
    assert!(scraping.targets.problems()["shop"][0].contains("targets.json"));
    assert_eq!(scraping.targets.list().len(), 1, "a broken file keeps its targets");
}

#[tokio::test]
async fn dropped_targets_are_told_beside_the_others() {
    let (kept, left) = (Server::start("a 1\n").await, Server::start("a 2\n").await);
    let scraping = Scraping::start(&format!(
        "static_configs: [{{targets: ['{}', '{}']}}]\nrelabel_configs: [{{source_labels: [__address__], regex: '{}', \
         action: drop}}]",
        kept.address, left.address, left.address
    ));
    scraping.until_up().await;
    let told = scraping.targets.targets().await.unwrap();
    assert_eq!((told.pools, told.active.len(), told.dropped.len()), (vec!["shop".to_owned()], 1, 1));
    assert_eq!(told.active[0].health, console_model::target::TargetHealth::Up);
    assert!(told.active[0].last_duration_us.is_some() && told.active[0].interval_ms > 0);
    assert_eq!(told.dropped[0].discovered.get("__address__"), Some(&*left.address.to_string()));
    assert_eq!(told.dropped_counts["shop"], 1);
}

/// As a careful writer does it: never half a file.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, file).unwrap();
}

#[tokio::test]
async fn shutdown_ends_the_loops_without_markers() {
    let server = Server::start("a 1\n").await;
    let scraping = Scraping::of(&server, "");
    scraping.until_up().await;
    let store = scraping.store.clone();
    let _dir = scraping.stop().await;
    let series = store.select(&[Matcher::equal("__name__", "a")], 0, i64::MAX / 2_000_000, 100_000).unwrap();
    assert_eq!(series[0].samples.last().unwrap().v, 1.0);
}
