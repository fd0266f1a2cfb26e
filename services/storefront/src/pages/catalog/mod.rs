//! What there is to buy: the front, departments, search, products and their pictures; and what tells search engines.

mod crawlers;
mod filters;
mod home;
mod listing;
mod options;
mod picture;
mod product;
mod published;
mod search;
mod shared;
mod suggestions;

use axum::Router;
use axum::routing::get;

pub(super) use self::published::Published;
use super::{PageError, Shop};

pub(super) fn routes() -> Router<Shop> {
    Router::new()
        .route("/", get(home::show))
        .route("/c/{slug}", get(listing::category))
        .route("/search", get(search::search))
        .route("/search/suggestions", get(suggestions::show))
        .route("/robots.txt", get(crawlers::robots))
        .route("/sitemap.xml", get(crawlers::sitemap))
        .route("/sitemaps/{file}", get(crawlers::sitemap_file))
        .route("/p/{slug}", get(product::show))
        .route("/pictures/{file}", get(picture::show))
}
