//! `GET /faults`, `PUT` and `DELETE /faults/{name}`, at the internal listener.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, put};
use subtle::ConstantTimeEq as _;

use super::{Activate, FaultView, Faults};
use crate::http::extract::{Json, Path};
use crate::problem::{Code, Problem};

pub(super) fn router(faults: &Faults) -> Router {
    Router::new()
        .route("/faults", get(list))
        .route("/faults/{name}", put(activate).delete(deactivate))
        .with_state(faults.clone())
}

async fn list(State(faults): State<Faults>) -> axum::Json<Vec<FaultView>> {
    axum::Json(faults.list())
}

async fn activate(
    State(faults): State<Faults>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(request): Json<Activate>,
) -> Result<StatusCode, Problem> {
    authorise(&faults, &headers)?;
    faults.activate(&name, request)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn deactivate(
    State(faults): State<Faults>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    authorise(&faults, &headers)?;
    faults.deactivate(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

fn authorise(faults: &Faults, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = &faults.inner.token else {
        return Err(Problem::new(Code::Forbidden, "faults are disabled: no token is configured"));
    };
    let presented = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .unwrap_or_default();
    if bool::from(presented.ct_eq(token.expose().as_bytes())) {
        Ok(())
    } else {
        Err(Problem::new(Code::Unauthenticated, "a valid bearer token is required"))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;
    use crate::config::Secret;
    use crate::metrics::Metrics;

    #[tokio::test]
    async fn nobody_switches_without_the_token() {
        let ask = async |token: Option<Secret>, bearer: &str| {
            let faults = Faults::new(token, Metrics::new("orders", "1").unwrap());
            let status = router(&faults).oneshot(switch_on(bearer)).await.unwrap().status();
            (status, faults.list().iter().any(|fault| fault.active))
        };
        assert_eq!(ask(None, "t").await, (StatusCode::FORBIDDEN, false));
        assert_eq!(ask(Some(Secret::new("t")), "x").await, (StatusCode::UNAUTHORIZED, false));
        assert_eq!(ask(Some(Secret::new("t")), "t").await, (StatusCode::NO_CONTENT, true));
    }

    fn switch_on(bearer: &str) -> Request<Body> {
        Request::put("/faults/orders.leak")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {bearer}"))
            .body(Body::from(r#"{"ttl_seconds":60}"#))
            .unwrap()
    }
}
