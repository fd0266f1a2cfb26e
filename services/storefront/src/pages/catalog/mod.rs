//! What there is to buy: the front, departments, search, products and their pictures.

mod home;
mod listing;
mod picture;
mod product;
mod published;

use axum::Router;
use axum::routing::get;

pub(super) use self::published::Published;
use super::{PageError, Shop};

pub(super) fn routes() -> Router<Shop> {
    Router::new()
        .route("/", get(home::show))
        .route("/c/{slug}", get(listing::category))
        .route("/search", get(listing::search))
        .route("/p/{slug}", get(product::show))
        .route("/pictures/{file}", get(picture::show))
}
