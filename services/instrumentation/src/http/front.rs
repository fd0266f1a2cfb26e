//! Answers that are ready before a request reaches routes and layers: pages that are the same for everybody.
//!
//! The head sampler's decision is drawn here, because an answer that is ready makes no span. A request whose trace is to
//! be sampled goes all the way, so that traces and the access log show ready answers in their true share.

use std::convert::Infallible;
use std::future::{Ready as Immediately, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use futures::future::Either;
use tower::Service;

use crate::{faults, telemetry};

/// Gives answers that are ready.
pub trait ReadyAnswers: Send + Sync + 'static {
    /// The answer that the routes would give, counted as theirs would be; `None` when it is not at hand.
    fn answer(&self, request: &Request) -> Option<Response>;
}

/// What the sampler drew for a request's trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drawn(pub bool);

/// The routes behind what is ready.
#[derive(Clone)]
pub(crate) struct Front {
    router: Router,
    ready: Option<Arc<dyn ReadyAnswers>>,
}

impl Front {
    pub(crate) fn new(router: Router, ready: Option<Arc<dyn ReadyAnswers>>) -> Self {
        Self { router, ready }
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
        if let Some(at_hand) = &self.ready {
            let drawn = telemetry::is_drawn();
            if !drawn
                && !faults::is_any_on()
                && let Some(response) = at_hand.answer(&request)
            {
                return Either::Left(ready(Ok(response)));
            }
            request.extensions_mut().insert(Drawn(drawn));
        }
        Either::Right(self.router.call(request))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    struct Home;

    impl ReadyAnswers for Home {
        fn answer(&self, request: &Request) -> Option<Response> {
            (request.uri().path() == "/").then(|| Response::new(Body::from("ready")))
        }
    }

    #[tokio::test]
    async fn what_is_not_ready_reaches_the_routes_with_what_was_drawn() {
        let drawn = |request: Request| async move {
            let drawn = request.extensions().get::<Drawn>().copied();
            if drawn == Some(Drawn(false)) { StatusCode::ACCEPTED } else { StatusCode::CONFLICT }
        };
        // Nothing is sampled where nothing was chosen.
        let front =
            Front::new(Router::new().route("/", get("routed")).route("/p", get(drawn)), Some(Arc::new(Home)));
        let ask = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        let answer = front.clone().oneshot(ask("/")).await.unwrap();
        assert_eq!(axum::body::to_bytes(answer.into_body(), 100).await.unwrap(), "ready");
        assert_eq!(front.oneshot(ask("/p")).await.unwrap().status(), StatusCode::ACCEPTED);
    }
}
