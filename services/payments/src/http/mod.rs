//! Routes.

mod openapi;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use shop_contracts::payments::{Abandoned, Authorisation, NewAuthorisation, NewRefund, Refund};
use shop_contracts::{OrderId, PaymentId};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path};

pub use self::openapi::document;
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
        .route("/v1/authorisations/{id}/capture", post(capture))
        .route("/v1/authorisations/{id}/void", post(void))
        .route("/v1/authorisations/{id}/refunds", post(refund))
        .route("/v1/orders/{order_id}/abandon", post(abandon))
        .with_state(payments)
        .merge(webhooks)
}

#[utoipa::path(post, path = "/v1/authorisations", params(IdempotencyKey), request_body = NewAuthorisation, responses((status = 201, description = "made", body = Authorisation), (status = 409, description = "the key or the order has another authorisation (`existing`), or the order was abandoned")))]
async fn authorise(
    State(payments): State<Payments>,
    key: IdempotencyKey,
    Json(request): Json<NewAuthorisation>,
) -> Result<(StatusCode, Json<Authorisation>), Problem> {
    Ok((StatusCode::CREATED, Json(payments.authorise(key.as_str(), request).await?)))
}

#[utoipa::path(post, path = "/v1/authorisations/{id}/capture", params(("id" = Uuid, Path)), responses((status = 200, description = "found", body = Authorisation), (status = 404, description = "no such authorisation"), (status = 409, description = "there is nothing (any more) to take")))]
async fn capture(
    State(payments): State<Payments>,
    Path(id): Path<PaymentId>,
) -> Result<Json<Authorisation>, Problem> {
    payments.capture(id).await.map(Json)
}

#[utoipa::path(post, path = "/v1/authorisations/{id}/void", params(("id" = Uuid, Path)), responses((status = 200, description = "found", body = Authorisation), (status = 404, description = "no such authorisation"), (status = 409, description = "the money was taken already")))]
async fn void(
    State(payments): State<Payments>,
    Path(id): Path<PaymentId>,
) -> Result<Json<Authorisation>, Problem> {
    payments.void(id).await.map(Json)
}

#[utoipa::path(post, path = "/v1/authorisations/{id}/refunds", params(("id" = Uuid, Path), IdempotencyKey), request_body = NewRefund, responses((status = 201, description = "made", body = Refund), (status = 404, description = "no such authorisation"), (status = 409, description = "more than was taken and not given back, or the key belongs to another refund")))]
async fn refund(
    State(payments): State<Payments>,
    Path(id): Path<PaymentId>,
    key: IdempotencyKey,
    Json(request): Json<NewRefund>,
) -> Result<(StatusCode, Json<Refund>), Problem> {
    Ok((StatusCode::CREATED, Json(payments.refund(id, key.as_str(), &request).await?)))
}

#[utoipa::path(post, path = "/v1/orders/{order_id}/abandon", params(("order_id" = Uuid, Path)), responses((status = 200, description = "found", body = Abandoned), (status = 409, description = "the order's money was taken (`existing`)")))]
async fn abandon(
    State(payments): State<Payments>,
    Path(order): Path<OrderId>,
) -> Result<Json<Abandoned>, Problem> {
    payments.abandon(order).await.map(Json)
}
