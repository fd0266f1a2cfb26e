//! Routes.

mod openapi;
mod staff;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use shop_contracts::inventory::{NewReservation, Reservation, ReturnStock, StockLevels};
use shop_contracts::{ProductId, ReservationId};
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path, Query};
use shop_instrumentation::{Code, Problem};
use utoipa::IntoParams;

pub use self::openapi::document;
use crate::reserve::Inventory;

/// All routes of the service.
pub fn router(inventory: Inventory) -> Router {
    Router::new()
        .route("/v1/stock", get(levels))
        .route("/v1/reservations", post(reserve))
        .route("/v1/reservations/{id}/confirm", post(confirm))
        .route("/v1/reservations/{id}/release", post(release))
        .route("/v1/reservations/{id}/returns", post(give_back))
        .route("/v1/staff/stock", get(staff::list))
        .route("/v1/staff/stock/{product_id}/adjustments", post(staff::adjust))
        .route("/v1/staff/stock/{product_id}/ledger", get(staff::ledger))
        .with_state(inventory)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Ids {
    /// At most 200 product ids with commas between them.
    ids: String,
}

#[utoipa::path(get, path = "/v1/stock", params(Ids), responses((status = 200, description = "found", body = StockLevels)))]
async fn levels(
    State(inventory): State<Inventory>,
    Query(Ids { ids }): Query<Ids>,
) -> Result<Json<StockLevels>, Problem> {
    let parsed: Result<Vec<ProductId>, _> =
        ids.split(',').filter(|s| !s.is_empty()).map(str::parse).collect();
    let ids =
        parsed.map_err(|_| Problem::new(Code::Invalid, "ids must be a comma-separated list of UUIDs"))?;
    inventory.levels(&ids).await.map(Json)
}

/// The order's id is what makes a repeat harmless; the key is demanded like on every creating POST.
#[utoipa::path(post, path = "/v1/reservations", params(IdempotencyKey), request_body = NewReservation, responses((status = 201, description = "made", body = Reservation), (status = 409, description = "not enough stock")))]
async fn reserve(
    State(inventory): State<Inventory>,
    _key: IdempotencyKey,
    Json(request): Json<NewReservation>,
) -> Result<(StatusCode, Json<Reservation>), Problem> {
    Ok((StatusCode::CREATED, Json(inventory.reserve(request).await?)))
}

#[utoipa::path(post, path = "/v1/reservations/{id}/confirm", params(("id" = Uuid, Path)), responses((status = 200, description = "found", body = Reservation), (status = 404, description = "no such reservation"), (status = 409, description = "it was given back")))]
async fn confirm(
    State(inventory): State<Inventory>,
    Path(id): Path<ReservationId>,
) -> Result<Json<Reservation>, Problem> {
    inventory.confirm(id).await.map(Json)
}

#[utoipa::path(post, path = "/v1/reservations/{id}/release", params(("id" = Uuid, Path)), responses((status = 200, description = "found", body = Reservation), (status = 404, description = "no such reservation"), (status = 409, description = "it was sold")))]
async fn release(
    State(inventory): State<Inventory>,
    Path(id): Path<ReservationId>,
) -> Result<Json<Reservation>, Problem> {
    inventory.release(id).await.map(Json)
}

#[utoipa::path(post, path = "/v1/reservations/{id}/returns", params(("id" = Uuid, Path), IdempotencyKey), request_body = ReturnStock, responses((status = 200, description = "found", body = Reservation), (status = 404, description = "no such reservation"), (status = 409, description = "not sold, more than was sold, or the key belongs to another return")))]
async fn give_back(
    State(inventory): State<Inventory>,
    Path(id): Path<ReservationId>,
    key: IdempotencyKey,
    Json(request): Json<ReturnStock>,
) -> Result<Json<Reservation>, Problem> {
    inventory.give_back(id, key.as_str(), request).await.map(Json)
}
