//! Searches over a small fixed trace.

use std::{ops::ControlFlow, sync::Arc};

use console_model::{
    TimeRange,
    span::{AttributeValue as V, Span, SpanEvent, SpanId, SpanKind, SpanStatus, Trace, TraceId},
};
use console_storage::{
    SourceError, StorageError,
    source::TracesSource,
    traces::{AttributeScope, SpanReader},
};
use console_traceql::{TraceqlConfig, TraceqlSource};

/// storefront GET /checkout > orders POST /v1/orders > payments authorise (error); orders > INSERT.
fn checkout() -> Trace {
    let span = |id: u8, parent: u8, service: &str, name: &str, start: i64, duration: i64| Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([id; 8]),
        parent_span_id: (parent > 0).then_some(SpanId([parent; 8])),
        service: service.into(),
        name: name.into(),
        kind: SpanKind::Server,
        start_ns: start,
        duration_ns: duration,
        status: SpanStatus::Unset,
        status_message: String::new(),
        attributes: vec![],
        resource: vec![("service.name".into(), V::String(service.into()))],
        scope_name: "http".into(),
        scope_version: String::new(),
        scope_attributes: vec![],
        events: vec![],
        links: vec![],
    };
    let mut root = span(1, 0, "storefront", "POST /checkout", 1_000, 900_000_000);
    root.attributes = vec![("http.response.status_code".into(), V::Int(502))];
    let mut orders = span(2, 1, "orders", "POST /v1/orders", 2_000, 800_000_000);
    orders.attributes =
        vec![("http.response.status_code".into(), V::Int(502)), ("retry".into(), V::Bool(true))];
    let mut payment = span(3, 2, "payments", "authorise payment", 3_000, 50_000_000);
    payment.status = SpanStatus::Error;
    payment.attributes = vec![
        ("shop.payment.outcome".into(), V::String("declined".into())),
        ("tags".into(), V::Array(vec![V::String("a".into()), V::String("b".into())])),
    ];
    payment.events = vec![SpanEvent {
        t_ns: 1_003_000,
        name: "exception".into(),
        attributes: vec![("kind".into(), V::String("card".into()))],
    }];
    let mut insert = span(4, 2, "orders", "INSERT orders", 4_000, 2_000_000);
    insert.kind = SpanKind::Client;
    Trace { trace_id: TraceId([1; 16]), spans: vec![root, orders, payment, insert] }
}

struct OneTrace(Trace);

impl SpanReader for OneTrace {
    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StorageError> {
        Ok((id == self.0.trace_id).then(|| self.0.clone()))
    }

    fn scan(
        &self,
        _: TimeRange,
        service: Option<&str>,
        visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        if service.is_none_or(|s| self.0.spans.iter().any(|span| span.service == s)) {
            let _ = visit(&self.0);
        }
        Ok(())
    }

    fn tag_names(&self, _: TimeRange) -> Result<Vec<(AttributeScope, String)>, StorageError> {
        Ok(vec![])
    }

    fn tag_values(
        &self,
        _: Option<AttributeScope>,
        _: &str,
        _: TimeRange,
        _: usize,
    ) -> Result<Vec<String>, StorageError> {
        Ok(vec![])
    }
}

async fn search(query: &str) -> Result<Vec<u8>, SourceError> {
    let source = TraceqlSource::new(Arc::new(OneTrace(checkout())), TraceqlConfig::default());
    let found = source.search(query, TimeRange { start_ms: 0, end_ms: 10 }, 20).await?;
    Ok(found.iter().flat_map(|t| &t.matched).map(|s| s.span_id.0[0]).collect())
}

#[tokio::test]
async fn queries_find_the_spans_they_describe() {
    let cases: [(&str, &[u8]); 50] = [
        ("", &[1, 2, 3]),
        ("{}", &[1, 2, 3]),
        ("{ status = error }", &[3]),
        ("{ span:status != error && kind = client }", &[4]),
        (r#"{ resource.service.name = "payments" }"#, &[3]),
        (r#"{ resource.service.name = "nobody" }"#, &[]),
        (r#"{ .service.name = "orders" }"#, &[2, 4]),
        (r#"{ resource.service.name =~ "pay.*|store.*" }"#, &[1, 3]),
        (r#"{ resource.service.name =~ "pay" }"#, &[]),
        (r#"{ resource.service.name !~ "orders|payments" }"#, &[1]),
        (r#"{ span.shop.payment.outcome = "declined" }"#, &[3]),
        ("{ span.http.response.status_code >= 500 }", &[1, 2]),
        ("{ span.http.response.status_code != 200 }", &[1, 2]),
        ("{ span.http.response.status_code = 502.0 }", &[1, 2]),
        (r#"{ span.http.response.status_code = "502" }"#, &[]),
        ("{ span.http.response.status_code = nil }", &[3, 4]),
        ("{ span.http.response.status_code != nil }", &[1, 2]),
        ("{ .retry }", &[2]),
        ("{ !.retry }", &[]),
        ("{ duration > 500ms && duration < 850ms }", &[2]),
        ("{ duration * 2 > 1s }", &[1, 2]),
        ("{ traceDuration > 899ms }", &[1, 2, 3]),
        ("{ traceDuration > 1s }", &[]),
        (r#"{ rootName = "POST /checkout" && rootServiceName = "storefront" && span:childCount = 2 }"#, &[2]),
        (r#"{ trace:id = "01010101010101010101010101010101" && span:id = "0404040404040404" }"#, &[4]),
        (r#"{ span:parentID = "0101010101010101" }"#, &[2]),
        (r#"{ span.tags = "b" }"#, &[3]),
        (r#"{ event:name = "exception" && event.kind = "card" }"#, &[3]),
        ("{ event:timeSinceStart >= 1ms }", &[3]),
        (r#"{ instrumentation:name = "http" && name = "INSERT orders" }"#, &[4]),
        (r"{ status = error } && { kind = client }", &[3, 4]),
        (r"{ status = error } && { kind = producer }", &[]),
        (r"{ status = error } || { kind = producer }", &[3]),
        (r#"{ name = "POST /checkout" } > { true }"#, &[2]),
        (r#"{ name = "POST /checkout" } >> { true }"#, &[2, 3, 4]),
        (r"{ status = error } < { true }", &[2]),
        (r"{ status = error } << { true }", &[1, 2]),
        (r"{ status = error } ~ { true }", &[4]),
        (r#"{ name = "POST /checkout" } !> { true }"#, &[1, 3, 4]),
        (r#"{ name = "POST /checkout" } !>> { true }"#, &[1]),
        (r#"{ name = "POST /checkout" } &>> { status = error }"#, &[1, 3]),
        (r#"{ .service.name = "orders" } | count() = 2"#, &[2, 4]),
        (r#"{ .service.name = "orders" } | count() > 2"#, &[]),
        ("{ true } | by(.service.name) | count() > 1", &[2, 4]),
        ("{ true } | by(.service.name) | max(duration) < 100ms", &[3]),
        ("{ kind = server } | avg(duration) > 1s", &[]),
        ("{ kind = server } | sum(duration) > 1s | { status = error }", &[3]),
        ("({ true } | count() > 3 | { kind = client }) && { status = error }", &[3, 4]),
        ("{ true } | select(.retry) | { status = error }", &[3]),
        ("{ true } | by(kind) | coalesce() | count() = 4 | { kind = client }", &[4]),
    ];
    for (query, wanted) in cases {
        assert_eq!(search(query).await.as_deref(), Ok(wanted), "{query}");
    }
}

#[tokio::test]
async fn a_wrong_query_names_the_byte_and_an_unsupported_one_the_construct() {
    let e = search("{ .a = }").await.unwrap_err();
    assert!(matches!(&e, SourceError::Invalid { position: Some(7), .. }), "{e:?}");
    let e = search("{} | rate()").await.unwrap_err();
    assert!(matches!(&e, SourceError::Unsupported(m) if m.contains("metrics")), "{e:?}");
    let e = search("{ .a =~ .b }").await.unwrap_err();
    let named = |m: &str| m.contains("regular expression that is not a literal") && m.contains("at byte 8");
    assert!(matches!(&e, SourceError::Unsupported(m) if named(m)), "{e:?}");
}

#[tokio::test]
async fn a_summary_counts_spans_errors_and_services() {
    let source = TraceqlSource::new(Arc::new(OneTrace(checkout())), TraceqlConfig::default());
    let found = source.search("{}", TimeRange { start_ms: 0, end_ms: 10 }, 20).await.unwrap();
    let t = &found[0];
    assert_eq!((t.span_count, t.error_count, t.matched_count, t.duration_ns), (4, 1, 4, 900_000_000));
    assert_eq!((t.root_service.as_str(), t.root_name.as_str()), ("storefront", "POST /checkout"));
    assert_eq!(t.services, [("orders".into(), 2), ("payments".into(), 1), ("storefront".into(), 1)]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[ -~µ]{0,60}", junk in r#"[{}()|&!<>=~. "a-z0-9]{0,60}"#) {
        let _ = console_traceql::parse(&text);
        let _ = console_traceql::parse(&junk);
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for open in ["(", "{(", "!", "{-", "{ !"] {
        let text = open.repeat(20_000);
        assert!(console_traceql::parse(&text).is_err());
    }
}
