//! Answers that are ready before a request reaches routes and layers: pages that are the same for everybody.
//!
//! The head sampler's decision is drawn here: a ready answer makes a span only when it is to be sampled, so that traces
//! and the access log show ready answers in their true share. What runs here stands at the border: trace and deadline
//! that come with a request are not looked at.

use std::convert::Infallible;
use std::future::{Ready as Immediately, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use futures::future::Either;
use tower::Service;

use super::server::{finish, method_name, server_span};
use crate::metrics::Histogram;
use crate::{faults, telemetry};

/// Gives answers that are ready.
pub trait ReadyAnswers: Send + Sync + 'static {
    /// The answer that the routes would give; `None` when it is not at hand.
    fn answer(&self, request: &Request) -> Option<ReadyAnswer>;
}

/// An answer, and what it counts as.
pub struct ReadyAnswer {
    pub response: Response,
    /// The route that made it.
    pub route: Arc<str>,
    /// The series of that route and this status, see [`crate::metrics::Metrics::http_server_series`].
    pub duration: Histogram,
}

/// What the sampler drew for a request's trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drawn(pub bool);

/// The routes behind what is ready.
#[derive(Clone)]
pub(crate) struct Front {
    router: Router,
    ready: Option<Arc<dyn ReadyAnswers>>,
    policy: telemetry::Policy,
}

impl Front {
    pub(crate) fn new(
        router: Router,
        ready: Option<Arc<dyn ReadyAnswers>>,
        policy: telemetry::Policy,
    ) -> Self {
        Self { router, ready, policy }
    }

    /// The answer, if it is ready, counted and told as one of the routes would be.
    fn ready_answer(&self, request: &mut Request) -> Option<Response> {
        let ready = self.ready.as_deref()?;
        let started = Instant::now();
        let is_drawn = telemetry::is_drawn();
        request.extensions_mut().insert(Drawn(is_drawn));
        if faults::is_any_on() {
            return None;
        }
        let ReadyAnswer { response, route, duration } = ready.answer(request)?;
        duration.observe(started.elapsed().as_secs_f64());
        if !is_drawn && self.policy.access_log != telemetry::AccessLog::All {
            return Some(response);
        }
        let method = method_name(request.method());
        let span = server_span(method, &route, request);
        Some(span.in_scope(|| finish(self.policy, started.elapsed(), method, &route, response)))
    }
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Immediately<Result<Response, Infallible>>, RouteFuture<Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Router as Service<Request<Body>>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match self.ready_answer(&mut request) {
            Some(response) => Either::Left(ready(Ok(response))),
            None => Either::Right(self.router.call(request)),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::routing::get;
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tower::ServiceExt as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::metrics::Metrics;
    use crate::telemetry::exported::Exported;
    use crate::telemetry::{AccessLog, Policy};

    struct Home(Metrics);

    impl ReadyAnswers for Home {
        fn answer(&self, request: &Request) -> Option<ReadyAnswer> {
            (request.uri().path() == "/").then(|| ReadyAnswer {
                response: Response::new(Body::from("ready")),
                route: Arc::from("/"),
                duration: self.0.http_server_series("GET", "/", StatusCode::OK),
            })
        }
    }

    fn front(routes: Router, access_log: AccessLog) -> (Front, Metrics) {
        let metrics = Metrics::new("storefront", "1").unwrap();
        let ready: Arc<dyn ReadyAnswers> = Arc::new(Home(metrics.clone()));
        (Front::new(routes, Some(ready), Policy { access_log, ..Policy::default() }), metrics)
    }

    fn ask(path: &str) -> Request {
        Request::get(path).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn what_is_not_ready_reaches_the_routes_with_what_was_drawn() {
        let drawn = |request: Request| async move {
            let drawn = request.extensions().get::<Drawn>().copied();
            if drawn == Some(Drawn(false)) { StatusCode::ACCEPTED } else { StatusCode::CONFLICT }
        };
        // Nothing is sampled where nothing was chosen.
        let routes = Router::new().route("/", get("routed")).route("/p", get(drawn));
        let (front, metrics) = front(routes, AccessLog::Sampled);
        let answer = front.clone().oneshot(ask("/")).await.unwrap();
        assert_eq!(axum::body::to_bytes(answer.into_body(), 100).await.unwrap(), "ready");
        assert_eq!(front.oneshot(ask("/p")).await.unwrap().status(), StatusCode::ACCEPTED);
        let exposed = metrics.render().unwrap();
        assert!(exposed.contains(r#"http_server_request_duration_seconds_count{http_request_method="GET""#));
    }

    #[tokio::test]
    async fn ready_answer_that_is_told_has_its_span_and_its_record() {
        let exported = Exported::default();
        let provider = SdkTracerProvider::builder().with_span_processor(exported.clone()).build();
        let subscriber = tracing_subscriber::registry()
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("test")));
        let (front, _) = front(Router::new(), AccessLog::All);
        let _guard = tracing::subscriber::set_default(subscriber);
        let mut request = ask("/");
        let foreign = "00-11111111111111111111111111111111-2222222222222222-01";
        request.headers_mut().insert("traceparent", foreign.parse().unwrap());
        let answer = front.oneshot(request).await.unwrap();
        assert_eq!(exported.names(), ["GET /"]);
        let trace = exported.spans()[0].span_context.trace_id().to_string();
        assert_eq!(answer.headers()["x-trace-id"].to_str().unwrap(), trace);
        assert!(!foreign.contains(&trace), "a trace that came with the request");
    }
}
