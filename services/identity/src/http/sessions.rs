//! Sessions, of shoppers and of staff.

use axum::extract::State;
use axum::http::StatusCode;
use shop_contracts::AccountId;
use shop_contracts::identity::{LogIn, Session, SessionInfo, Sessions, StaffMember, StaffSession};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path};
use uuid::Uuid;

use super::token::Presented;
use crate::identity::Identity;
use crate::token::Token;

#[utoipa::path(post, path = "/v1/sessions", params(IdempotencyKey), request_body = LogIn, responses((status = 201, description = "made", body = Session), (status = 401, description = "the password is wrong, or the token of the calling service is not good"), (status = 429, description = "too many tries; `Retry-After` says when to come back")))]
pub(super) async fn log_in(
    State(identity): State<Identity>,
    key: IdempotencyKey,
    Json(request): Json<LogIn>,
) -> Result<(StatusCode, Json<Session>), Problem> {
    Ok((StatusCode::CREATED, Json(identity.log_in(key.as_str(), request).await?)))
}

#[utoipa::path(get, path = "/v1/sessions/current", params(("x-session-token" = Option<String>, Header)), responses((status = 200, description = "found", body = SessionInfo), (status = 404, description = "the session is over")))]
pub(super) async fn current(
    State(identity): State<Identity>,
    Presented(token): Presented,
) -> Result<Json<SessionInfo>, Problem> {
    identity.session(token.as_ref()).await.map(Json)
}

#[utoipa::path(delete, path = "/v1/sessions/current", params(("x-session-token" = Option<String>, Header)), responses((status = 204, description = "done")))]
pub(super) async fn log_out(
    State(identity): State<Identity>,
    Presented(token): Presented,
) -> Result<StatusCode, Problem> {
    identity.log_out(token.as_ref()).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/v1/sessions/{token}", params(("token" = String, Path)), responses((status = 200, description = "found", body = SessionInfo), (status = 404, description = "the session is over")))]
pub(super) async fn by_path(
    State(identity): State<Identity>,
    Path(token): Path<String>,
) -> Result<Json<SessionInfo>, Problem> {
    identity.session(Token::parse(&token).as_ref()).await.map(Json)
}

#[utoipa::path(delete, path = "/v1/sessions/{token}", params(("token" = String, Path)), responses((status = 204, description = "done")))]
pub(super) async fn log_out_by_path(
    State(identity): State<Identity>,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    identity.log_out(Token::parse(&token).as_ref()).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/v1/accounts/{id}/sessions", params(("id" = Uuid, Path), ("x-session-token" = Option<String>, Header)), responses((status = 200, description = "found", body = Sessions), (status = 404, description = "there is no such account")))]
pub(super) async fn list(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
    Presented(token): Presented,
) -> Result<Json<Sessions>, Problem> {
    identity.list_sessions(id, token.as_ref()).await.map(Json)
}

#[utoipa::path(delete, path = "/v1/accounts/{id}/sessions/{session_id}", params(("id" = Uuid, Path), ("session_id" = Uuid, Path)), responses((status = 204, description = "done")))]
pub(super) async fn revoke(
    State(identity): State<Identity>,
    Path((id, session)): Path<(AccountId, Uuid)>,
) -> Result<StatusCode, Problem> {
    identity.revoke_session(id, session).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/v1/staff/sessions", params(IdempotencyKey), request_body = LogIn, responses((status = 201, description = "made", body = StaffSession), (status = 401, description = "the password is wrong, or the token of the calling service is not good"), (status = 429, description = "too many tries; `Retry-After` says when to come back")))]
pub(super) async fn log_in_staff(
    State(identity): State<Identity>,
    key: IdempotencyKey,
    Json(request): Json<LogIn>,
) -> Result<(StatusCode, Json<StaffSession>), Problem> {
    Ok((StatusCode::CREATED, Json(identity.log_in_staff(key.as_str(), request).await?)))
}

#[utoipa::path(get, path = "/v1/staff/sessions/current", params(("x-session-token" = Option<String>, Header)), responses((status = 200, description = "found", body = StaffMember), (status = 404, description = "the session is over")))]
pub(super) async fn current_staff(
    State(identity): State<Identity>,
    Presented(token): Presented,
) -> Result<Json<StaffMember>, Problem> {
    identity.staff_session(token.as_ref()).await.map(Json)
}

#[utoipa::path(delete, path = "/v1/staff/sessions/current", params(("x-session-token" = Option<String>, Header)), responses((status = 204, description = "done")))]
pub(super) async fn log_out_staff(
    State(identity): State<Identity>,
    Presented(token): Presented,
) -> Result<StatusCode, Problem> {
    identity.log_out_staff(token.as_ref()).await.map(|()| StatusCode::NO_CONTENT)
}
