//! Grafana's Prometheus data source, request by request, as its client sends them.

use serde_json::json;

use crate::harness::{Api, NOW_S};

#[tokio::test]
async fn the_data_source_s_health_check_passes() {
    let api = Api::start();
    let (status, answer) = api.post("/query", &[("query", "1+1"), ("time", "4")]).await;
    assert_eq!(
        (status.as_u16(), &answer["data"]),
        (200, &json!({"resultType": "scalar", "result": [4, "2"]}))
    );
    assert!(api.data("/status/buildinfo").await.get("features").is_none(), "features would mean Mimir");
    assert_eq!(api.data("/rules").await, json!({"groups": []}));
}

#[tokio::test]
async fn a_panel_is_drawn() {
    let api = Api::start();
    let (start, end) = (format!("{}", NOW_S - 60), format!("{NOW_S}"));
    let form = [("query", "up{job=~\"shop|edge\"}"), ("start", &start), ("end", &end), ("step", "15")];
    let (_, answer) = api.post("/query_range", &form).await;
    assert_eq!(answer["data"]["result"].as_array().unwrap().len(), 3);
    // An interval below a second comes as a float.
    let form = [("query", "sum(up)"), ("start", &start), ("end", &end), ("step", "7.5")];
    let (_, answer) = api.post("/query_range", &form).await;
    assert_eq!(answer["data"]["result"][0]["values"].as_array().unwrap().len(), 9);
    let form = [("query", "up"), ("start", &start), ("end", &end)];
    let (status, answer) = api.post("/query_exemplars", &form).await;
    assert_eq!((status.as_u16(), &answer["data"]), (200, &json!([])));
}

#[tokio::test]
async fn the_query_builder_finds_metrics_labels_and_values() {
    let api = Api::start();
    let (start, end) = (NOW_S - 300, NOW_S);
    let range = format!("start={start}&end={end}");
    let names = api.data(&format!("/label/__name__/values?{range}&limit=40000")).await;
    assert_eq!(names, json!(["http.requests_total", "up"]));
    let form = [("match[]", "{__name__=\"up\"}"), ("start", "0"), ("limit", "40000")];
    let (_, labels) = api.post("/labels", &form).await;
    assert_eq!(labels["data"], json!(["__name__", "instance", "job"]));
    let values = api.data(&format!("/label/job/values?{range}&match%5B%5D=up%7Binstance%3D%22a%22%7D")).await;
    assert_eq!(values, json!(["shop"]));
    let (_, series) = api.post("/series", &[("match[]", "up{job=\"shop\"}")]).await;
    assert_eq!(series["data"].as_array().unwrap().len(), 2);
    assert_eq!(api.data("/metadata?limit=5000").await["up"][0]["type"], json!("gauge"));
}
