//! What the storefront asks for shoppers.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shop_contracts::orders::{CancelOrder, NewOrder, NewReturn, Order, OrderLookup, OrderPage};
use shop_contracts::{AccountId, OrderId};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path, Query};

use super::{Paging, Shop};
use crate::workers;

pub async fn place(
    State(shop): State<Shop>,
    key: IdempotencyKey,
    Json(request): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    let order = shop.place.place(key.as_str(), request).await?;
    Ok((StatusCode::CREATED, Json(shop.place.shown(order))))
}

pub async fn show(State(shop): State<Shop>, Path(id): Path<OrderId>) -> Result<Json<Order>, Problem> {
    shop.after.get(id).await.map(Json)
}

#[derive(Deserialize)]
pub struct Listing {
    account_id: AccountId,
    page: Option<u32>,
    per_page: Option<u32>,
}

pub async fn list(State(shop): State<Shop>, Query(q): Query<Listing>) -> Result<Json<OrderPage>, Problem> {
    let paging = Paging::new(q.page, q.per_page);
    let found = shop.place.saga.orders.list(q.account_id, paging.offset(), paging.limit()).await?;
    Ok(Json(paging.page(found, &shop.place)))
}

pub async fn look_up(
    State(shop): State<Shop>,
    Json(request): Json<OrderLookup>,
) -> Result<Json<Order>, Problem> {
    shop.after.look_up(&request).await.map(Json)
}

pub async fn cancel(
    State(shop): State<Shop>,
    Path(id): Path<OrderId>,
    Json(request): Json<CancelOrder>,
) -> Result<Json<Order>, Problem> {
    shop.after.cancel(id, &request).await.map(Json)
}

pub async fn request_return(
    State(shop): State<Shop>,
    Path(id): Path<OrderId>,
    key: IdempotencyKey,
    Json(request): Json<NewReturn>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    Ok((StatusCode::CREATED, Json(shop.after.request_return(id, key.as_str(), &request).await?)))
}

pub async fn anonymise(
    State(shop): State<Shop>,
    Path(account): Path<AccountId>,
) -> Result<StatusCode, Problem> {
    let saga = &shop.place.saga;
    saga.orders.request_anonymisation(account, saga.clock.now()).await?;
    // What is due now is done now; the rest follows when its parcel has left.
    workers::anonymise(saga, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
