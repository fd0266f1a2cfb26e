//! Routes.

mod accounts;
mod openapi;
mod sessions;
mod staff;
mod token;

use axum::Router;
use axum::routing::{delete, get, post, put};
use shop_instrumentation::http::server::ServerConfig;

pub use self::openapi::document;
use crate::identity::Identity;

/// Short texts; an address book is the largest.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// All routes of the service.
pub fn router(identity: Identity) -> Router {
    Router::new()
        .route("/v1/accounts", post(accounts::register))
        .route("/v1/accounts/confirm", post(accounts::confirm_registration))
        .route("/v1/accounts/confirm/check", post(accounts::check_registration))
        .route("/v1/accounts/{id}", get(accounts::account))
        .route("/v1/accounts/{id}/password", put(accounts::change_password))
        .route("/v1/accounts/{id}/delete", post(accounts::delete))
        .route("/v1/accounts/{id}/addresses", get(accounts::addresses).put(accounts::replace_addresses))
        .route("/v1/accounts/{id}/cart", get(accounts::cart).put(accounts::keep_cart))
        .route("/v1/accounts/{id}/sessions", get(sessions::list))
        .route("/v1/accounts/{id}/sessions/{session_id}", delete(sessions::revoke))
        .route("/v1/sessions", post(sessions::log_in))
        .route("/v1/sessions/current", get(sessions::current).delete(sessions::log_out))
        // Of the version before; leaves when no storefront of that version runs any more.
        .route("/v1/sessions/{token}", get(sessions::by_path).delete(sessions::log_out_by_path))
        .route("/v1/password-resets", post(accounts::request_reset))
        .route("/v1/password-resets/confirm", post(accounts::confirm_reset))
        .route("/v1/password-resets/check", post(accounts::check_reset))
        .route("/v1/staff/sessions", post(sessions::log_in_staff))
        .route("/v1/staff/sessions/current", get(sessions::current_staff).delete(sessions::log_out_staff))
        .route("/v1/staff/changes", get(staff::changes))
        .route("/v1/staff/members", get(staff::members).post(staff::add))
        .route("/v1/staff/members/{username}", delete(staff::end))
        .route("/v1/staff/members/{username}/role", put(staff::change_role))
        .route("/v1/staff/members/{username}/password", put(staff::set_password))
        .with_state(identity)
}

/// Limits around the routes.
pub fn limits() -> ServerConfig {
    ServerConfig { max_body_bytes: MAX_BODY_BYTES, ..ServerConfig::default() }
}
