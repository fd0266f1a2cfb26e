//! Grafana's Prometheus data source, request by request: pkg/promlib (client, resource, healthcheck, heuristics) and
//! packages/grafana-prometheus (data source, language provider, resource clients).

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

use crate::harness::{Api, NOW_S};

/// How many entries its lists ask for.
const LIMIT: &str = "40000";
const FORM: &str = "application/x-www-form-urlencoded";
const ONLY_GET: [&str; 3] = ["/api/v1/metadata", "/api/v1/rules", "/api/v1/status/buildinfo"];

fn encoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn sent(api: &Api, method: Method, address: &str, body: String) -> (u16, Value) {
    let mut request =
        Request::builder().method(method.clone()).uri(address).header("user-agent", "Grafana/12.1.0");
    if method == Method::POST {
        request = request.header("content-type", FORM);
    }
    let (status, headers, body) = api.answer(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(headers["content-type"], "application/json", "{address}");
    (status.as_u16(), serde_json::from_slice(&body).unwrap())
}

/// A query of a panel: always a form.
async fn queried(api: &Api, path: &str, form: &[(&str, &str)]) -> Value {
    let (status, answer) = sent(api, Method::POST, path, encoded(form)).await;
    assert_eq!((status, &answer["status"]), (200, &json!("success")), "{path} {form:?}: {answer}");
    answer
}

/// A resource: a form first, unless it is known to be read only; where that is refused, the same in the address.
async fn resource(api: &Api, path: &str, pairs: &[(&str, &str)]) -> Value {
    let mut answered = (405, Value::Null);
    if !ONLY_GET.contains(&path) {
        answered = sent(api, Method::POST, path, encoded(pairs)).await;
    }
    if matches!(answered.0, 400 | 405) {
        answered = sent(api, Method::GET, &format!("{path}?{}", encoded(pairs)), String::new()).await;
    }
    let (status, mut answer) = answered;
    assert_eq!((status, &answer["status"]), (200, &json!("success")), "{path} {pairs:?}: {answer}");
    answer["data"].take()
}

#[tokio::test]
async fn the_data_source_s_health_check_passes() {
    let api = Api::start();
    let answer = queried(&api, "/api/v1/query", &[("query", "1+1"), ("time", "4")]).await;
    assert_eq!(answer["data"], json!({"resultType": "scalar", "result": [4, "2"]}));
    let build = resource(&api, "/api/v1/status/buildinfo", &[]).await;
    assert!(build["version"].is_string() && build["goVersion"].is_string(), "{build}");
    assert!(build.get("features").is_none(), "features would mean Mimir, and a ruler that can be written to");
}

#[tokio::test]
async fn opening_the_data_source_loads_rules_exemplars_names_and_meanings() {
    let api = Api::start();
    assert_eq!(resource(&api, "/api/v1/rules", &[]).await, json!({"groups": []}));
    // Whether there are exemplars at all is asked with milliseconds where seconds are meant.
    let (start, end) = (format!("{}", (NOW_S - 1800) * 1000), format!("{}", NOW_S * 1000));
    let probe = [("query", "test"), ("start", &*start), ("end", &*end)];
    assert_eq!(resource(&api, "/api/v1/query_exemplars", &probe).await, json!([]));
    let (start, end) = ((NOW_S - 300).to_string(), NOW_S.to_string());
    let listed = [("limit", LIMIT), ("start", &*start), ("end", &*end)];
    let names = resource(&api, "/api/v1/label/__name__/values", &listed).await;
    assert_eq!(names, json!(["http.requests_total", "up"]));
    let keys = resource(&api, "/api/v1/labels", &listed).await;
    assert_eq!(keys, json!(["__name__", "http.status", "instance", "job"]));
    let meanings = resource(&api, "/api/v1/metadata", &[("limit", LIMIT)]).await;
    assert_eq!(meanings["up"], json!([{"type": "gauge", "help": "Whether the target answered", "unit": ""}]));
    assert_eq!(resource(&api, "/api/v1/metadata", &[("metric", "up")]).await.as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn the_query_builder_finds_labels_and_values_of_what_is_chosen() {
    let api = Api::start();
    let (start, end) = ((NOW_S - 300).to_string(), NOW_S.to_string());
    let chosen =
        |matcher: &'static str| [("limit", LIMIT), ("start", &*start), ("end", &*end), ("match[]", matcher)];
    let keys = resource(&api, "/api/v1/labels", &chosen("{__name__=\"up\"}")).await;
    assert_eq!(keys, json!(["__name__", "instance", "job"]));
    let values = resource(&api, "/api/v1/label/job/values", &chosen("up{instance=\"a\"}")).await;
    assert_eq!(values, json!(["shop"]));
    // Names that are no identifiers are escaped in the path and quoted in selectors.
    let values =
        resource(&api, "/api/v1/label/U__http_2e_status/values", &chosen("{\"http.requests_total\"}")).await;
    assert_eq!(values, json!(["200"]));
    // The other way to the same, of data sources that are set to the series endpoint.
    let series = resource(&api, "/api/v1/series", &chosen("{__name__!=\"\"}")).await;
    assert_eq!(series.as_array().unwrap().len(), 4);
    let series = resource(&api, "/api/v1/series", &chosen("{__name__=\"up\",instance!=\"\"}")).await;
    assert_eq!(series[0], json!({"__name__": "up", "instance": "a", "job": "shop"}));
}

#[tokio::test]
async fn suggestions_are_asked_for_in_the_address_of_a_post() {
    let api = Api::start();
    let query =
        encoded(&[("match[]", "up{job=\"shop\"}"), ("start", "2027-01-15T07:55:00Z"), ("limit", "10000")]);
    let (status, answer) = sent(&api, Method::POST, &format!("/api/v1/labels?{query}"), String::new()).await;
    assert_eq!((status, &answer["data"]), (200, &json!(["__name__", "instance", "job"])));
    let address = format!("/api/v1/label/instance/values?{query}");
    let (status, answer) = sent(&api, Method::POST, &address, String::new()).await;
    assert_eq!((status, &answer["status"]), (405, &json!("error")), "refused so that it is asked for again");
    let (status, answer) = sent(&api, Method::GET, &address, String::new()).await;
    assert_eq!((status, &answer["data"]), (200, &json!(["a", "b"])));
}

#[tokio::test]
async fn panels_are_drawn() {
    let api = Api::start();
    let (start, end) = ((NOW_S - 60).to_string(), NOW_S.to_string());
    let range = |query: &'static str, step: &'static str| {
        [("query", query), ("start", &*start), ("end", &*end), ("step", step), ("timeout", "60s")]
    };
    let answer = queried(&api, "/api/v1/query_range", &range("up{job=~\"shop|edge\"}", "15")).await;
    assert_eq!(answer["data"]["resultType"], json!("matrix"));
    let row = &answer["data"]["result"][0];
    assert_eq!(row["metric"], json!({"__name__": "up", "instance": "a", "job": "shop"}));
    assert_eq!(row["values"][0], json!([NOW_S - 60, "1"]));
    // An interval below a second, and a time with a fraction, come as floats.
    let answer = queried(&api, "/api/v1/query_range", &range("sum(up)", "7.5")).await;
    assert_eq!(answer["data"]["result"][0]["values"].as_array().unwrap().len(), 9);
    let time = format!("{}.25", NOW_S - 1);
    let answer = queried(&api, "/api/v1/query", &[("query", "up"), ("time", &time)]).await;
    assert_eq!(answer["data"]["result"][0]["value"], json!([(NOW_S - 1) as f64 + 0.25, "1"]));
    let empty = queried(&api, "/api/v1/query_range", &range("nothing", "15")).await;
    assert_eq!(empty["data"]["result"], json!([]));
    let exemplars = [("query", "up"), ("start", &*start), ("end", &*end)];
    assert_eq!(queried(&api, "/api/v1/query_exemplars", &exemplars).await["data"], json!([]));
}

#[tokio::test]
async fn an_error_is_shown_with_its_type() {
    let api = Api::start();
    let (status, answer) =
        sent(&api, Method::POST, "/api/v1/query", encoded(&[("query", "up{"), ("time", "4")])).await;
    assert_eq!((status, &answer["errorType"]), (400, &json!("bad_data")));
    assert!(answer["error"].as_str().unwrap().contains("1:4: parse error"), "{answer}");
}
