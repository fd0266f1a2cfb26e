//! Routes.

mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use shop_contracts::payments::{Abandoned, Authorisation, NewAuthorisation, NewRefund, Refund};
use shop_contracts::{OrderId, PaymentId};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path};

pub use self::webhooks::{WebhookKey, Webhooks};
use crate::payments::Payments;
use crate::webhook::LONGEST_BODY;

/// All routes of the service. `webhook_key` is how the provider signs; without it every webhook is refused.
pub fn router(payments: Payments, webhook_key: Option<WebhookKey>) -> Router {
    let webhooks = Webhooks { payments: payments.clone(), key: webhook_key.map(Arc::new) };
    let webhooks = Router::new()
        .route("/webhooks/{provider}", post(webhooks::receive))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(webhooks);
    Router::new()
        .route("/v1/authorisations", post(authorise))
        .route("/v1/authorisations/{id}", get(show))
        .route("/v1/authorisations/{id}/capture", post(capture))
        .route("/v1/authorisations/{id}/void", post(void))
        .route("/v1/authorisations/{id}/refunds", post(refund))
        .route("/v1/orders/{order_id}/abandon", post(abandon))
        .with_state(payments)
        .merge(webhooks)
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

async fn refund(
    State(payments): State<Payments>,
    Path(id): Path<PaymentId>,
    key: IdempotencyKey,
    Json(request): Json<NewRefund>,
) -> Result<(StatusCode, Json<Refund>), Problem> {
    Ok((StatusCode::CREATED, Json(payments.refund(id, key.as_str(), &request).await?)))
}

async fn abandon(
    State(payments): State<Payments>,
    Path(order): Path<OrderId>,
) -> Result<Json<Abandoned>, Problem> {
    payments.abandon(order).await.map(Json)
}
