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

pub(super) async fn log_in(
    State(identity): State<Identity>,
    key: IdempotencyKey,
    Json(request): Json<LogIn>,
) -> Result<(StatusCode, Json<Session>), Problem> {
    Ok((StatusCode::CREATED, Json(identity.log_in(key.as_str(), request).await?)))
}

pub(super) async fn current(
    State(identity): State<Identity>,
    Presented(token): Presented,
) -> Result<Json<SessionInfo>, Problem> {
    identity.session(token.as_ref()).await.map(Json)
}

pub(super) async fn log_out(
    State(identity): State<Identity>,
    Presented(token): Presented,
) -> Result<StatusCode, Problem> {
    identity.log_out(token.as_ref()).await.map(|()| StatusCode::NO_CONTENT)
}

pub(super) async fn by_path(
    State(identity): State<Identity>,
    Path(token): Path<String>,
) -> Result<Json<SessionInfo>, Problem> {
    identity.session(Token::parse(&token).as_ref()).await.map(Json)
}

pub(super) async fn log_out_by_path(
    State(identity): State<Identity>,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    identity.log_out(Token::parse(&token).as_ref()).await.map(|()| StatusCode::NO_CONTENT)
}

pub(super) async fn list(
    State(identity): State<Identity>,
    Path(id): Path<AccountId>,
    Presented(token): Presented,
) -> Result<Json<Sessions>, Problem> {
    identity.list_sessions(id, token.as_ref()).await.map(Json)
}

pub(super) async fn revoke(
    State(identity): State<Identity>,
    Path((id, session)): Path<(AccountId, Uuid)>,
) -> Result<StatusCode, Problem> {
    identity.revoke_session(id, session).await.map(|()| StatusCode::NO_CONTENT)
}

pub(super) async fn log_in_staff(
    State(identity): State<Identity>,
    key: IdempotencyKey,
    Json(request): Json<LogIn>,
) -> Result<(StatusCode, Json<StaffSession>), Problem> {
    Ok((StatusCode::CREATED, Json(identity.log_in_staff(key.as_str(), request).await?)))
}

pub(super) async fn current_staff(
    State(identity): State<Identity>,
    Presented(token): Presented,
) -> Result<Json<StaffMember>, Problem> {
    identity.staff_session(token.as_ref()).await.map(Json)
}

pub(super) async fn log_out_staff(
    State(identity): State<Identity>,
    Presented(token): Presented,
) -> Result<StatusCode, Problem> {
    identity.log_out_staff(token.as_ref()).await.map(|()| StatusCode::NO_CONTENT)
}
