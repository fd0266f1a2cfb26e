//! An order: where it stands, cancelling it, sending things back, and finding it without an account.

mod access;
mod actions;
mod lookup;
mod show;
mod status;

use axum::Router;
use axum::routing::{get, post};

use super::{PageError, Shop, see_other, with_status};

pub(super) use show::{NOBODYS, is_fetched, is_nobodys};
pub(super) use status::standing;

pub(super) fn routes() -> Router<Shop> {
    Router::new()
        .route("/orders/lookup", get(lookup::form).post(lookup::find))
        .route("/orders/{id}", get(show::show))
        .route("/orders/{id}/cancel", post(actions::cancel))
        .route("/orders/{id}/returns", post(actions::send_back))
        .route("/orders/{id}/returns/withdraw", post(actions::keep))
}
