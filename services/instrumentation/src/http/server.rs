//! The layers around every route of a service: trace, metrics and access log; panic catching; load shedding; deadline;
//! body limit; and problems instead of empty errors.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::SpanContext;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::concurrency::ConcurrencyLimit;
use super::front::Drawn;
use crate::deadline;
use crate::ids;
use crate::metrics::Metrics;
use crate::path::without_secrets;
use crate::problem::{Code, Problem, ProblemCode};
use crate::telemetry::{self, ACCESS};

/// What a caller inside the shop sends along with a request.
const CONTEXT_HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
    deadline::HEADER,
];

/// Tells the caller under which trace the request is known.
const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// Limits of the server.
#[derive(Debug, Clone, Copy)]
pub struct ServerConfig {
    /// Most requests in flight; more wait. Behind it stands a pool of eight connections: whoever is let in must get one
    /// before the pool gives up, or a full service looks like one whose database is lost.
    pub max_in_flight: usize,
    /// Most requests that wait for a place; more are asked to come back (429).
    pub max_waiting: usize,
    /// Longest time that one waits, and never more than half of what its caller waits.
    pub max_wait: Duration,
    /// When requests take much longer than usual, fewer are let in, but never fewer than this.
    pub min_in_flight: usize,
    /// Longest time for one request.
    pub request_timeout: Duration,
    /// Largest body read.
    pub max_body_bytes: usize,
    /// Whether trace, baggage and deadline that come with a request are believed. At the border they are not: anybody
    /// could join a trace, force its recording or end a request before it starts.
    pub trust_context: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_in_flight: 128,
            max_waiting: 2048,
            max_wait: Duration::from_secs(2),
            min_in_flight: 32,
            request_timeout: Duration::from_secs(10),
            max_body_bytes: 256 * 1024,
            trust_context: true,
        }
    }
}

#[derive(Clone)]
struct Shared {
    metrics: Metrics,
    config: ServerConfig,
    limit: Arc<ConcurrencyLimit>,
    policy: telemetry::Policy,
}

/// Marks an answer that no handler gave: there is no such route, or not with that method.
#[derive(Debug, Clone, Copy)]
pub struct NoRoute;

/// Wraps the routes of a service in all layers. Probe routes (`/healthz`, `/metrics`) stay outside.
pub fn layered(router: Router, metrics: &Metrics, config: ServerConfig) -> Router {
    let limit =
        Arc::new(ConcurrencyLimit::new(config.min_in_flight, config.max_in_flight, config.max_waiting));
    metrics.concurrency_limit().set(limit.limit() as f64);
    let shared = Shared { metrics: metrics.clone(), config, limit, policy: telemetry::policy() };
    router.layer(DefaultBodyLimit::max(config.max_body_bytes)).layer(from_fn_with_state(shared, observe))
}

/// Span, metrics and access log around everything else.
async fn observe(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    if !shared.config.trust_context {
        for name in CONTEXT_HEADERS {
            request.headers_mut().remove(name);
        }
    }
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = method_name(request.method());
    let span = server_span(method, route, &request);
    continue_trace(&span, &request);
    let work = async {
        let response = with_limits(&shared, request, next).await;
        let response = explain_empty_error(response);
        let elapsed = started.elapsed();
        let status = response.status();
        shared
            .metrics
            .http_server()
            .with_label_values(&[method, route, status.as_str()])
            .observe(elapsed.as_secs_f64());
        if response.extensions().get::<ProblemCode>().is_some_and(|problem| problem.0 == Code::InProgress) {
            shared.metrics.in_progress().inc();
        }
        finish(shared.policy, elapsed, method, route, response)
    };
    work.instrument(span).await
}

/// The span of a request, in a trace of its own.
pub(super) fn server_span(method: &'static str, route: &str, request: &Request) -> Span {
    tracing::info_span!(
        "http request",
        sampling.priority = request.extensions().get::<Drawn>().map(|drawn| i64::from(drawn.0)),
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        url.path = without_secrets(request.uri().path()),
        error.type = Empty,
    )
}

/// Makes the span part of the caller's trace, if it names one.
fn continue_trace(span: &Span, request: &Request) {
    if request.headers().contains_key(&CONTEXT_HEADERS[0]) {
        let parent = TraceContextPropagator::new()
            .extract_with_context(&opentelemetry::Context::new(), &Headers(request.headers()));
        if let Err(error) = span.set_parent(parent) {
            tracing::debug!(%error, "trace context not continued");
        }
    }
}

/// Body limit, deadline, the line, and panic catching, in this order: the cheapest refusal comes first.
async fn with_limits(shared: &Shared, request: Request, next: Next) -> Response {
    if declared_length(request.headers()).is_some_and(|length| length > shared.config.max_body_bytes as u64) {
        let detail = format!("the body is larger than {} bytes", shared.config.max_body_bytes);
        return Problem::new(Code::Invalid, detail)
            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
            .into_response();
    }
    let limit = shared.config.request_timeout;
    let limit = deadline::from_headers(request.headers()).map_or(limit, |asked| asked.min(limit));
    if limit.is_zero() {
        return Problem::new(Code::Timeout, "the caller's deadline has passed").into_response();
    }
    let until = Instant::now() + limit;
    let Some(place) = shared.limit.enter_within(shared.config.max_wait.min(limit / 2)).await else {
        shared.metrics.shed().inc();
        // Not all at once.
        let seconds = 1 + (ids::random_share() * 3.0) as u64;
        return Problem::new(Code::RateLimited, "too many requests at a time")
            .retry_after(seconds)
            .into_response();
    };
    let limit = until.saturating_duration_since(Instant::now());
    let work = deadline::scope(until, AssertUnwindSafe(next.run(request)).catch_unwind());
    let result = tokio::time::timeout(limit, work).await;
    place.answered();
    shared.metrics.concurrency_limit().set(shared.limit.limit() as f64);
    match result {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            tracing::error!(panic = panic_text(panic.as_ref()), "request handler panicked");
            Problem::new(Code::Internal, "the service failed to handle the request").into_response()
        }
        Err(_) => Problem::new(Code::Timeout, "the request took too long").into_response(),
    }
}

/// axum answers unknown routes and methods with an empty body: say it as a problem. Pages with a body stay as they are.
fn explain_empty_error(response: Response) -> Response {
    if response.headers().contains_key(header::CONTENT_TYPE) {
        return response;
    }
    let problem = match response.status() {
        StatusCode::NOT_FOUND => Problem::new(Code::NotFound, "no such resource"),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(Code::Invalid, "method not allowed here").with_status(StatusCode::METHOD_NOT_ALLOWED)
        }
        _ => return response,
    };
    let mut explained = problem.into_response();
    explained.extensions_mut().insert(NoRoute);
    if let Some(allow) = response.headers().get(header::ALLOW) {
        explained.headers_mut().insert(header::ALLOW, allow.clone());
    }
    explained
}

/// Tells an answer in the current span and in the access log, and the caller its trace.
pub(super) fn finish(
    policy: telemetry::Policy,
    elapsed: Duration,
    method: &'static str,
    route: &str,
    mut response: Response,
) -> Response {
    let status = response.status();
    let span = Span::current();
    span.record("http.response.status_code", status.as_u16());
    let duration_ms = elapsed.as_secs_f64() * 1000.0;
    let current = telemetry::current_span();
    if status.is_server_error() {
        let kind = response.extensions().get::<ProblemCode>().map_or(status.as_str(), |code| code.0.as_str());
        span.record("error.type", kind);
        span.record("otel.status_code", "ERROR");
        tracing::error!(method, route, status = status.as_u16(), duration_ms, "request failed");
    } else if policy.is_told(elapsed, || current.as_ref().is_some_and(SpanContext::is_sampled)) {
        tracing::info!(target: ACCESS, method, route, status = status.as_u16(), duration_ms, "request served");
    }
    if let Some(value) = current.and_then(|span| HeaderValue::try_from(span.trace_id().to_string()).ok()) {
        response.headers_mut().insert(TRACE_ID, value);
    }
    response
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The method as a label: a bounded set, whatever a client sends.
pub(super) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
