//! Routes.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use shop_contracts::identity::{Account, LogIn, RegisterAccount, Session, SessionInfo};
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{IdempotencyKey, Json, Path};
use shop_instrumentation::http::server::ServerConfig;

use crate::identity::Identity;

/// Three short texts; more is not a form that somebody filled in.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// All routes of the service.
pub fn router(identity: Identity) -> Router {
    Router::new()
        .route("/v1/accounts", post(register))
        .route("/v1/sessions", post(log_in))
        .route("/v1/sessions/{token}", get(session).delete(log_out))
        .with_state(identity)
}

/// Limits around the routes.
pub fn limits() -> ServerConfig {
    ServerConfig { max_body_bytes: MAX_BODY_BYTES, ..ServerConfig::default() }
}

async fn register(
    State(identity): State<Identity>,
    key: IdempotencyKey,
    Json(request): Json<RegisterAccount>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    Ok((StatusCode::CREATED, Json(identity.register(key.as_str(), request).await?)))
}

async fn log_in(
    State(identity): State<Identity>,
    key: IdempotencyKey,
    Json(request): Json<LogIn>,
) -> Result<(StatusCode, Json<Session>), Problem> {
    Ok((StatusCode::CREATED, Json(identity.log_in(key.as_str(), request).await?)))
}

async fn session(
    State(identity): State<Identity>,
    Path(token): Path<String>,
) -> Result<Json<SessionInfo>, Problem> {
    identity.session(&token).await.map(Json)
}

async fn log_out(State(identity): State<Identity>, Path(token): Path<String>) -> Result<StatusCode, Problem> {
    identity.log_out(&token).await.map(|()| StatusCode::NO_CONTENT)
}
