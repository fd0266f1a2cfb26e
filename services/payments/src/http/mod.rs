//! Routes.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use shop_contracts::PaymentId;
use shop_contracts::payments::{Authorisation, NewAuthorisation};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path};

use crate::authorise::Payments;

/// All routes of the service.
pub fn router(payments: Payments) -> Router {
    Router::new()
        .route("/v1/authorisations", post(authorise))
        .route("/v1/authorisations/{id}", get(show))
        .route("/v1/authorisations/{id}/capture", post(capture))
        .route("/v1/authorisations/{id}/void", post(void))
        .with_state(payments)
}

async fn authorise(
    State(payments): State<Payments>,
    key: IdempotencyKey,
    Json(request): Json<NewAuthorisation>,
) -> Result<(StatusCode, Json<Authorisation>), Problem> {
    Ok((StatusCode::CREATED, Json(payments.authorise(key.as_str(), request).await?)))
}

async fn show(
    State(payments): State<Payments>,
    Path(id): Path<PaymentId>,
) -> Result<Json<Authorisation>, Problem> {
    payments.get(id).await.map(Json)
}

async fn capture(
    State(payments): State<Payments>,
    Path(id): Path<PaymentId>,
) -> Result<Json<Authorisation>, Problem> {
    payments.capture(id).await.map(Json)
}

async fn void(
    State(payments): State<Payments>,
    Path(id): Path<PaymentId>,
) -> Result<Json<Authorisation>, Problem> {
    payments.void(id).await.map(Json)
}
