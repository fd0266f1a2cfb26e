//! Vouchers: what the checkout asks before it orders, and what staff does.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use shop_contracts::orders::StaffNote;
use shop_contracts::vouchers::{CheckVoucher, NewVoucher, Voucher, VoucherPage, VoucherTerms};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{Json, Path, Query};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{Paging, Shop};
use crate::vouchers::Person;

const MAX_KEY_BYTES: usize = 255;

#[utoipa::path(post, path = "/v1/vouchers/check", request_body = CheckVoucher, responses((status = 200, description = "it would be taken now", body = VoucherTerms), (status = 409, description = "it cannot be used; `errors` says why")))]
pub async fn check(
    State(shop): State<Shop>,
    Json(request): Json<CheckVoucher>,
) -> Result<Json<VoucherTerms>, Problem> {
    let person = Person { account: request.account_id, email: request.email.as_deref() };
    shop.place.vouchers().check(&request.code, &person, request.goods).await.map(Json)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// From 1; brought into its bounds, like `per_page`.
    page: Option<u32>,
    per_page: Option<u32>,
}

#[utoipa::path(get, path = "/v1/staff/vouchers", params(Listing), responses((status = 200, description = "found", body = VoucherPage)))]
pub async fn list(State(shop): State<Shop>, Query(q): Query<Listing>) -> Result<Json<VoucherPage>, Problem> {
    let paging = Paging::new(q.page, q.per_page);
    let mut vouchers = shop.place.vouchers().list(paging.offset(), paging.limit()).await?;
    let has_more = vouchers.len() > paging.per_page as usize;
    vouchers.truncate(paging.per_page as usize);
    Ok(Json(VoucherPage { vouchers, page: paging.page, has_more }))
}

#[utoipa::path(post, path = "/v1/staff/vouchers", request_body = NewVoucher, responses((status = 201, description = "made, once for each Idempotency-Key", body = Voucher), (status = 409, description = "another has this code")))]
pub async fn create(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Json(request): Json<NewVoucher>,
) -> Result<(StatusCode, Json<Voucher>), Problem> {
    // Optional here: storefronts of the last release send none.
    let key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .filter(|key| key.len() <= MAX_KEY_BYTES);
    Ok((StatusCode::CREATED, Json(shop.place.vouchers().create(key, &request).await?)))
}

#[utoipa::path(post, path = "/v1/staff/vouchers/{id}/end", params(("id" = Uuid, Path)), request_body = StaffNote, responses((status = 200, description = "ended", body = Voucher), (status = 404, description = "no such voucher")))]
pub async fn end(
    State(shop): State<Shop>,
    Path(id): Path<Uuid>,
    Json(request): Json<StaffNote>,
) -> Result<Json<Voucher>, Problem> {
    shop.place.vouchers().end(id, &request).await.map(Json)
}
