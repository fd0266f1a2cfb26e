//! The pages, one file for each, and what they share: routes, state, headers, errors.

mod account;
mod cart;
mod checkout;
mod error;
mod home;
mod listing;
mod order;
mod picture;
mod product;
mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::Markup;
use prometheus::IntCounterVec;

pub use self::error::PageError;
use crate::assets;
use crate::micro_cache::MicroCache;
use crate::peers::Peers;
use crate::store::Store;
use crate::view::{Frame, Page};
use crate::visitor::Visitor;

/// How long a product's page is kept: a price or a sold-out is at most this late.
const PRODUCT_TTL: Duration = Duration::from_secs(1);
const PICTURE_TTL: Duration = Duration::from_hours(1);

const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// What the pages work with.
#[derive(Clone)]
pub struct Shop {
    /// The services behind.
    pub peers: Peers,
    /// Carts and sessions.
    pub store: Store,
    /// Whether cookies are for https only.
    pub secure_cookies: bool,
    checkouts: IntCounterVec,
    products: Arc<MicroCache<Page>>,
    pictures: Arc<MicroCache<axum::body::Bytes>>,
}

impl Shop {
    /// A shop over these.
    pub fn new(peers: Peers, store: Store, checkouts: IntCounterVec, secure_cookies: bool) -> Self {
        Self {
            peers,
            store,
            secure_cookies,
            checkouts,
            products: Arc::new(MicroCache::new(PRODUCT_TTL, 512)),
            pictures: Arc::new(MicroCache::new(PICTURE_TTL, 512)),
        }
    }

    /// A whole page for this visitor.
    async fn page(&self, visitor: &Visitor, title: &str, body: Markup) -> Response {
        let menu = self.peers.categories().await;
        let page = Frame::For(visitor).page(title, "", &menu, None, body);
        visitor.keep(self, page.into_response())
    }
}

/// All routes.
pub fn router(shop: Shop) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/c/{slug}", get(listing::category))
        .route("/search", get(listing::search))
        .route("/p/{slug}", get(product::show))
        .route("/pictures/{file}", get(picture::show))
        .route("/cart", get(cart::show))
        .route("/cart/add", post(cart::add))
        .route("/cart/update", post(cart::update))
        .route("/cart/remove", post(cart::remove))
        .route("/checkout", get(checkout::show).post(checkout::place))
        .route("/orders/{id}", get(order::show))
        .route("/account", get(account::show))
        .route("/login", get(session::show_login).post(session::log_in))
        .route("/register", get(session::show_register).post(session::register))
        .route("/logout", post(session::log_out))
        .route("/assets/{file}", get(assets::serve))
        .fallback(error::not_found)
        .layer(from_fn(guard))
        .with_state(shop)
}

/// Headers that every answer carries, unless it brought its own.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let is_page =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    if is_page {
        let isolate = HeaderName::from_static("cross-origin-opener-policy");
        headers.insert(isolate, HeaderValue::from_static("same-origin"));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    }
    response
}

/// Go and look there: the answer to a form that did its work.
fn see_other(path: &str) -> Response {
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

/// The same answer with another status.
fn with_status(status: StatusCode, mut response: Response) -> Response {
    *response.status_mut() = status;
    response
}
