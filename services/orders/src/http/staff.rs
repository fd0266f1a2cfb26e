//! What the back office asks.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shop_contracts::OrderId;
use shop_contracts::orders::{
    NewOrderRefund, Order, OrderHistory, OrderPage, OrderStatus, RefuseReturn, ResolveOrder, ShipOrder,
    StaffNote,
};
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path, Query};
use shop_instrumentation::{Code, Problem};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{Paging, Shop};
use crate::aftersale::look_up::number_prefix;
use crate::storage::search::Search;

const MAX_QUERY_BYTES: usize = 200;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// A status of orders; empty is any.
    #[param(pattern = "^(pending|confirmed|declined|rejected|cancelled|manual_review)?$")]
    status: Option<String>,
    /// Only orders whose parcel has left, or only those whose has not.
    shipped: Option<bool>,
    /// What waits for staff, oldest first: `parcel` to be handed over, `return` on its way. Status, `shipped` and `q` do
    /// not count then; empty is anything.
    #[param(pattern = "^(parcel|return)?$")]
    waiting: Option<String>,
    /// The beginning of a number, or an e-mail address.
    #[param(max_length = 200)]
    q: Option<String>,
    /// From 1; brought into its bounds, like `per_page`.
    page: Option<u32>,
    per_page: Option<u32>,
}

impl Listing {
    /// What is looked for; `None` when nothing can match.
    fn search(&self) -> Result<Option<Search>, Problem> {
        let invalid =
            |field: &str, detail: String| Problem::new(Code::Invalid, "invalid search").field(field, detail);
        let mut search = Search { shipped: self.shipped, ..Search::default() };
        if let Some(name) = self.status.as_deref().filter(|name| !name.is_empty()) {
            let known = OrderStatus::ALL.map(OrderStatus::as_str).join(", ");
            let status = OrderStatus::parse(name);
            search.status = Some(status.ok_or_else(|| invalid("status", format!("one of {known}")))?);
        }
        let query = self.q.as_deref().unwrap_or_default().trim();
        if query.len() > MAX_QUERY_BYTES {
            return Err(invalid("q", format!("at most {MAX_QUERY_BYTES} bytes")));
        }
        if query.contains('@') {
            search.email = Some(query.to_lowercase());
        } else if !query.is_empty() {
            let Some(prefix) = number_prefix(query) else { return Ok(None) };
            search.number_prefix = Some(prefix);
        }
        Ok(Some(search))
    }
}

#[utoipa::path(get, path = "/v1/staff/orders", params(Listing), responses((status = 200, description = "found", body = OrderPage)))]
pub async fn list(State(shop): State<Shop>, Query(q): Query<Listing>) -> Result<Json<OrderPage>, Problem> {
    let paging = Paging::new(q.page, q.per_page);
    let (orders, offset, limit) = (&shop.place.saga.orders, paging.offset(), paging.limit());
    let found = match q.waiting.as_deref().unwrap_or_default() {
        "parcel" => orders.list_to_ship(offset, limit).await?,
        "return" => orders.list_with_announced_return(offset, limit).await?,
        "" => match q.search()? {
            Some(search) => orders.search(&search, offset, limit).await?,
            None => Vec::new(),
        },
        _ => return Err(Problem::new(Code::Invalid, "invalid search").field("waiting", "parcel or return")),
    };
    Ok(Json(paging.page(found, &shop.place)))
}

#[utoipa::path(get, path = "/v1/staff/orders/{id}/history", params(("id" = Uuid, Path)), responses((status = 200, description = "found", body = OrderHistory), (status = 404, description = "no such order")))]
pub async fn history(
    State(shop): State<Shop>,
    Path(id): Path<OrderId>,
) -> Result<Json<OrderHistory>, Problem> {
    shop.after.history(id).await.map(Json)
}

#[utoipa::path(post, path = "/v1/staff/orders/{id}/ship", params(("id" = Uuid, Path)), request_body = ShipOrder, responses((status = 200, description = "found", body = Order), (status = 404, description = "no such order"), (status = 409, description = "it cannot be shipped, or was shipped otherwise")))]
pub async fn ship(
    State(shop): State<Shop>,
    Path(id): Path<OrderId>,
    Json(request): Json<ShipOrder>,
) -> Result<Json<Order>, Problem> {
    shop.after.ship(id, &request).await.map(Json)
}

#[utoipa::path(post, path = "/v1/staff/orders/{id}/refunds", params(("id" = Uuid, Path), IdempotencyKey), request_body = NewOrderRefund, responses((status = 201, description = "made", body = Order), (status = 404, description = "no such order"), (status = 409, description = "more than was taken and not given back, or the key belongs to another refund")))]
pub async fn refund(
    State(shop): State<Shop>,
    Path(id): Path<OrderId>,
    key: IdempotencyKey,
    Json(request): Json<NewOrderRefund>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    Ok((StatusCode::CREATED, Json(shop.after.refund(id, key.as_str(), &request).await?)))
}

#[utoipa::path(post, path = "/v1/staff/orders/{id}/returns/{return_id}/receive", params(("id" = Uuid, Path), ("return_id" = Uuid, Path)), request_body = StaffNote, responses((status = 200, description = "found", body = Order), (status = 404, description = "no such order or return"), (status = 409, description = "it was refused or withdrawn")))]
pub async fn receive_return(
    State(shop): State<Shop>,
    Path((id, return_id)): Path<(OrderId, Uuid)>,
    Json(request): Json<StaffNote>,
) -> Result<Json<Order>, Problem> {
    shop.after.receive_return(id, return_id, &request).await.map(Json)
}

#[utoipa::path(post, path = "/v1/staff/orders/{id}/returns/{return_id}/refuse", params(("id" = Uuid, Path), ("return_id" = Uuid, Path)), request_body = RefuseReturn, responses((status = 200, description = "nothing comes back", body = Order), (status = 404, description = "no such order or return"), (status = 409, description = "the pieces are back, or the shopper keeps them")))]
pub async fn refuse_return(
    State(shop): State<Shop>,
    Path((id, return_id)): Path<(OrderId, Uuid)>,
    Json(request): Json<RefuseReturn>,
) -> Result<Json<Order>, Problem> {
    shop.after.refuse_return(id, return_id, &request).await.map(Json)
}

#[utoipa::path(post, path = "/v1/staff/orders/{id}/resolve", params(("id" = Uuid, Path)), request_body = ResolveOrder, responses((status = 200, description = "found", body = Order), (status = 404, description = "no such order"), (status = 409, description = "it does not wait for a person")))]
pub async fn resolve(
    State(shop): State<Shop>,
    Path(id): Path<OrderId>,
    Json(request): Json<ResolveOrder>,
) -> Result<Json<Order>, Problem> {
    shop.after.resolve(id, &request).await.map(Json)
}
