//! Staff routes.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shop_contracts::ProductId;
use shop_contracts::inventory::{NewAdjustment, StockItem, StockLedger, StockPage};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path, Query};

use crate::reserve::Inventory;

#[derive(Deserialize)]
pub(super) struct ListParams {
    #[serde(default)]
    q: String,
    page: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct PageParams {
    page: Option<u32>,
}

pub(super) async fn list(
    State(inventory): State<Inventory>,
    Query(params): Query<ListParams>,
) -> Result<Json<StockPage>, Problem> {
    inventory.stock_page(&params.q, params.page.unwrap_or(1)).await.map(Json)
}

pub(super) async fn adjust(
    State(inventory): State<Inventory>,
    Path(product): Path<ProductId>,
    key: IdempotencyKey,
    Json(request): Json<NewAdjustment>,
) -> Result<(StatusCode, Json<StockItem>), Problem> {
    Ok((StatusCode::CREATED, Json(inventory.adjust(product, key.as_str(), request).await?)))
}

pub(super) async fn ledger(
    State(inventory): State<Inventory>,
    Path(product): Path<ProductId>,
    Query(params): Query<PageParams>,
) -> Result<Json<StockLedger>, Problem> {
    inventory.ledger_page(product, params.page.unwrap_or(1)).await.map(Json)
}
