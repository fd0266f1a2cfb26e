use console_model::{
    Labels,
    log::{LogAnswer, LogEntry, LogStream},
    metric::QueryStats,
    span::{AttributeValue, Span, SpanEvent, SpanId, SpanKind, SpanStatus, Trace, TraceId, TraceSummary},
};
use console_storage::SourceError;

use crate::fakes::{Fakes, NOW_MS, away};

const ID: &str = "0af7651916cd43dd8448eb211c80319c";

fn id() -> TraceId {
    ID.parse().unwrap()
}

fn span(number: u8, parent: u8, service: &str, name: &str, status: SpanStatus) -> Span {
    Span {
        trace_id: id(),
        span_id: SpanId([number; 8]),
        parent_span_id: (parent > 0).then_some(SpanId([parent; 8])),
        service: service.to_owned(),
        name: name.to_owned(),
        kind: SpanKind::Server,
        start_ns: (NOW_MS - 300_000) * 1_000_000 + i64::from(number) * 1_000_000,
        duration_ns: 250_000_000 / i64::from(number),
        status,
        status_message: String::new(),
        attributes: vec![("http.route".to_owned(), AttributeValue::String("/<b>".to_owned()))],
        resource: vec![("service.version".to_owned(), AttributeValue::String("1.2.3".to_owned()))],
        scope_name: String::new(),
        scope_version: String::new(),
        scope_attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
    }
}

fn trace() -> Trace {
    let mut failed = span(3, 2, "payments", "POST /payments", SpanStatus::Error);
    failed.events.push(SpanEvent {
        t_ns: failed.start_ns + 1_000_000,
        name: "exception".to_owned(),
        attributes: vec![(
            "exception.message".to_owned(),
            AttributeValue::String("card declined".to_owned()),
        )],
    });
    let spans = vec![
        span(1, 0, "storefront", "POST /checkout", SpanStatus::Unset),
        span(2, 1, "orders", "POST /orders", SpanStatus::Unset),
        failed,
    ];
    Trace { trace_id: id(), spans }
}

fn summary() -> TraceSummary {
    TraceSummary {
        trace_id: id(),
        root_service: "storefront".to_owned(),
        root_name: "POST /checkout".to_owned(),
        start_ns: (NOW_MS - 60_000) * 1_000_000,
        duration_ns: 250_000_000,
        span_count: 12,
        error_count: 1,
        services: vec![("storefront".to_owned(), 4), ("orders".to_owned(), 8)],
        matched: Vec::new(),
        matched_count: 2,
    }
}

#[tokio::test]
async fn fields_are_asked_as_traceql() {
    let fakes = Fakes { traces: Box::new(|_| Ok(vec![summary()])), ..Fakes::default() };
    let heard = fakes.heard.clone();
    let page = fakes.get("/traces?service=or%22ders&errors=1&min=100ms").await;
    assert_eq!(page.status, 200);
    let query = r#"{ resource.service.name = "or\"ders" && status = error && duration >= 100ms }"#;
    assert_eq!(heard.lock().unwrap().as_slice(), [query]);
    page.assert_shows(&["storefront POST /checkout", "2 spans match", "250 ms", "60 s ago", "orders 8"]);
    assert!(page.main().contains(&format!("/traces/{ID}")));
}

#[tokio::test]
async fn an_own_query_goes_before_fields_and_is_pointed_at_when_wrong() {
    let wrong = || SourceError::Invalid { message: "unexpected end".to_owned(), position: Some(2) };
    let fakes = Fakes { traces: Box::new(move |_| Err(wrong())), ..Fakes::default() };
    let heard = fakes.heard.clone();
    let page = fakes.get("/traces?q=%7B%20&service=orders").await;
    assert_eq!(heard.lock().unwrap().as_slice(), ["{"]);
    page.assert_shows(&["unexpected end", "line 1, column 2"]);
}

#[tokio::test]
async fn no_match_is_told_apart_from_no_traces() {
    let some = Fakes {
        traces: Box::new(|q| Ok(if q == "{}" { vec![summary()] } else { Vec::new() })),
        ..Fakes::default()
    };
    some.get("/traces?errors=1").await.assert_shows(&["No trace matches"]);
    Fakes::default().get("/traces?errors=1").await.assert_shows(&["No traces arrived"]);
    let wrong = Fakes { traces: Box::new(|_| Ok(vec![summary()])), ..Fakes::default() };
    wrong.get("/traces?min=fast").await.assert_shows(&["must be like 250ms", "storefront"]);
}

#[tokio::test]
async fn a_trace_is_a_waterfall_with_its_failure_and_its_lines() {
    let line = |expr: &str| {
        let entries = vec![LogEntry {
            t_ns: (NOW_MS - 300_000) * 1_000_000,
            line: r#"{"message":"payment declined by provider"}"#.to_owned(),
            metadata: Vec::new(),
        }];
        let labels = Labels::from_pairs([("service_name", "payments"), ("level", "error")]);
        let stream = LogStream { labels, entries };
        if expr.contains("trace_id=") {
            return Err(SourceError::Unsupported("metadata".to_owned()));
        }
        Ok(LogAnswer::Streams { streams: vec![stream.clone(), stream], stats: QueryStats::default() })
    };
    let fakes = Fakes { trace: Ok(Some(trace())), logs: Box::new(line), ..Fakes::default() };
    let heard = fakes.heard.clone();
    let page = fakes.get(&format!("/traces/{ID}")).await;
    assert_eq!(page.status, 200);
    page.assert_shows(&[
        "storefront POST /checkout",
        "card declined",
        "1 lines, oldest first",
        "1.2.3",
        "/&lt;b&gt;",
    ]);
    let waterfall = page.main().split(r#"id="waterfall""#).nth(1).expect("the page has the waterfall");
    for words in ["storefront", "orders", "payments", "on the critical path"] {
        assert!(waterfall.contains(words), "{words}");
    }
    assert!(waterfall.contains(r#"id="span-0303030303030303""#));
    let heard = heard.lock().unwrap();
    assert!(heard.contains(&format!(r#"{{service_name=~".+"}} |= "{ID}""#)), "{heard:?}");
}

#[tokio::test]
async fn a_trace_without_lines_says_which_kind_of_nothing_it_is() {
    let page = Fakes { trace: Ok(Some(trace())), ..Fakes::default() }.get(&format!("/traces/{ID}")).await;
    page.assert_shows(&["No log line carries this trace"]);
    let mut fresh = trace();
    fresh.spans.iter_mut().for_each(|s| s.start_ns += 290_000 * 1_000_000);
    let page = Fakes { trace: Ok(Some(fresh)), ..Fakes::default() }.get(&format!("/traces/{ID}")).await;
    page.assert_shows(&["Not here yet"]);
    let fakes = Fakes { trace: Ok(Some(trace())), logs: Box::new(|_| Err(away("logs"))), ..Fakes::default() };
    fakes.get(&format!("/traces/{ID}")).await.assert_shows(&["logs is unavailable", "payments"]);
}

#[tokio::test]
async fn an_unknown_trace_is_not_found_and_says_what_that_may_mean() {
    let page = Fakes::default().get(&format!("/traces/{ID}")).await;
    assert_eq!(page.status, 404);
    page.assert_shows(&["may not be here yet", "past retention", "sampled out", ID]);
    let page = Fakes::default().get("/traces/xyz").await;
    assert_eq!(page.status, 404);
    page.assert_shows(&["Not a trace id", "xyz"]);
}

#[tokio::test]
async fn a_store_that_is_away_is_no_missing_trace() {
    let page = Fakes { trace: Err(away("traces")), ..Fakes::default() }.get(&format!("/traces/{ID}")).await;
    assert_eq!(page.status, 200);
    page.assert_shows(&["traces is unavailable: connection refused"]);
}
