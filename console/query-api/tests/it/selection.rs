//! `series`, `labels`, values of a label, `metadata`.

use axum::http::StatusCode;
use serde_json::json;

use crate::harness::{Api, NOW_S};

#[tokio::test]
async fn series_are_those_of_any_selector() {
    let api = Api::start();
    let data =
        api.data("/series?match[]=up%7Bjob=%22edge%22%7D&match[]=%7B%22http.requests_total%22%7D").await;
    assert_eq!(
        data,
        json!([
            {"__name__": "http.requests_total", "http.status": "200", "job": "edge"},
            {"__name__": "up", "instance": "c", "job": "edge"},
        ])
    );
    let (_, posted) = api.post("/series", &[("match[]", "up"), ("limit", "2")]).await;
    assert_eq!(posted["data"].as_array().unwrap().len(), 2);
    assert_eq!(posted["warnings"], json!(["results truncated due to limit"]));
    let long_ago = api.data("/series?match[]=up&start=0&end=10").await;
    assert_eq!(long_ago, json!([]));
    assert_eq!(api.data("/series?match[]=up&start=10&end=0").await, json!([]));
}

#[tokio::test]
async fn label_names_and_values_are_listed() {
    let api = Api::start();
    let names = json!(["__name__", "http.status", "instance", "job"]);
    assert_eq!(api.data("/labels").await, names);
    let (_, posted) = api.post("/labels", &[("match[]", "up"), ("match[]", "nothing")]).await;
    assert_eq!(posted["data"], json!(["__name__", "instance", "job"]));
    let (_, cut) = api.get("/labels?limit=2").await;
    assert_eq!(
        (&cut["data"], &cut["warnings"][0]),
        (&json!(["__name__", "http.status"]), &json!("results truncated due to limit"))
    );
    assert_eq!(api.data("/label/job/values").await, json!(["edge", "shop"]));
    assert_eq!(api.data("/label/job/values?match[]=up%7Binstance=%22c%22%7D").await, json!(["edge"]));
    assert_eq!(api.data(&format!("/label/job/values?start={}", NOW_S + 10)).await, json!([]));
    assert_eq!(api.data("/label/none/values").await, json!([]));
    let always = "start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999999999Z";
    assert_eq!(api.data(&format!("/label/job/values?{always}")).await, json!(["edge", "shop"]));
}

#[tokio::test]
async fn names_of_any_text_are_found_in_the_path() {
    let api = Api::start();
    for name in ["U__http_2e_status", "http.status", "http%2Estatus"] {
        assert_eq!(api.data(&format!("/label/{name}/values")).await, json!(["200"]), "{name}");
    }
    let (status, answer) = api.get("/label/%FF/values?limit=x").await;
    assert_eq!((status, &answer["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")));
    assert!(answer["error"].as_str().unwrap().starts_with("invalid label name: "), "{answer}");
    let (status, answer) = api.get("/label/U__/values").await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid label name: \"\"")));
}

#[tokio::test]
async fn wrong_selectors_are_refused_in_prometheus_words() {
    let api = Api::start();
    for (path, message) in [
        ("/series", "no match[] parameter provided"),
        ("/series?match[]=up%7B", "invalid parameter \"match[]\": 1:4: parse error: unexpected end of input"),
        (
            "/series?match[]=%7B%7D",
            "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
        ),
        ("/labels?match[]=%7Ba=~%22.*%22%7D", "match[] must contain at least one non-empty matcher"),
        (
            "/labels?start=x",
            "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\"",
        ),
        (
            "/label/a/values?limit=x",
            "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        ("/metadata?limit=x", "limit must be a number"),
        ("/metadata?limit_per_metric=x", "limit_per_metric must be a number"),
    ] {
        let (status, answer) = api.get(path).await;
        assert_eq!((status, &answer["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")), "{path}");
        let said = answer["error"].as_str().unwrap();
        assert!(said.starts_with(message), "{path}: {said}");
    }
}

#[tokio::test]
async fn metadata_is_given_by_metric() {
    let api = Api::start();
    let up = json!([{"type": "gauge", "help": "Whether the target answered", "unit": ""}]);
    let requests = json!([{"type": "counter", "help": "Requests", "unit": ""}]);
    let both = json!({"http.requests_total": requests, "up": up});
    assert_eq!(api.data("/metadata").await, both);
    assert_eq!(api.data("/metadata?limit=-1&limit_per_metric=1").await, both);
    assert_eq!(api.data("/metadata?metric=up").await, json!({"up": up}));
    assert_eq!(api.data("/metadata?limit=1").await, json!({"http.requests_total": requests}));
    assert_eq!(api.data("/metadata?limit=0").await, json!({}));
    assert_eq!(api.data("/metadata?metric=none").await, json!({}));
}
