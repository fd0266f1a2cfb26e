use std::{sync::Arc, time::Duration};

use console_model::{
    Labels,
    log::{LogAnswer, LogEntry, LogStream},
    metric::{QueryStats, QueryValue, Sample, Series},
};
use console_storage::SourceError;
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;

use crate::fakes::{Fakes, NOW_MS, answer, away};

const DECLINED: &str = r#"{"message":"payment declined by provider","order":"7","trace_id":"0af7651916cd43dd8448eb211c80319c","_spans":["POST /payments"]}"#;

fn streams(entries: &[(i64, &str)]) -> LogAnswer {
    let entries = entries
        .iter()
        .map(|(ago_ms, line)| LogEntry {
            t_ns: (NOW_MS - ago_ms) * 1_000_000,
            line: (*line).to_owned(),
            metadata: Vec::new(),
        })
        .collect();
    let labels = Labels::from_pairs([("service_name", "payments"), ("level", "error")]);
    LogAnswer::Streams { streams: vec![LogStream { labels, entries }], stats: QueryStats::default() }
}

fn counts() -> LogAnswer {
    let series = |level: &str, v: f64| Series {
        labels: Labels::from_pairs([("level", level)]),
        samples: vec![Sample { t_ms: NOW_MS - 30_000, v }],
    };
    LogAnswer::Metric(answer(QueryValue::Matrix(vec![series("error", 3.0), series("info", 1200.0)])))
}

fn fakes() -> Fakes {
    Fakes {
        logs: Box::new(|expr| {
            Ok(if expr.starts_with('{') {
                streams(&[(5_000, DECLINED), (1_000, "<script>alert(1)</script>")])
            } else {
                counts()
            })
        }),
        log_labels: vec![
            ("level".to_owned(), vec!["error".to_owned(), "info".to_owned()]),
            ("service_name".to_owned(), vec!["orders".to_owned(), "payments".to_owned()]),
        ],
        ..Fakes::default()
    }
}

#[tokio::test]
async fn lines_are_shown_newest_first_with_histogram_and_labels() {
    let fakes = fakes();
    let heard = fakes.heard.clone();
    let page = fakes.get("/logs").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&[
        "payment declined by provider order=7",
        "1,203 lines",
        "error 3",
        "info 1,200",
        "payments",
    ]);
    let text = page.text();
    assert!(text.find("alert(1)").unwrap() < text.find("payment declined").unwrap());
    let heard = heard.lock().unwrap();
    assert!(heard.contains(&r#"{service_name=~".+"}"#.to_owned()), "{heard:?}");
    assert!(
        heard.iter().any(|q| q.starts_with("sum by (level) (count_over_time({service_name")),
        "{heard:?}"
    );
    assert!(page.main().contains("/traces/0af7651916cd43dd8448eb211c80319c"));
    assert!(page.main().contains(r#"value="s+service_name=orders""#));
    assert!(page.main().contains(r#"value="j+order=7""#));
    assert!(!page.main().contains("<script"), "a line became markup");
}

#[tokio::test]
async fn a_filter_button_leads_to_the_query_with_the_filter() {
    let page = fakes().get("/logs?q=%7Ba%3D%22b%22%7D&add=s%2Blevel%3Derror&from=now-1h&limit=50").await;
    assert_eq!(page.status, 302);
    assert_eq!(
        page.location.as_deref(),
        Some("/logs?q=%7Ba%3D%22b%22%2C+level%3D%22error%22%7D&limit=50&from=now-1h")
    );
}

#[tokio::test]
async fn a_wrong_query_is_pointed_at() {
    let fakes = Fakes {
        logs: Box::new(|_| {
            Err(SourceError::Invalid { message: "expected a label name".to_owned(), position: Some(1) })
        }),
        ..fakes()
    };
    let page = fakes.get("/logs?q=%7B%C3%BC").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&["line 1, column 2", "expected a label name", "^"]);
    assert_eq!(page.text().matches("expected a label name").count(), 1, "told once");
}

#[tokio::test]
async fn one_source_that_is_away_leaves_the_rest_of_the_page() {
    let page = Fakes { logs: Box::new(|_| Err(away("logs"))), ..fakes() }.get("/logs").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&["logs is unavailable: connection refused", "service_name"]);
}

#[tokio::test]
async fn nothing_that_matches_is_told_apart_from_nothing_that_arrived() {
    let logs = |expr: &str| Ok(if expr.starts_with('{') { streams(&[]) } else { answered_nothing() });
    Fakes { logs: Box::new(logs), ..fakes() }.get("/logs").await.assert_shows(&["No line matches"]);
    Fakes::default().get("/logs").await.assert_shows(&["No lines arrived", "Search the last 24 hours"]);
}

fn answered_nothing() -> LogAnswer {
    LogAnswer::Metric(answer(QueryValue::Matrix(Vec::new())))
}

#[tokio::test]
async fn a_counting_query_is_drawn() {
    let page = fakes().get("/logs?q=sum%20by%20(level)%20(rate(%7Ba%3D%22b%22%7D%5B1m%5D))").await;
    assert!(page.main().contains("data-chart=\"logs\""));
    assert!(!page.main().contains("histogram-plot"));
}

#[tokio::test]
async fn the_live_tail_is_an_island_that_says_what_it_needs() {
    let page = fakes().get("/logs?live=1").await;
    page.assert_shows(&["Connecting", "Pause", "Earlier lines"]);
    assert!(page.main().contains("data-component=\"LiveTail_"));
    let page = fakes().get("/logs").await;
    assert!(!page.main().contains("LiveTail_"));
}

#[tokio::test]
async fn a_full_page_leads_to_older_lines() {
    let lines: Vec<(i64, &str)> = (0..50).map(|i| (i * 10, "x")).collect();
    let logs = move |expr: &str| Ok(if expr.starts_with('{') { streams(&lines) } else { counts() });
    let page = Fakes { logs: Box::new(logs), ..fakes() }.get("/logs?limit=50").await;
    page.assert_shows(&["49 shown", "Older lines"]);
    let before = (NOW_MS - 490) * 1_000_000 + 1;
    assert!(page.main().contains(&format!("before={before}")), "{}", page.main());
}

#[tokio::test]
async fn a_page_begins_to_arrive_while_the_store_still_looks() {
    let gate = Arc::new(Semaphore::new(0));
    let mut body = Fakes { logs_gate: Some(Arc::clone(&gate)), ..fakes() }.begin("/logs").await;
    let mut arrived = String::new();
    while !arrived.contains("<main") {
        let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await.expect("it begins");
        let frame = frame.unwrap().unwrap().into_data().unwrap();
        arrived.push_str(std::str::from_utf8(&frame).unwrap());
    }
    assert!(!arrived.contains("payment declined"));
    gate.close();
    let rest = body.collect().await.unwrap().to_bytes();
    assert!(std::str::from_utf8(&rest).unwrap().contains("payment declined"));
}
