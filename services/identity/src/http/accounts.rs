//! Accounts, passwords, addresses.

use axum::extract::State;
use axum::http::StatusCode;
use shop_contracts::AccountId;
use shop_contracts::identity::{
    Account, Addresses, ChangePassword, ConfirmPassword, ConfirmReset, KeptCart, RegisterAccount, Registered,
    RequestReset,
};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path};

use crate::identity::Identity;

pub(super) async fn register(
    State(identity): State<Identity>,
    key: IdempotencyKey,
    Json(request): Json<RegisterAccount>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    Ok((StatusCode::CREATED, Json(identity.register(key.as_str(), request).await?)))
}

pub(super) async fn account(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
) -> Result<Json<Account>, Problem> {
    identity.account(id).await.map(Json)
}

pub(super) async fn change_password(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
    Json(request): Json<ChangePassword>,
) -> Result<StatusCode, Problem> {
    identity.change_password(id, request).await.map(|()| StatusCode::NO_CONTENT)
}

pub(super) async fn delete(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
    Json(request): Json<ConfirmPassword>,
) -> Result<StatusCode, Problem> {
    identity.delete_account(id, request).await.map(|()| StatusCode::NO_CONTENT)
}

pub(super) async fn addresses(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
) -> Result<Json<Addresses>, Problem> {
    identity.addresses(id).await.map(Json)
}

pub(super) async fn replace_addresses(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
    Json(book): Json<Addresses>,
) -> Result<Json<Addresses>, Problem> {
    identity.replace_addresses(id, book).await.map(Json)
}

pub(super) async fn cart(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
) -> Result<Json<KeptCart>, Problem> {
    identity.kept_cart(id).await.map(Json)
}

pub(super) async fn keep_cart(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
    Json(cart): Json<KeptCart>,
) -> Result<StatusCode, Problem> {
    identity.keep_cart(id, cart).await.map(|()| StatusCode::NO_CONTENT)
}

pub(super) async fn request_reset(
    State(identity): State<Identity>,
    Json(request): Json<RequestReset>,
) -> Result<StatusCode, Problem> {
    identity.request_reset(request).await.map(|()| StatusCode::NO_CONTENT)
}

pub(super) async fn confirm_reset(
    State(identity): State<Identity>,
    Json(request): Json<ConfirmReset>,
) -> Result<StatusCode, Problem> {
    identity.confirm_reset(request).await.map(|()| StatusCode::NO_CONTENT)
}
