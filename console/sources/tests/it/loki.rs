//! The Loki source against the console's own Loki API.

use std::{future::IntoFuture, sync::Arc};

use console_logql::{LogqlConfig, LogqlSource};
use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels, TimeRange, clock,
    log::{LogEntry, LogStream},
};
use console_query_api::{Limits, loki};
use console_sources::{LokiSource, RemoteConfig};
use console_storage::{
    logs::{LogAppender, LogReader},
    source::{LogsSource, TailOptions},
};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_remote_loki_is_asked_for_labels_of_a_selector_history_and_formats() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(LogStore::open(LogStoreConfig::new(dir.path())).unwrap());
    let now_ns = clock::now_ns();
    for (app, level) in [("shop", "info"), ("edge", "warn")] {
        let entry = |i: i64| LogEntry {
            t_ns: now_ns - (5 - i) * 1_000_000_000,
            line: format!("{app} {i}"),
            metadata: Vec::new(),
        };
        let labels = Labels::from_pairs([("app", app), ("level", level)]);
        store.append(vec![LogStream { labels, entries: (0..3).map(entry).collect() }]).unwrap();
    }
    let reader: Arc<dyn LogReader> = store;
    let router = loki::router(Arc::new(LogqlSource::new(reader, LogqlConfig::default())), Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(axum::serve(listener, router).into_future());
    let source = LokiSource::new(RemoteConfig::new(url)).unwrap();

    let now_ms = now_ns / 1_000_000;
    let range = TimeRange { start_ms: now_ms - 60_000, end_ms: now_ms + 60_000 };
    assert_eq!(source.label_names_of(r#"{app="shop"}"#, range).await.unwrap(), ["app", "level"]);
    assert_eq!(source.label_values_of("level", r#"{app="shop"}"#, range).await.unwrap(), ["info"]);
    assert!(source.label_values_of("a/b", r#"{app="shop"}"#, range).await.is_err());
    assert_eq!(source.format_query(r#"{app = "x"}|json"#).await.unwrap(), r#"{app="x"} | json"#);
    let options = TailOptions { start_ns: Some(now_ns - 60_000_000_000), limit: 2, delay_ms: 0 };
    let mut tail = source.tail_with(r#"{app="shop"}"#, options).await.unwrap();
    let first = tail.recv().await.unwrap();
    let lines: Vec<&str> = first.streams[0].entries.iter().map(|e| e.line.as_str()).collect();
    assert_eq!(lines, ["shop 1", "shop 2"], "the newest two, oldest first");
    assert!(source.tail_with("{app=", options).await.is_err());
    server.abort();
}
