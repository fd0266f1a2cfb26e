//! `format_query`, `parse_query`, `query_exemplars`.

use axum::http::StatusCode;
use serde_json::json;

use crate::harness::{Api, NOW_S};

#[tokio::test]
async fn expressions_are_formatted_and_taken_apart() {
    let api = Api::start();
    assert_eq!(api.data("/format_query?query=foo/bar").await, json!("foo / bar"));
    let (_, posted) = api.post("/format_query", &[("query", "sum(a)by(b)>0 # why")]).await;
    assert_eq!(posted["data"], json!("sum by (b) (a) > 0"));
    let tree = api.data("/parse_query?query=foo/bar").await;
    assert_eq!(
        (&tree["type"], &tree["op"], &tree["bool"]),
        (&json!("binaryExpr"), &json!("/"), &json!(false))
    );
    assert_eq!(tree["lhs"]["matchers"], json!([{"name": "__name__", "type": "=", "value": "foo"}]));
    for path in ["/format_query?query=foo%7B", "/parse_query?query=foo%7B"] {
        let (status, answer) = api.get(path).await;
        let said = answer["error"].as_str().unwrap();
        assert!(
            status == StatusCode::BAD_REQUEST && said.starts_with("invalid parameter \"query\": 1:5: parse"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn exemplars_are_those_of_the_selected_series() {
    let api = Api::fixed(None);
    let (_, answer) = api.post("/query_exemplars", &[("query", "up"), ("start", "0"), ("end", "10")]).await;
    assert_eq!(
        answer["data"],
        json!([{"seriesLabels": {"__name__": "up"}, "exemplars": [
            {"labels": {"trace_id": "ab"}, "value": "0.25", "timestamp": NOW_S as f64 + 0.005},
        ]}])
    );
    assert_eq!(api.text("/query_exemplars?query=1%2B1").await, (StatusCode::NO_CONTENT, String::new()));
    let (_, answer) = api.get("/query_exemplars?query=up%7B").await;
    assert!(answer["error"].as_str().unwrap().starts_with("1:4: parse error"), "{answer}");
    let (status, answer) = api.get("/query_exemplars?query=up&start=2&end=1").await;
    let wanted = json!("end timestamp must not be before start timestamp");
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &wanted));
    assert_eq!(Api::start().data("/query_exemplars?query=sum(rate(up%5B5m%5D))").await, json!([]));
}
