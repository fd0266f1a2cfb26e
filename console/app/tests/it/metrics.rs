use console_model::{
    Labels,
    deploy::DeployCommit,
    metric::{MetricKind, MetricMetadata, QueryValue, Sample, Series},
};
use console_storage::SourceError;

use crate::fakes::{Fakes, NOW_MS, answer};

fn rates() -> QueryValue {
    let series = |job: &str, values: &[f64]| Series {
        labels: Labels::from_pairs([("job", job)]),
        samples: (1..).zip(values).map(|(i, v)| Sample { t_ms: NOW_MS - 5_000 * i, v: *v }).collect(),
    };
    QueryValue::Matrix(vec![series("orders", &[4.0, 2.0]), series("<i>", &[f64::INFINITY, 1.0])])
}

fn fakes() -> Fakes {
    Fakes { metrics: Box::new(|_| Ok(answer(rates()))), ..Fakes::default() }
}

#[tokio::test]
async fn a_result_is_a_chart_and_a_table() {
    let page = fakes().get("/metrics-explorer?q=up").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&["{job=&quot;orders&quot;}", "Lowest", "2 2 4 3"]);
    assert!(page.main().contains("data-chart=\"metrics\""));
    assert!(page.main().contains("chart-line"), "the server draws the first picture");
    assert!(page.main().contains("data-component=\"TimeChart_"));
    assert!(!page.main().contains("<i>"));
}

#[tokio::test]
async fn deploys_are_marked() {
    let commit = DeployCommit {
        sha: "abc".to_owned(),
        author: "kim".to_owned(),
        at_ms: NOW_MS - 60_000,
        subject: "orders: 1.2.3".to_owned(),
        body: String::new(),
        services: vec!["orders".to_owned()],
        files: Vec::new(),
        url: None,
    };
    let page = Fakes { commits: Ok(vec![commit]), ..fakes() }.get("/metrics-explorer?q=up").await;
    assert!(page.main().contains("chart-mark"));
    page.assert_shows(&["orders orders: 1.2.3"]);
}

#[tokio::test]
async fn an_empty_page_offers_questions() {
    let page = fakes().get("/metrics-explorer").await;
    page.assert_shows(&["Share of failed requests", "Orders placed per minute"]);
    assert!(page.main().contains("/metrics-explorer?q=up"));
}

#[tokio::test]
async fn warnings_and_no_series_are_told() {
    let metrics = |_: &str| {
        let mut answer = answer(QueryValue::Matrix(Vec::new()));
        answer.warnings.push("PromQL warning: bad bucket".to_owned());
        Ok(answer)
    };
    let page = Fakes { metrics: Box::new(metrics), ..Fakes::default() }.get("/metrics-explorer?q=up").await;
    page.assert_shows(&["No series", "PromQL warning: bad bucket"]);
}

#[tokio::test]
async fn a_wrong_query_is_pointed_at_between_characters() {
    let metrics = |_: &str| Err(SourceError::Invalid { message: "unclosed".to_owned(), position: Some(4) });
    let page = Fakes { metrics: Box::new(metrics), ..Fakes::default() }
        .get("/metrics-explorer?q=%C3%BC%C3%BC(")
        .await;
    page.assert_shows(&["line 1, column 3", "unclosed"]);
}

#[tokio::test]
async fn a_metric_leads_to_the_usual_question_of_it() {
    let metadata = MetricMetadata {
        metric: "http_server_request_duration_seconds".to_owned(),
        kind: MetricKind::Histogram,
        help: "Duration of HTTP requests served.".to_owned(),
        unit: "s".to_owned(),
    };
    let known = Fakes {
        metric_names: vec!["http_server_request_duration_seconds_bucket".to_owned()],
        metadata: vec![metadata],
        ..fakes()
    };
    known.get("/metrics-explorer").await.assert_shows(&["Duration of HTTP requests served."]);
    let page = fakes().get("/metrics-explorer?metric=shop_orders_placed_total&from=now-1h").await;
    assert_eq!(page.status, 302);
    let location = page.location.unwrap();
    assert!(location.contains("rate%28shop_orders_placed_total"), "{location}");
    assert!(location.ends_with("&from=now-1h"), "{location}");
}

#[tokio::test]
async fn pages_forbid_inline_script() {
    let page = fakes().get("/metrics-explorer?q=up").await;
    let policy = page.policy.clone().expect("the page has a policy");
    assert!(
        policy.contains("script-src 'self'") && !policy.contains("script-src 'self' 'unsafe-inline'"),
        "{policy}"
    );
    assert!(!page.body.contains("onclick=") && !page.main().contains("<script"));
}
