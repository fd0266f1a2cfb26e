//! Routes.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use shop_contracts::orders::{NewOrder, Order, OrderPage};
use shop_contracts::{AccountId, OrderId};
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path, Query};
use shop_instrumentation::{Code, Problem};

use crate::place::PlaceOrder;

const PER_PAGE: u32 = 20;
const MAX_PER_PAGE: u32 = 100;
const MAX_PAGE: u32 = 10_000;

/// All routes of the service.
pub fn router(orders: PlaceOrder) -> Router {
    Router::new()
        .route("/v1/orders", post(place).get(list))
        .route("/v1/orders/{id}", get(show))
        .with_state(orders)
}

async fn place(
    State(orders): State<PlaceOrder>,
    key: IdempotencyKey,
    Json(request): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    Ok((StatusCode::CREATED, Json(orders.place(key.as_str(), request).await?)))
}

async fn show(State(orders): State<PlaceOrder>, Path(id): Path<OrderId>) -> Result<Json<Order>, Problem> {
    let found = orders.saga.orders.find(id).await?;
    found.map(|s| Json(s.order)).ok_or_else(|| Problem::new(Code::NotFound, "no such order"))
}

#[derive(Deserialize)]
struct Listing {
    account_id: AccountId,
    page: Option<u32>,
    per_page: Option<u32>,
}

async fn list(
    State(orders): State<PlaceOrder>,
    Query(q): Query<Listing>,
) -> Result<Json<OrderPage>, Problem> {
    let page = q.page.unwrap_or(1).clamp(1, MAX_PAGE);
    let per_page = q.per_page.unwrap_or(PER_PAGE).clamp(1, MAX_PER_PAGE);
    let offset = i64::from(page - 1) * i64::from(per_page);
    let mut found = orders.saga.orders.list(q.account_id, offset, i64::from(per_page) + 1).await?;
    let has_more = found.len() > per_page as usize;
    found.truncate(per_page as usize);
    Ok(Json(OrderPage { orders: found, page, has_more }))
}
