//! The layer that refuses calls before a handler sees them: 401 without a good token, 403 for a caller that is not listed.
//! Its 401 has a code of its own: a handler's says that a person's credentials are wrong, which nobody looked at here.

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::Auth;
use super::access::{Rule, Table};
use super::verifier::{Caller, Refusal, Verifier};
use crate::clock;
use crate::metrics::Metrics;
use crate::problem::{Code, Problem};

#[derive(Clone)]
struct Guard {
    table: Arc<Table>,
    verifier: Verifier,
    metrics: Metrics,
}

/// Guards the routes of a service by its rows of the table. The caller's name is left in the request's extensions.
pub(crate) fn guarded(router: Router, auth: &Auth, metrics: &Metrics) -> Router {
    let table = Table::of(auth.service());
    if table.is_all_public() {
        return router;
    }
    let guard = Guard { table: Arc::new(table), verifier: auth.verifier().clone(), metrics: metrics.clone() };
    router.layer(from_fn_with_state(guard, check))
}

async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        return next.run(request).await;
    };
    let rule = guard.table.rule(request.method(), path.as_str());
    if rule == Rule::Public {
        return next.run(request).await;
    }
    let caller = match guard.caller(&request) {
        Ok(caller) => caller,
        Err(refusal) => return guard.unauthenticated(refusal),
    };
    let allowed = matches!(rule, Rule::Callers(callers) if callers.iter().any(|name| **name == *caller.0));
    if !allowed {
        return guard.forbidden(&caller);
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

impl Guard {
    fn caller(&self, request: &Request) -> Result<Caller, Refusal> {
        let value = request.headers().get(header::AUTHORIZATION).ok_or(Refusal::Missing)?;
        let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
        self.verifier.verify(token.ok_or(Refusal::Missing)?.trim(), clock::now())
    }

    fn unauthenticated(&self, refusal: Refusal) -> Response {
        self.metrics.calls_refused("unauthenticated");
        tracing::warn!(reason = %refusal, "call without a good token refused");
        let mut response = Problem::new(Code::CallerUnauthenticated, refusal.to_string()).into_response();
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        response
    }

    fn forbidden(&self, caller: &Caller) -> Response {
        self.metrics.calls_refused("forbidden");
        tracing::warn!(caller = %caller.0, "call by a service that may not refused");
        Problem::new(Code::Forbidden, format!("{} may not call this", caller.0)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::{get, post};
    use tower::ServiceExt as _;

    fn orders() -> Router {
        let metrics = Metrics::new("orders", "1").unwrap();
        let routes = Router::new()
            .route("/v1/orders", post(|| async { "placed" }))
            .route("/v1/secrets", get(|| async { "told" }));
        guarded(routes, &testing::auth("orders"), &metrics)
    }

    async fn status(method: &str, path: &str, token: Option<&str>) -> StatusCode {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        orders().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn only_a_listed_caller_with_a_good_token_gets_through() {
        let storefront = testing::token("storefront", "orders");
        let payments = testing::token("payments", "orders");
        let elsewhere = testing::token("storefront", "payments");
        for (token, expected) in [
            (None, 401),
            (Some("garbage"), 401),
            (Some(elsewhere.as_str()), 401),
            (Some(&payments), 403),
            (Some(&storefront), 200),
        ] {
            assert_eq!(status("POST", "/v1/orders", token).await, expected, "{token:?}");
        }
    }

    #[tokio::test]
    async fn a_refused_caller_is_not_taken_for_somebody_with_a_wrong_password() {
        let request = Request::builder().method("POST").uri("/v1/orders").body(Body::empty()).unwrap();
        let response = orders().oneshot(request).await.unwrap();
        let code = response.extensions().get::<crate::problem::ProblemCode>().unwrap().0;
        assert_eq!(code, Code::CallerUnauthenticated);
    }

    #[tokio::test]
    async fn route_that_the_table_does_not_list_is_denied_to_all() {
        let storefront = testing::token("storefront", "orders");
        assert_eq!(status("GET", "/v1/secrets", None).await, 401);
        assert_eq!(status("GET", "/v1/secrets", Some(&storefront)).await, 403);
        assert_eq!(status("GET", "/v1/nothing", Some(&storefront)).await, 404);
    }
}
