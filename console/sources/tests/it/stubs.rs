//! What a backend may do that a real one here does not.

use std::time::Duration;

use console_model::{MatchOp, Matcher, TimeRange, metric::MetricKind};
use console_sources::{PrometheusSource, RemoteConfig};
use console_storage::{
    SourceError,
    source::{MetricsSource, QueryOptions, QueryTime},
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_string_contains, method, path, query_param, query_param_is_missing},
};

const RANGE: TimeRange = TimeRange { start_ms: 1000, end_ms: 2001 };
const SCALAR: &str = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#;

fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "application/json")
}

async fn answering(at: &str, response: ResponseTemplate) -> (PrometheusSource, MockServer) {
    let server = MockServer::start().await;
    Mock::given(path(at)).respond_with(response).mount(&server).await;
    (PrometheusSource::new(RemoteConfig::new(server.uri())).unwrap(), server)
}

#[tokio::test]
async fn notes_partial_answers_and_costs_come_through() {
    let body = r#"{"status":"success","isPartial":true,"warnings":["w"],"infos":["i"],
        "stats":{"seriesFetched":"12","executionTimeMsec":7},
        "data":{"resultType":"scalar","result":[1,"2"]}}"#;
    let (source, _server) = answering("/api/v1/query", json(200, body)).await;
    let answer = source.query("2", 1000).await.unwrap();
    let partial = "the answer is partial: not all parts of the backend answered";
    assert_eq!(
        (answer.warnings, answer.infos),
        (vec!["w".to_owned(), partial.to_owned()], vec!["i".to_owned()])
    );
    assert_eq!((answer.stats.series, answer.stats.duration_us), (12, 7000));
    assert_eq!(answer.stats.bytes, body.len() as u64);
}

#[tokio::test]
async fn a_profile_has_the_backend_s_numbers() {
    let body = r#"{"status":"success","data":{"resultType":"matrix","result":[],"stats":{
        "timings":{"evalTotalTime":0.5,"resultSortTime":0.001,"queryPreparationTime":0.002,"innerEvalTime":0.4,
                   "execQueueTime":0.003,"execTotalTime":0.6},
        "samples":{"totalQueryableSamplesPerStep":[[1,5],[2,7]],"totalQueryableSamples":12,
                   "samplesReadPerStep":[[1,5],[2,1]],"samplesRead":6,"peakSamples":9}}}}"#;
    let server = MockServer::start().await;
    let asked = Mock::given(path("/api/v1/query_range")).and(query_param("stats", "all"));
    asked.respond_with(json(200, body)).expect(1).mount(&server).await;
    let source = PrometheusSource::new(RemoteConfig::new(server.uri())).unwrap();
    let time = QueryTime::Range { start_ms: 1000, end_ms: 2000, step_ms: 1000 };
    let (answer, profile) = source.query_profiled("up", time, QueryOptions::default()).await.unwrap();
    let profile = profile.unwrap();
    assert_eq!((profile.looked_at.total, &*profile.looked_at.by_step), (12, &[5, 7][..]));
    assert_eq!((profile.read.total, &*profile.read.by_step, profile.peak), (6, &[5, 1][..], 9));
    assert_eq!((profile.timings.queue_us, profile.timings.total_us), (3000, 600_000));
    assert_eq!((answer.stats.samples, answer.stats.duration_us), (6, 600_000));
}

#[tokio::test]
async fn a_backend_that_says_nothing_of_costs_has_no_profile() {
    let (source, _server) = answering("/api/v1/query", json(200, SCALAR)).await;
    let asked = source.query_profiled("2", QueryTime::At { at_ms: 0 }, QueryOptions::default()).await;
    assert_eq!(asked.unwrap().1, None);
}

#[tokio::test]
async fn a_backend_is_waited_for_no_longer_than_configured_and_told_so() {
    let server = MockServer::start().await;
    let asked = Mock::given(path("/api/v1/query")).and(query_param("timeout", "50ms"));
    asked.respond_with(json(200, SCALAR).set_delay(Duration::from_secs(5))).mount(&server).await;
    let mut config = RemoteConfig::new(server.uri());
    config.timeout = Duration::from_millis(50);
    let source = PrometheusSource::new(config).unwrap();
    assert_eq!(source.query("up", 0).await.unwrap_err(), SourceError::Timeout);
}

#[tokio::test]
async fn an_answer_is_read_up_to_the_bound() {
    let server = MockServer::start().await;
    let long = format!(
        r#"{{"status":"success","data":{{"resultType":"string","result":[0,"{}"]}}}}"#,
        "x".repeat(5000)
    );
    Mock::given(path("/api/v1/query")).respond_with(json(200, &long)).mount(&server).await;
    let mut config = RemoteConfig::new(server.uri());
    config.max_response_bytes = 4096;
    let source = PrometheusSource::new(config).unwrap();
    let error = source.query("up", 0).await.unwrap_err();
    assert_eq!(error, SourceError::Limit("Prometheus answered with more than 4096 bytes".to_owned()));
}

#[tokio::test]
async fn errors_come_in_the_console_s_terms() {
    for (status, body, wanted) in [
        (
            400,
            r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:4: parse error: no"}"#,
            SourceError::Invalid { message: "1:4: parse error: no".to_owned(), position: Some(3) },
        ),
        (
            422,
            r#"{"status":"error","errorType":"execution","error":"many-to-many"}"#,
            SourceError::Execution("many-to-many".to_owned()),
        ),
        (503, r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#, SourceError::Timeout),
        (
            200,
            r#"{"status":"error","errorType":"execution","error":"late"}"#,
            SourceError::Execution("late".to_owned()),
        ),
    ] {
        let (source, _server) = answering("/api/v1/query", json(status, body)).await;
        assert_eq!(source.query("up{", 0).await.unwrap_err(), wanted);
    }
    for (status, body) in
        [(502, "<html>"), (200, "<html>"), (200, r#"{"status":"success","data":[]}"#), (401, "")]
    {
        let (source, _server) = answering("/api/v1/query", json(status, body)).await;
        let error = source.query("up", 0).await.unwrap_err();
        let SourceError::Unavailable { backend, .. } = &error else { panic!("{status} {body}: {error:?}") };
        assert!(backend.starts_with("Prometheus at http"), "{error}");
    }
    let gone = PrometheusSource::new(RemoteConfig::new("http://127.0.0.1:1")).unwrap();
    assert!(matches!(gone.query("up", 0).await, Err(SourceError::Unavailable { .. })));
}

#[tokio::test]
async fn long_questions_are_posted_where_the_backend_takes_it() {
    let server = MockServer::start().await;
    let long = "x".repeat(5000);
    Mock::given(method("POST"))
        .and(path("/api/v1/query"))
        .and(body_string_contains(&long))
        .respond_with(json(200, SCALAR))
        .expect(1)
        .mount(&server)
        .await;
    let source = PrometheusSource::new(RemoteConfig::new(server.uri())).unwrap();
    source.query(&long, 0).await.unwrap();

    let reading_only = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(405)).expect(1).mount(&reading_only).await;
    let asked = Mock::given(method("GET")).and(query_param("query", &long));
    asked.respond_with(json(200, SCALAR)).expect(1).mount(&reading_only).await;
    let source = PrometheusSource::new(RemoteConfig::new(reading_only.uri())).unwrap();
    source.query(&long, 0).await.unwrap();
}

#[tokio::test]
async fn who_knows_no_look_back_is_not_asked_for_one() {
    let (source, server) = answering("/api/v1/query", json(200, SCALAR)).await;
    let options = QueryOptions { lookback_ms: Some(1000) };
    for _ in 0..2 {
        let refused = source.query_with("up", QueryTime::At { at_ms: 0 }, options).await.unwrap_err();
        assert!(matches!(refused, SourceError::Unsupported(_)), "{refused:?}");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 2, "it is found out once, for two names");
}

#[tokio::test]
async fn a_look_back_is_found_out_and_sent() {
    let server = MockServer::start().await;
    let refused =
        r#"{"status":"error","errorType":"bad_data","error":"error parsing lookback delta duration"}"#;
    Mock::given(query_param("lookback_delta", "nonsense"))
        .respond_with(json(400, refused))
        .expect(1)
        .mount(&server)
        .await;
    let asked = Mock::given(query_param("lookback_delta", "1.500")).and(query_param("query", "up"));
    asked.respond_with(json(200, SCALAR)).expect(2).mount(&server).await;
    let source = PrometheusSource::new(RemoteConfig::new(server.uri())).unwrap();
    let options = QueryOptions { lookback_ms: Some(1500) };
    for _ in 0..2 {
        source.query_with("up", QueryTime::At { at_ms: 0 }, options).await.unwrap();
    }
}

#[tokio::test]
async fn an_unreachable_backend_is_not_one_without_a_look_back() {
    let (source, _server) = answering("/api/v1/query", json(503, "busy")).await;
    let options = QueryOptions { lookback_ms: Some(1500) };
    let error = source.query_with("up", QueryTime::At { at_ms: 0 }, options).await.unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn what_a_backend_does_not_have_is_nothing_or_refused() {
    for response in [ResponseTemplate::new(404), ResponseTemplate::new(204), ResponseTemplate::new(405)] {
        let (source, _server) = answering("/api/v1/query_exemplars", response.clone()).await;
        assert!(source.exemplars("up", RANGE).await.unwrap().is_empty());
        let (source, _server) = answering("/api/v1/status/tsdb", response).await;
        assert!(matches!(source.cardinality(1).await, Err(SourceError::Unsupported(_))));
    }
    let (source, _server) =
        answering("/api/v1/query_exemplars", json(200, r#"{"status":"success","data":null}"#)).await;
    assert!(source.exemplars("up", RANGE).await.unwrap().is_empty());
}

#[tokio::test]
async fn counts_come_in_two_forms() {
    let prometheus = r#"{"status":"success","data":{"headStats":{"numSeries":0,"numLabelPairs":0,"chunkCount":0,
        "minTime":9223372036854775807,"maxTime":-9223372036854775808},"seriesCountByMetricName":null,
        "labelValueCountByLabelName":[{"name":"a","value":2},{"name":"b","value":1}]}}"#;
    let (source, _server) = answering("/api/v1/status/tsdb", json(200, prometheus)).await;
    let counted = source.cardinality(1).await.unwrap();
    assert_eq!((counted.series, counted.span_ms, counted.values_by_label.len()), (0, None, 1));
    let victoria = r#"{"status":"success","data":{"totalSeries":7,"totalLabelValuePairs":9,
        "seriesCountByMetricName":[{"name":"up","value":3}]}}"#;
    let (source, _server) = answering("/api/v1/status/tsdb", json(200, victoria)).await;
    let counted = source.cardinality(5).await.unwrap();
    assert_eq!((counted.series, counted.label_pairs, counted.series_by_metric[0].value), (7, 9, 3));
}

#[tokio::test]
async fn a_metric_may_be_described_more_than_once() {
    let body = r#"{"status":"success","data":{"b":[{"type":"gauge","help":"B","unit":""}],
        "a":[{"type":"counter","help":"A","unit":"s"},{"type":"gaugehistogram","help":"A2","unit":""}]}}"#;
    let (source, _server) = answering("/api/v1/metadata", json(200, body)).await;
    let all = source.metadata(None, 0).await.unwrap();
    let shown: Vec<_> = all.iter().map(|m| (m.metric.as_str(), m.kind, m.help.as_str())).collect();
    let wanted = [
        ("a", MetricKind::Counter, "A"),
        ("a", MetricKind::GaugeHistogram, "A2"),
        ("b", MetricKind::Gauge, "B"),
    ];
    assert_eq!(shown, wanted);
    assert_eq!(source.metadata(None, 2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn times_names_and_selectors_are_sent_as_prometheus_reads_them() {
    let server = MockServer::start().await;
    let empty = || json(200, r#"{"status":"success","data":[]}"#);
    Mock::given(path("/api/v1/label/U__http_2e_status/values"))
        .and(query_param("start", "1.000"))
        .and(query_param("end", "2.000"))
        .and(query_param("match[]", "up"))
        .and(query_param("limit", "3"))
        .respond_with(empty())
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/series"))
        .and(query_param_is_missing("start"))
        .and(query_param_is_missing("end"))
        .respond_with(empty())
        .expect(1)
        .mount(&server)
        .await;
    let matrix = json(200, r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#);
    Mock::given(path("/api/v1/query"))
        .and(query_param("query", "{\"a.b\"!~\"c\\\"\",__name__!=\"\"}[1001ms]"))
        .and(query_param("time", "2.000"))
        .respond_with(matrix)
        .expect(1)
        .mount(&server)
        .await;
    let source = PrometheusSource::new(RemoteConfig::new(server.uri())).unwrap();
    source.label_values("http.status", &["up".to_owned()], RANGE, 3).await.unwrap();
    let always = TimeRange { start_ms: i64::MIN / 4, end_ms: i64::MAX / 4 };
    source.series(&["up".to_owned()], always, 0).await.unwrap();
    let matcher = Matcher { name: "a.b".to_owned(), op: MatchOp::NotRegex, value: "c\"".to_owned() };
    assert_eq!(source.read(&[matcher], 1000, 2000).await, Ok(Vec::new()));
}
