//! Staff routes.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shop_contracts::ProductId;
use shop_contracts::inventory::{NewAdjustment, StockItem, StockLedger, StockPage};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path, Query};
use utoipa::IntoParams;

use crate::reserve::Inventory;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// The beginning of a product id, or at most 50 ids with commas between them.
    #[serde(default)]
    q: String,
    #[param(minimum = 1, maximum = 10000)]
    page: Option<u32>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    #[param(minimum = 1, maximum = 10000)]
    page: Option<u32>,
}

#[utoipa::path(get, path = "/v1/staff/stock", params(ListParams), responses((status = 200, description = "found", body = StockPage)))]
pub(super) async fn list(
    State(inventory): State<Inventory>,
    Query(params): Query<ListParams>,
) -> Result<Json<StockPage>, Problem> {
    inventory.stock_page(&params.q, params.page.unwrap_or(1)).await.map(Json)
}

#[utoipa::path(post, path = "/v1/staff/stock/{product_id}/adjustments", params(("product_id" = Uuid, Path), IdempotencyKey), request_body = NewAdjustment, responses((status = 201, description = "made", body = StockItem), (status = 404, description = "no such product"), (status = 409, description = "the level would leave its range (`existing`), or the key belongs to another adjustment")))]
pub(super) async fn adjust(
    State(inventory): State<Inventory>,
    Path(product): Path<ProductId>,
    key: IdempotencyKey,
    Json(request): Json<NewAdjustment>,
) -> Result<(StatusCode, Json<StockItem>), Problem> {
    Ok((StatusCode::CREATED, Json(inventory.adjust(product, key.as_str(), request).await?)))
}

#[utoipa::path(get, path = "/v1/staff/stock/{product_id}/ledger", params(("product_id" = Uuid, Path), PageParams), responses((status = 200, description = "found", body = StockLedger)))]
pub(super) async fn ledger(
    State(inventory): State<Inventory>,
    Path(product): Path<ProductId>,
    Query(params): Query<PageParams>,
) -> Result<Json<StockLedger>, Problem> {
    inventory.ledger_page(product, params.page.unwrap_or(1)).await.map(Json)
}
