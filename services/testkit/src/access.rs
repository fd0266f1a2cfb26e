//! Holds a service's routes to the table of who may call what.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use shop_instrumentation::auth::access::{Route, SERVICES, routes_of};
use shop_instrumentation::auth::testing;
use shop_instrumentation::bootstrap::{BootParts, service_router};
use shop_instrumentation::http::server::{NoRoute, ServerConfig};
use tower::ServiceExt as _;

/// Stands for every id in a path.
const ID: &str = "00000000-0000-7000-8000-000000000001";

/// Asks for each row of `service` in the table: without a token (401), with the token of a service that is not listed
/// (403), and with that of each that is (answered by a handler, whatever it says). A route that the table does not know
/// must be refused. `not_built` are rows whose route is still to come, as method and path.
///
/// # Panics
/// With the row that does not hold.
pub async fn table_holds(
    service: &'static str,
    routes: Router,
    parts: &BootParts,
    not_built: &[(&str, &str)],
) {
    let unlisted = axum::routing::get(|| async { "told" });
    let routes = routes.route("/unlisted-by-the-table", unlisted);
    let router = service_router(routes, ServerConfig::default(), parts);
    for row in routes_of(service) {
        let is_built = !not_built.contains(&(row.method.as_str(), row.path.as_str()));
        if row.is_public() {
            assert_eq!(has_route(&ask(&router, row, None).await), is_built, "{row:?}");
            continue;
        }
        for caller in row.callers.iter().filter(|_| !is_built) {
            let token = testing::token(caller, service);
            assert!(!has_route(&ask(&router, row, Some(token)).await), "no longer to come: {row:?}");
        }
        if is_built {
            row_holds(service, &router, row).await;
        }
    }
    let unlisted = Route {
        service: service.to_owned(),
        method: "GET".to_owned(),
        path: "/unlisted-by-the-table".to_owned(),
        callers: Vec::new(),
    };
    for caller in SERVICES {
        let answer = ask(&router, &unlisted, Some(testing::token(caller, service))).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "an unlisted route answers {caller}");
    }
}

async fn row_holds(service: &str, router: &Router, row: &Route) {
    let anonymous = ask(router, row, None).await;
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED, "without a token: {row:?}");
    for caller in SERVICES {
        let answer = ask(router, row, Some(testing::token(caller, service))).await;
        if row.callers.iter().any(|name| name == caller) {
            assert!(has_route(&answer), "listed, but the service has no such route: {row:?}");
            let status = answer.status();
            assert_ne!(status, StatusCode::FORBIDDEN, "listed, but refused {caller}: {row:?}");
        } else {
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "not listed, but answered {caller}: {row:?}");
        }
    }
}

fn has_route(answer: &Response<Body>) -> bool {
    answer.extensions().get::<NoRoute>().is_none()
}

async fn ask(router: &Router, row: &Route, token: Option<String>) -> Response<Body> {
    let path: Vec<&str> =
        row.path.split('/').map(|part| if part.starts_with('{') { ID } else { part }).collect();
    let mut request = Request::builder()
        .method(row.method.as_str())
        .uri(path.join("/"))
        .header("content-type", "application/json")
        .header("idempotency-key", "a-key");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::from("{}")).expect("the request is well formed");
    router.clone().oneshot(request).await.expect("a router never fails")
}
