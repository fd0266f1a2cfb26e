//! What browsers tell: whose reports are taken, and how they join the trace of their page.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use serde_json::{Value, json};
use shop_instrumentation::telemetry::current_ids;
use shop_storefront::keyring::Keyring;
use shop_storefront::rum::{MAX_AGE, PageKind, Scope, ViewMark};
use shop_testkit::EndedSpans;
use shop_testkit::http::{Answer, call};
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::stage::{Shopper, Stage};

const OURS: [(&str, &str); 2] =
    [("sec-fetch-site", "same-origin"), ("content-type", "text/plain;charset=UTF-8")];

/// The provider is the process's; tests tell their spans apart by trace.
static TRACED: LazyLock<(SdkTracerProvider, EndedSpans)> = LazyLock::new(|| {
    let ended = EndedSpans::default();
    let provider = SdkTracerProvider::builder().with_span_processor(ended.clone()).build();
    opentelemetry::global::set_tracer_provider(provider.clone());
    (provider, ended)
});

/// Log records with the trace that they belong to.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<(String, String)>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Records {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let trace = current_ids().map(|(trace, _)| trace).unwrap_or_default();
        self.0.lock().unwrap().push((trace, text.0));
    }
}

/// Spans and log records of this thread are kept until the guards go.
fn traced() -> (Records, (tracing::Dispatch, DefaultGuard)) {
    let records = Records::default();
    let layer = tracing_opentelemetry::layer().with_tracer(TRACED.0.tracer("test"));
    // With one subscriber in the process, tracing asks only the thread that comes to a place in the code first.
    let second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::registry().with(layer).with(records.clone());
    (records, (second, tracing::subscriber::set_default(subscriber)))
}

fn spans_named(name: &str, trace: &str) -> Vec<SpanData> {
    let told = |span: &SpanData| {
        span.attributes.iter().any(|a| a.key.as_str() == "shop.page.trace_id" && a.value.as_str() == trace)
    };
    TRACED.1.all().into_iter().filter(|span| span.name == name && told(span)).collect()
}

fn attribute(span: &SpanData, key: &str) -> String {
    span.attributes.iter().find(|a| a.key.as_str() == key).map(|a| a.value.to_string()).unwrap_or_default()
}

/// The mark that a page came with.
fn mark(answer: &Answer) -> Option<String> {
    let header = answer.headers.get("server-timing")?.to_str().unwrap();
    assert!(header.ends_with(", sample;desc=\"100\""), "{header}");
    Some(header.strip_prefix("view;desc=\"")?.split('"').next()?.to_owned())
}

fn report(view: &str) -> Value {
    json!({"view": view, "age": 2000, "timings": {"ttfb": 120, "fcp": 300, "lcp": 1500, "load": 900, "cls": 0.04}})
}

impl Stage {
    async fn told(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        call(&self.router, Method::POST, "/rum", headers, body.into()).await
    }

    async fn told_by_us(&self, report: &Value) -> Answer {
        self.told(&OURS, report.to_string()).await
    }
}

async fn shopper_s_page(shopper: &mut Shopper<'_>) -> Answer {
    shopper.take_a_lamp().await;
    shopper.open("/p/lamp").await
}

#[tokio::test]
async fn view_of_somebody_s_own_page_is_part_of_the_page_s_trace() {
    let (_, _guards) = traced();
    let stage = Stage::set().await;
    let page = shopper_s_page(&mut stage.shopper()).await;
    let trace = page.headers["x-trace-id"].to_str().unwrap().to_owned();
    let answer = stage.told_by_us(&report(&mark(&page).unwrap())).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());

    let [span] = &spans_named("page view product", &trace)[..] else { panic!("not one span") };
    assert_eq!(span.span_context.trace_id().to_string(), trace);
    let parent = TRACED.1.all().into_iter().find(|s| s.span_context.span_id() == span.parent_span_id);
    assert_eq!(parent.unwrap().name, "GET /p/{slug}");
    let (shared, lcp) = (attribute(span, "shop.page.shared"), attribute(span, "shop.rum.lcp_ms"));
    assert_eq!((shared.as_str(), lcp.as_str()), ("false", "1500"));
    assert_eq!(span.end_time.duration_since(span.start_time).unwrap(), Duration::from_millis(1500));
    assert!(span.links.links.is_empty());

    let metrics = stage.metrics().await;
    for line in [
        "shop_rum_timing_seconds_count{page=\"product\",timing=\"ttfb\"} 1",
        "shop_rum_timing_seconds_bucket{page=\"product\",timing=\"lcp\",le=\"1.8\"} 1",
        "shop_rum_timing_seconds_bucket{page=\"product\",timing=\"lcp\",le=\"1.2\"} 0",
        "shop_rum_layout_shift_bucket{page=\"product\",le=\"0.05\"} 1",
        "shop_rum_reports_total{outcome=\"taken\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
    assert_eq!(shop_instrumentation::registry::undeclared("storefront", &metrics), Vec::<String>::new());
    assert_eq!(shop_instrumentation::registry::missing("storefront", &metrics), Vec::<String>::new());
}

#[tokio::test]
async fn views_of_a_page_that_the_edge_keeps_are_traces_of_their_own_that_point_to_it() {
    let (_, _guards) = traced();
    let stage = Stage::set().await;
    let page = stage.shopper().open("/p/lamp").await;
    let trace = page.headers["x-trace-id"].to_str().unwrap().to_owned();
    // More readers than one reader may tell of.
    for _ in 0..6 {
        assert_eq!(stage.told_by_us(&report(&mark(&page).unwrap())).await.status, StatusCode::NO_CONTENT);
    }
    let spans = spans_named("page view product", &trace);
    assert_eq!(spans.len(), 6);
    for span in &spans {
        assert_ne!(span.span_context.trace_id().to_string(), trace);
        assert_eq!(span.links.links[0].span_context.trace_id().to_string(), trace);
        assert_eq!(attribute(span, "shop.page.shared"), "true");
    }
}

#[tokio::test]
async fn pages_carry_a_mark_and_what_is_no_page_does_not() {
    let (_, _guards) = traced();
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    for (path, kind) in [
        ("/", "-shared-home-"),
        ("/c/lamps", "-shared-category-"),
        ("/search?q=lamp", "-shared-search-"),
        ("/cart", "-own-cart-"),
        ("/login", "-own-account-"),
        ("/nowhere", "-own-error-"),
    ] {
        let mark = mark(&shopper.open(path).await).unwrap_or_else(|| panic!("{path} has no mark"));
        assert!(mark.contains(kind), "{path}: {mark}");
    }
    for path in ["/pictures/lamp.svg?v=v1", "/staff/login", "/robots.txt", "/search/suggestions?q=l"] {
        assert!(!shopper.open(path).await.headers.contains_key("server-timing"), "{path}");
    }
    let page = shopper.open("/p/lamp").await;
    let known = [("if-none-match", page.headers["etag"].to_str().unwrap())];
    let again = call(&stage.router, Method::GET, "/p/lamp", &known, Body::empty()).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert!(again.headers.contains_key("server-timing"), "the copy in the browser is viewed anew");
}

#[tokio::test]
async fn whoever_does_not_want_to_be_measured_is_not() {
    let stage = Stage::set().await;
    for asks in [("sec-gpc", "1"), ("dnt", "1")] {
        let answer = stage.told(&[OURS[0], asks], "not even read").await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    assert!(stage.metrics().await.contains("shop_rum_reports_total{outcome=\"opted_out\"} 2"));
}

#[tokio::test]
async fn reports_of_other_sites_and_of_nobody_are_refused() {
    let stage = Stage::set().await;
    for headers in [vec![], vec![("sec-fetch-site", "cross-site")], vec![("origin", "http://evil.example")]] {
        let answer = stage.told(&headers, report("x").to_string()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert!(stage.metrics().await.contains("shop_rum_reports_total{outcome=\"foreign\"} 3"));
    let read = call(&stage.router, Method::GET, "/rum", &[], Body::empty()).await;
    assert_eq!(read.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn reports_that_are_too_large_or_out_of_bounds_are_refused_with_the_limit() {
    let stage = Stage::set().await;
    let large = stage.told(&OURS, " ".repeat(4_097)).await;
    assert_eq!(
        (large.status, large.text().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 4096 bytes")
    );
    let mut wild = report("x");
    wild["timings"]["lcp"] = json!(-1);
    for (body, told) in [
        (wild.to_string(), "timings.lcp must be 0 to 600000"),
        ("<!doctype html>".to_owned(), "the body is not a report in JSON"),
        (json!({"view": "x", "age": 1, "page": "checkout"}).to_string(), "the body is not a report in JSON"),
    ] {
        let answer = stage.told(&OURS, body).await;
        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, told));
    }
    assert!(stage.metrics().await.contains("shop_rum_reports_total{outcome=\"malformed\"} 4"));
}

#[tokio::test]
async fn marks_that_we_did_not_make_and_old_ones_join_nothing() {
    let (_, _guards) = traced();
    let stage = Stage::set().await;
    let page = shopper_s_page(&mut stage.shopper()).await;
    let trace = page.headers["x-trace-id"].to_str().unwrap();
    let real = mark(&page).unwrap();
    let other_trace = real.replacen(&trace[..8], "0af76519", 1);
    let other_page = real.replace("product", "home");
    let other_keys = Keyring::parse(&"11".repeat(32)).unwrap();
    let ours = Keyring::parse(&"5a".repeat(32)).unwrap();
    let now = shop_instrumentation::clock::now().timestamp();
    let read = ViewMark::verify(&ours, &real, now).unwrap();
    assert_eq!((read.page, read.scope), (PageKind::Product, Scope::Own));
    let stranger = read.sign(&other_keys);
    for forged in ["", "x", &other_trace, &other_page, &stranger, &real[1..]] {
        let answer = stage.told_by_us(&report(forged)).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (StatusCode::FORBIDDEN, "view is not a mark of this shop")
        );
    }
    let old = ViewMark { issued_at: now - MAX_AGE - 5, ..read }.sign(&ours);
    let answer = stage.told_by_us(&report(&old)).await;
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (StatusCode::FORBIDDEN, "view is older than 3600 seconds")
    );
    assert_eq!(spans_named("page view product", trace).len(), 0);
    let metrics = stage.metrics().await;
    for line in ["{outcome=\"forged\"} 6", "{outcome=\"expired\"} 1", "{outcome=\"taken\"} 0"] {
        assert!(metrics.contains(&format!("shop_rum_reports_total{line}")), "{line}");
    }
}

#[tokio::test]
async fn one_view_and_one_client_tell_only_so_much() {
    let (_, _guards) = traced();
    let stage = Stage::set().await;
    let page = shopper_s_page(&mut stage.shopper()).await;
    let own = report(&mark(&page).unwrap());
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(stage.told_by_us(&own).await.status.as_u16());
    }
    assert_eq!(statuses, [204, 204, 204, 204, 429], "the script sends four at most");
    let mut last = None;
    for _ in 0..120 {
        last = Some(stage.told(&OURS, "x").await);
    }
    let last = last.unwrap();
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.headers.contains_key("retry-after"));
    let elsewhere = [OURS[0], ("x-forwarded-for", "198.51.100.7")];
    assert_eq!(
        stage.told(&elsewhere, "x").await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "others may go on"
    );
}

#[tokio::test]
async fn failing_scripts_are_logged_in_the_view_s_trace_without_anything_personal() {
    let (records, _guards) = traced();
    let stage = Stage::set().await;
    let page = shopper_s_page(&mut stage.shopper()).await;
    let trace = page.headers["x-trace-id"].to_str().unwrap().to_owned();
    let mut told = report(&mark(&page).unwrap());
    told["errors"] = json!([
        {"kind": "error", "message": "no kim@example.com at /search?q=secret\n{\"level\":\"info\"}", "source": "/assets/x.js?token=secret", "line": 7},
        {"kind": "rejection", "message": "card 4242424242424242"},
    ]);
    assert_eq!(stage.told_by_us(&told).await.status, StatusCode::NO_CONTENT);
    let lines: Vec<String> = {
        let records = records.0.lock().unwrap();
        let failed = records.iter().filter(|(_, text)| text.contains("script failed in a browser"));
        failed.inspect(|(of, text)| assert_eq!(of, &trace, "{text}")).map(|(_, text)| text.clone()).collect()
    };
    assert_eq!(lines.len(), 2);
    for secret in ["kim", "secret", "4242", "\n"] {
        assert!(lines.iter().all(|line| !line.contains(secret)), "{secret} in {lines:?}");
    }
    assert!(lines[0].contains("/search?…") && lines[0].contains("line=7"), "{lines:?}");
    let metrics = stage.metrics().await;
    assert!(metrics.contains("shop_rum_client_errors_total{page=\"product\"} 2"), "{metrics}");
}
