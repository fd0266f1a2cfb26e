//! What the storefront asks for shoppers.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shop_contracts::orders::{
    CancelOrder, NewOrder, NewReturn, Order, OrderLookup, OrderPage, WithdrawReturn,
};
use shop_contracts::{AccountId, OrderId};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path, Query};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{Paging, Shop};
use crate::workers;

#[utoipa::path(post, path = "/v1/orders", params(IdempotencyKey), request_body = NewOrder, responses((status = 201, description = "made", body = Order), (status = 409, description = "the key or this version of the cart is an order already (`existing`), or a price changed")))]
pub async fn place(
    State(shop): State<Shop>,
    key: IdempotencyKey,
    Json(request): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    let order = shop.place.place(key.as_str(), request).await?;
    Ok((StatusCode::CREATED, Json(shop.place.shown(order))))
}

#[utoipa::path(get, path = "/v1/orders/{id}", params(("id" = Uuid, Path)), responses((status = 200, description = "found", body = Order), (status = 404, description = "no such order")))]
pub async fn show(State(shop): State<Shop>, Path(id): Path<OrderId>) -> Result<Json<Order>, Problem> {
    shop.after.get(id).await.map(Json)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    #[param(value_type = Uuid)]
    account_id: AccountId,
    /// From 1; brought into its bounds, like `per_page`.
    page: Option<u32>,
    per_page: Option<u32>,
}

#[utoipa::path(get, path = "/v1/orders", params(Listing), responses((status = 200, description = "found", body = OrderPage)))]
pub async fn list(State(shop): State<Shop>, Query(q): Query<Listing>) -> Result<Json<OrderPage>, Problem> {
    let paging = Paging::new(q.page, q.per_page);
    let found = shop.place.saga.orders.list(q.account_id, paging.offset(), paging.limit()).await?;
    Ok(Json(paging.page(found, &shop.place)))
}

#[utoipa::path(post, path = "/v1/orders/lookup", request_body = OrderLookup, responses((status = 200, description = "found", body = Order), (status = 404, description = "number or address is wrong")))]
pub async fn look_up(
    State(shop): State<Shop>,
    Json(request): Json<OrderLookup>,
) -> Result<Json<Order>, Problem> {
    shop.after.look_up(&request).await.map(Json)
}

#[utoipa::path(post, path = "/v1/orders/{id}/cancel", params(("id" = Uuid, Path)), request_body = CancelOrder, responses((status = 200, description = "found", body = Order), (status = 404, description = "no such order"), (status = 409, description = "it cannot be cancelled (any more)")))]
pub async fn cancel(
    State(shop): State<Shop>,
    Path(id): Path<OrderId>,
    Json(request): Json<CancelOrder>,
) -> Result<Json<Order>, Problem> {
    shop.after.cancel(id, &request).await.map(Json)
}

#[utoipa::path(post, path = "/v1/orders/{id}/returns", params(("id" = Uuid, Path), IdempotencyKey), request_body = NewReturn, responses((status = 201, description = "made", body = Order), (status = 404, description = "no such order"), (status = 409, description = "it cannot be returned, or the key belongs to another return")))]
pub async fn request_return(
    State(shop): State<Shop>,
    Path(id): Path<OrderId>,
    key: IdempotencyKey,
    Json(request): Json<NewReturn>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    Ok((StatusCode::CREATED, Json(shop.after.request_return(id, key.as_str(), &request).await?)))
}

#[utoipa::path(post, path = "/v1/orders/{id}/returns/{return_id}/withdraw", params(("id" = Uuid, Path), ("return_id" = Uuid, Path)), request_body = WithdrawReturn, responses((status = 200, description = "nothing comes back", body = Order), (status = 404, description = "no such order or return"), (status = 409, description = "the pieces are back, or it was refused")))]
pub async fn withdraw_return(
    State(shop): State<Shop>,
    Path((id, return_id)): Path<(OrderId, Uuid)>,
    Json(request): Json<WithdrawReturn>,
) -> Result<Json<Order>, Problem> {
    shop.after.withdraw_return(id, return_id, &request).await.map(Json)
}

#[utoipa::path(post, path = "/v1/accounts/{account_id}/anonymise", params(("account_id" = Uuid, Path)), responses((status = 204, description = "done")))]
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
