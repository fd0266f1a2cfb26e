//! The staff, as managers look after it. Each call names its manager by a session.

use axum::extract::State;
use axum::http::StatusCode;
use shop_contracts::identity::{
    ChangeStaffRole, NewStaffMember, SetStaffPassword, StaffChanges, StaffEntry, StaffMembers,
};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path};

use super::token::Presented;
use crate::identity::Identity;

#[utoipa::path(get, path = "/v1/staff/members", params(("x-session-token" = Option<String>, Header)), responses((status = 200, description = "found", body = StaffMembers), (status = 403, description = "not a manager's session, or not a caller of this"), (status = 404, description = "the session is over")))]
pub(super) async fn members(
    State(identity): State<Identity>,
    Presented(token): Presented,
) -> Result<Json<StaffMembers>, Problem> {
    identity.staff_members(token.as_ref()).await.map(Json)
}

#[utoipa::path(get, path = "/v1/staff/changes", params(("x-session-token" = Option<String>, Header)), responses((status = 200, description = "found", body = StaffChanges), (status = 403, description = "not a manager's session, or not a caller of this"), (status = 404, description = "the session is over")))]
pub(super) async fn changes(
    State(identity): State<Identity>,
    Presented(token): Presented,
) -> Result<Json<StaffChanges>, Problem> {
    identity.staff_changes(token.as_ref()).await.map(Json)
}

#[utoipa::path(post, path = "/v1/staff/members", params(IdempotencyKey, ("x-session-token" = Option<String>, Header)), request_body = NewStaffMember, responses((status = 201, description = "made", body = StaffEntry), (status = 403, description = "not a manager's session, or not a caller of this"), (status = 404, description = "the session is over"), (status = 409, description = "the name is or was given"), (status = 422, description = "a field is outside of its bounds, or the password is one that is guessed first (`password_guessable`)"), (status = 429, description = "too many passwords are being checked; `Retry-After` says when to come back")))]
pub(super) async fn add(
    State(identity): State<Identity>,
    Presented(token): Presented,
    key: IdempotencyKey,
    Json(request): Json<NewStaffMember>,
) -> Result<(StatusCode, Json<StaffEntry>), Problem> {
    let added = identity.add_staff_member(token.as_ref(), key.as_str(), request).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

#[utoipa::path(put, path = "/v1/staff/members/{username}/role", params(("username" = String, Path), ("x-session-token" = Option<String>, Header)), request_body = ChangeStaffRole, responses((status = 200, description = "done", body = StaffEntry), (status = 403, description = "not a manager's session, or not a caller of this"), (status = 404, description = "the session is over, or there is no such member"), (status = 409, description = "the last manager, or a member who is ended")))]
pub(super) async fn change_role(
    State(identity): State<Identity>,
    Presented(token): Presented,
    Path(username): Path<String>,
    Json(request): Json<ChangeStaffRole>,
) -> Result<Json<StaffEntry>, Problem> {
    identity.change_staff_role(token.as_ref(), &username, request).await.map(Json)
}

#[utoipa::path(put, path = "/v1/staff/members/{username}/password", params(("username" = String, Path), ("x-session-token" = Option<String>, Header)), request_body = SetStaffPassword, responses((status = 200, description = "done", body = StaffEntry), (status = 403, description = "not a manager's session, or not a caller of this"), (status = 404, description = "the session is over, or there is no such member"), (status = 409, description = "a member who is ended"), (status = 422, description = "a field is outside of its bounds, or the password is one that is guessed first (`password_guessable`)"), (status = 429, description = "too many passwords are being checked; `Retry-After` says when to come back")))]
pub(super) async fn set_password(
    State(identity): State<Identity>,
    Presented(token): Presented,
    Path(username): Path<String>,
    Json(request): Json<SetStaffPassword>,
) -> Result<Json<StaffEntry>, Problem> {
    identity.set_staff_password(token.as_ref(), &username, request).await.map(Json)
}

#[utoipa::path(delete, path = "/v1/staff/members/{username}", params(("username" = String, Path), ("x-session-token" = Option<String>, Header)), responses((status = 200, description = "done", body = StaffEntry), (status = 403, description = "not a manager's session, or not a caller of this"), (status = 404, description = "the session is over, or there is no such member"), (status = 409, description = "the last manager")))]
pub(super) async fn end(
    State(identity): State<Identity>,
    Presented(token): Presented,
    Path(username): Path<String>,
) -> Result<Json<StaffEntry>, Problem> {
    identity.end_staff_member(token.as_ref(), &username).await.map(Json)
}
