//! `query` and `query_range`: parameters, errors, limits, statistics.

use axum::http::StatusCode;
use console_model::{
    Labels,
    metric::{QueryValue, Sample, Series},
};
use console_storage::SourceError;
use serde_json::json;

use crate::harness::{Api, NOW_S};

/// A request, its status, the type of its error and what is said. The words are Prometheus'.
const REFUSED: &[(&str, u16, &str, &str)] = &[
    (
        "/query",
        400,
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "/query?query=up{",
        400,
        "bad_data",
        "invalid parameter \"query\": 1:4: parse error: unexpected end of input",
    ),
    (
        "/query?query=1&time=noon",
        400,
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"noon\" to a valid timestamp",
    ),
    (
        "/query?query=1&limit=x",
        400,
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    ("/query?query=1&limit=-1", 400, "bad_data", "invalid parameter \"limit\": limit must be non-negative"),
    (
        "/query?query=1&timeout=soon",
        400,
        "bad_data",
        "invalid parameter \"timeout\": cannot parse \"soon\" to a valid duration",
    ),
    (
        "/query?query=1&lookback_delta=x",
        400,
        "bad_data",
        "error parsing lookback delta duration: cannot parse \"x\" to a valid duration",
    ),
    (
        "/query_range?query=1&end=2&step=1",
        400,
        "bad_data",
        "invalid parameter \"start\": cannot parse \"\" to a valid timestamp",
    ),
    (
        "/query_range?query=1&start=x&end=2&step=1",
        400,
        "bad_data",
        "invalid parameter \"start\": cannot parse \"x\" to a valid timestamp",
    ),
    (
        "/query_range?query=1&start=1&step=1",
        400,
        "bad_data",
        "invalid parameter \"end\": cannot parse \"\" to a valid timestamp",
    ),
    (
        "/query_range?query=1&start=2&end=1&step=1",
        400,
        "bad_data",
        "invalid parameter \"end\": end timestamp must not be before start time",
    ),
    (
        "/query_range?query=1&start=1&end=2",
        400,
        "bad_data",
        "invalid parameter \"step\": cannot parse \"\" to a valid duration",
    ),
    (
        "/query_range?query=1&start=1&end=2&step=1e20",
        400,
        "bad_data",
        "invalid parameter \"step\": cannot parse \"1e20\" to a valid duration. It overflows int64",
    ),
    (
        "/query_range?query=1&start=1&end=2&step=0",
        400,
        "bad_data",
        "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
    ),
    (
        "/query_range?query=1&start=1&end=2&step=-5",
        400,
        "bad_data",
        "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
    ),
    (
        "/query_range?query=1&start=0&end=11001&step=1",
        400,
        "bad_data",
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    ),
    (
        "/query_range?query=up[1m]&start=0&end=10&step=1",
        400,
        "bad_data",
        "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
    ),
    (
        "/query?query=up*on(job)up&time=1800000000",
        422,
        "execution",
        "found duplicate series for the match group",
    ),
    ("/nothing", 404, "not_found", "no such endpoint"),
];

#[tokio::test]
async fn wrong_requests_are_refused_in_prometheus_words() {
    let api = Api::start();
    for (path, status, kind, message) in REFUSED {
        let encoded = path.replace('{', "%7B").replace('[', "%5B").replace(']', "%5D");
        let (got, answer) = api.get(&encoded).await;
        assert_eq!(got.as_u16(), *status, "{path}: {answer}");
        assert_eq!((&answer["status"], &answer["errorType"]), (&json!("error"), &json!(kind)), "{path}");
        let said = answer["error"].as_str().unwrap();
        assert!(said.starts_with(message), "{path}: {said}");
    }
    let (status, answer) = api.post("/label/job/values", &[]).await;
    assert_eq!((status, &answer["status"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("error")));
}

#[tokio::test]
async fn a_range_of_exactly_eleven_thousand_steps_is_answered() {
    let data = Api::start().data("/query_range?query=1&start=0&end=11000&step=1").await;
    // The points are one more than the steps; the engine's own bound is on points.
    assert_eq!(data["result"][0]["values"].as_array().unwrap().len(), 11_001);
}

#[tokio::test]
async fn failures_of_the_source_have_their_status_and_type() {
    for (error, status, kind, message) in [
        (SourceError::Execution("it broke".into()), 422, "execution", "it broke"),
        (SourceError::Limit("too many".into()), 422, "execution", "too many"),
        (SourceError::Timeout, 503, "timeout", "query timed out in expression evaluation"),
        (SourceError::Canceled, 499, "canceled", "query was canceled in expression evaluation"),
        (SourceError::NotFound("x".into()), 404, "not_found", "not found: x"),
        (SourceError::Internal("x".into()), 500, "internal", "internal: x"),
        (
            SourceError::Unavailable { backend: "far".into(), reason: "gone".into() },
            503,
            "unavailable",
            "far is unavailable: gone",
        ),
        (
            SourceError::Invalid { message: "1:1: parse error: no".into(), position: Some(0) },
            400,
            "bad_data",
            "invalid parameter \"query\": 1:1: parse error: no",
        ),
    ] {
        let (got, text) = Api::fixed(Some(Err(error))).text("/query?query=up").await;
        assert_eq!(got.as_u16(), status);
        let wanted = json!({"status": "error", "errorType": kind, "error": message});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), wanted);
    }
}

#[tokio::test]
async fn a_slow_query_ends_at_its_timeout_or_the_server_s() {
    let api = Api::fixed(None);
    for path in [
        "/query?query=up&timeout=1ms",
        "/query?query=up",
        "/query?query=up&timeout=1h",
        "/query?query=up&timeout=-1",
    ] {
        let (status, answer) = api.get(path).await;
        assert_eq!((status.as_u16(), &answer["errorType"]), (503, &json!("timeout")), "{path}");
    }
}

#[tokio::test]
async fn times_steps_and_parameters_come_in_every_form() {
    let api = Api::start();
    let (at, rfc) = (NOW_S.to_string(), "2027-01-15T08:00:00.000Z");
    let wanted = api.data(&format!("/query?query=sum(up)&time={at}")).await;
    assert_eq!(wanted["result"][0]["value"], json!([NOW_S, "2"]));
    assert_eq!(api.data(&format!("/query?query=sum(up)&time={rfc}")).await, wanted);
    assert_eq!(api.data(&format!("/query?query=sum(up)&time={at}.0&timeout=10s")).await, wanted);
    let (_, posted) = api.post("/query", &[("query", "sum(up)"), ("time", &at)]).await;
    assert_eq!(posted["data"], wanted);
    let (_, mixed) = api.post(&format!("/query?time={at}&query=nothing"), &[("query", "sum(up)")]).await;
    assert_eq!(mixed["data"], wanted, "the form goes before the address");
    let start = NOW_S - 60;
    let range = |step: &str| format!("/query_range?query=sum(up)&start={start}&end={at}&step={step}");
    let wanted = api.data(&range("15")).await;
    assert_eq!(wanted["result"][0]["values"].as_array().unwrap().len(), 5);
    for step in ["15s", "15.000", "15000ms", "0m15s"] {
        assert_eq!(api.data(&range(step)).await, wanted, "{step}");
    }
    let halves = api.data(&range("0.5")).await;
    assert_eq!(halves["result"][0]["values"][1], json!([start as f64 + 0.5, "2"]));
}

#[tokio::test]
async fn a_limit_cuts_and_says_so() {
    let api = Api::start();
    for path in [
        format!("/query?query=up&time={NOW_S}&limit=2"),
        format!("/query_range?query=up&start={NOW_S}&end={NOW_S}&step=1&limit=2"),
    ] {
        let (_, answer) = api.get(&path).await;
        assert_eq!(answer["data"]["result"].as_array().unwrap().len(), 2);
        assert_eq!(answer["warnings"], json!(["results truncated due to limit"]));
        let whole = api.data(&path.replace("limit=2", "limit=3")).await;
        assert_eq!(whole["result"].as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_lookback_of_its_own_reaches_further_or_less_far() {
    let api = Api::start();
    let later = NOW_S + 60;
    let count = async |lookback: &str| {
        let data = api.data(&format!("/query?query=up&time={later}&lookback_delta={lookback}")).await;
        data["result"].as_array().unwrap().len()
    };
    assert_eq!((count("30s").await, count("90").await, count("0").await), (0, 3, 3));
}

#[tokio::test]
async fn statistics_have_prometheus_form() {
    let api = Api::start();
    let data = api.data(&format!("/query?query=up&time={NOW_S}&stats=all")).await;
    for timing in [
        "evalTotalTime",
        "resultSortTime",
        "queryPreparationTime",
        "innerEvalTime",
        "execQueueTime",
        "execTotalTime",
    ] {
        assert!(data["stats"]["timings"][timing].is_number(), "{timing}");
    }
    let samples = &data["stats"]["samples"];
    assert_eq!((&samples["totalQueryableSamples"], &samples["samplesRead"]), (&json!(3), &json!(3)));
    assert_eq!(samples["totalQueryableSamplesPerStep"], json!([[NOW_S, 3]]));
    assert!(samples["peakSamples"].as_u64().unwrap() >= 3);
    let (start, end) = (NOW_S - 30, NOW_S);
    let range = |stats: &str| {
        let query = "query=rate(http.requests_total[1m])"
            .replace("http.requests_total", "%7B\"http.requests_total\"%7D");
        format!("/query_range?{}&start={start}&end={end}&step=7.5&stats={stats}", query.replace('"', "%22"))
    };
    let all = api.data(&range("all")).await["stats"]["samples"].take();
    let at = |i: u8| NOW_S as f64 - 30.0 + f64::from(i) * 7.5;
    assert_eq!(
        all["totalQueryableSamplesPerStep"],
        json!([[start, 4], [at(1), 4], [start + 15, 4], [at(3), 4], [end, 4]])
    );
    assert_eq!(
        all["samplesReadPerStep"],
        json!([[start, 4], [at(1), 0], [start + 15, 1], [at(3), 0], [end, 1]])
    );
    assert_eq!((&all["totalQueryableSamples"], &all["samplesRead"]), (&json!(20), &json!(6)));
    let totals = api.data(&range("true")).await["stats"]["samples"].take();
    assert!(
        totals.get("totalQueryableSamplesPerStep").is_none() && totals.get("samplesReadPerStep").is_none()
    );
    assert_eq!(totals["totalQueryableSamples"], json!(20));
    assert!(api.data("/query?query=1").await.get("stats").is_none());
    let (_, answer) = api.get("/query?query=1&stats=sum").await;
    assert!(answer["data"]["stats"].is_object());
    assert!(answer["warnings"][0].as_str().unwrap().contains("value \"sum\" for parameter \"stats\""));
}

#[tokio::test]
async fn warnings_and_infos_stand_beside_the_data() {
    let api = Api::fixed(Some(Ok(QueryValue::Scalar(Sample { t_ms: 1000, v: 1.0 }))));
    let (_, text) = api.text("/query?query=1").await;
    assert_eq!(
        text,
        concat!(
            r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]},"#,
            r#""warnings":["beware"],"infos":["by the way"]}"#
        )
    );
    let (_, answer) = Api::start().get(&format!("/query?query=rate(up[1m])&time={NOW_S}")).await;
    assert!(answer["infos"][0].as_str().unwrap().contains("might not be a counter"), "{answer}");
}

#[tokio::test]
async fn a_large_answer_is_written_whole() {
    let samples: Vec<Sample> = (0..30_000).map(|i| Sample { t_ms: i * 1000, v: i as f64 / 3.0 }).collect();
    let series = Series { labels: Labels::default(), samples };
    let api = Api::fixed(Some(Ok(QueryValue::Matrix(vec![series]))));
    let (_, answer) = api.get("/query_range?query=x&start=0&end=10&step=1").await;
    let values = answer["data"]["result"][0]["values"].as_array().unwrap();
    assert_eq!((values.len(), &values[29_999]), (30_000, &json!([29_999, (29_999.0_f64 / 3.0).to_string()])));
}
