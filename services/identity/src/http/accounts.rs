//! Accounts, passwords, addresses.

use axum::extract::State;
use axum::http::StatusCode;
use shop_contracts::AccountId;
use shop_contracts::identity::{
    Account, Addresses, ChangePassword, CheckLink, ConfirmPassword, ConfirmRegistration, ConfirmReset,
    KeptCart, LinkState, RegisterAccount, Registered, RequestReset,
};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path};

use super::token::MaybeKey;
use crate::identity::Identity;

#[utoipa::path(post, path = "/v1/accounts", params(IdempotencyKey), request_body = RegisterAccount, responses((status = 201, description = "made", body = Registered), (status = 409, description = "the key belongs to another registration"), (status = 422, description = "a field is outside of its bounds, or the password is one that is guessed first (`password_guessable`)"), (status = 429, description = "too many tries; `Retry-After` says when to come back")))]
pub(super) async fn register(
    State(identity): State<Identity>,
    key: IdempotencyKey,
    Json(request): Json<RegisterAccount>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    Ok((StatusCode::CREATED, Json(identity.register(key.as_str(), request).await?)))
}

#[utoipa::path(post, path = "/v1/accounts/confirm", request_body = ConfirmRegistration, responses((status = 201, description = "made, now or by an earlier call", body = Account), (status = 401, description = "the password is wrong, or the token of the calling service is not good"), (status = 429, description = "too many tries; `Retry-After` says when to come back")))]
pub(super) async fn confirm_registration(
    State(identity): State<Identity>,
    Json(request): Json<ConfirmRegistration>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    Ok((StatusCode::CREATED, Json(identity.confirm_registration(request).await?)))
}

#[utoipa::path(post, path = "/v1/accounts/confirm/check", request_body = CheckLink, responses((status = 200, description = "looked up", body = LinkState), (status = 429, description = "too many tries; `Retry-After` says when to come back")))]
pub(super) async fn check_registration(
    State(identity): State<Identity>,
    Json(request): Json<CheckLink>,
) -> Result<Json<LinkState>, Problem> {
    identity.check_registration(request).await.map(Json)
}

#[utoipa::path(get, path = "/v1/accounts/{id}", params(("id" = Uuid, Path)), responses((status = 200, description = "found", body = Account), (status = 404, description = "there is no such account")))]
pub(super) async fn account(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
) -> Result<Json<Account>, Problem> {
    identity.account(id).await.map(Json)
}

#[utoipa::path(put, path = "/v1/accounts/{id}/password", params(("id" = Uuid, Path)), request_body = ChangePassword, responses((status = 204, description = "done"), (status = 401, description = "the password is wrong, or the token of the calling service is not good"), (status = 404, description = "there is no such account"), (status = 422, description = "a field is outside of its bounds, or the password is one that is guessed first (`password_guessable`)"), (status = 429, description = "too many tries; `Retry-After` says when to come back")))]
pub(super) async fn change_password(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
    Json(request): Json<ChangePassword>,
) -> Result<StatusCode, Problem> {
    identity.change_password(id, request).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/v1/accounts/{id}/delete", params(("id" = Uuid, Path)), request_body = ConfirmPassword, responses((status = 204, description = "done"), (status = 401, description = "the password is wrong, or the token of the calling service is not good"), (status = 404, description = "there is no such account"), (status = 429, description = "too many tries; `Retry-After` says when to come back")))]
pub(super) async fn delete(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
    Json(request): Json<ConfirmPassword>,
) -> Result<StatusCode, Problem> {
    identity.delete_account(id, request).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/v1/accounts/{id}/addresses", params(("id" = Uuid, Path)), responses((status = 200, description = "found", body = Addresses), (status = 404, description = "there is no such account")))]
pub(super) async fn addresses(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
) -> Result<Json<Addresses>, Problem> {
    identity.addresses(id).await.map(Json)
}

#[utoipa::path(put, path = "/v1/accounts/{id}/addresses", params(("id" = Uuid, Path)), request_body = Addresses, responses((status = 200, description = "found", body = Addresses), (status = 404, description = "there is no such account"), (status = 409, description = "it is not of that version any more; `existing` is the book as it is")))]
pub(super) async fn replace_addresses(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
    Json(book): Json<Addresses>,
) -> Result<Json<Addresses>, Problem> {
    identity.replace_addresses(id, book).await.map(Json)
}

#[utoipa::path(get, path = "/v1/accounts/{id}/cart", params(("id" = Uuid, Path)), responses((status = 200, description = "found", body = KeptCart), (status = 404, description = "there is no such account")))]
pub(super) async fn cart(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
) -> Result<Json<KeptCart>, Problem> {
    identity.kept_cart(id).await.map(Json)
}

#[utoipa::path(put, path = "/v1/accounts/{id}/cart", params(("id" = Uuid, Path)), request_body = KeptCart, responses((status = 204, description = "done"), (status = 404, description = "there is no such account")))]
pub(super) async fn keep_cart(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
    Json(cart): Json<KeptCart>,
) -> Result<StatusCode, Problem> {
    identity.keep_cart(id, cart).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/v1/password-resets", params(("Idempotency-Key" = Option<String>, Header)), request_body = RequestReset, responses((status = 204, description = "done"), (status = 429, description = "too many tries; `Retry-After` says when to come back")))]
pub(super) async fn request_reset(
    State(identity): State<Identity>,
    MaybeKey(key): MaybeKey,
    Json(request): Json<RequestReset>,
) -> Result<StatusCode, Problem> {
    identity.request_reset(key.as_deref(), request).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/v1/password-resets/confirm", request_body = ConfirmReset, responses((status = 204, description = "done"), (status = 422, description = "a field is outside of its bounds, or the password is one that is guessed first (`password_guessable`)")))]
pub(super) async fn confirm_reset(
    State(identity): State<Identity>,
    Json(request): Json<ConfirmReset>,
) -> Result<StatusCode, Problem> {
    identity.confirm_reset(request).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/v1/password-resets/check", request_body = CheckLink, responses((status = 200, description = "looked up", body = LinkState), (status = 429, description = "too many tries; `Retry-After` says when to come back")))]
pub(super) async fn check_reset(
    State(identity): State<Identity>,
    Json(request): Json<CheckLink>,
) -> Result<Json<LinkState>, Problem> {
    identity.check_reset(request).await.map(Json)
}
