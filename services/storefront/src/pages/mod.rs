//! The pages, one file for each, and what they share: routes, state, headers, errors.

mod account;
mod cart;
mod catalog;
mod checkout;
mod error;
mod orders;

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
use axum::routing::get;
use maud::Markup;
use prometheus::IntCounterVec;
use shop_instrumentation::client::CallError;

pub use self::error::PageError;
use crate::assets;
use crate::border::TrustedProxies;
use crate::micro_cache::MicroCache;
use crate::peers::Peers;
use crate::view::{Frame, Page};
use crate::visitor::{Cookies, Sessions, Visitor};

/// How long a product's page is kept. While a busy page is rendered anew the last one is shown a little longer.
const PRODUCT_FRESH: Duration = Duration::from_secs(1);
const PRODUCT_STALE: Duration = Duration::from_secs(4);
const PICTURE_FRESH: Duration = Duration::from_hours(1);

const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// What the pages work with.
#[derive(Clone)]
pub struct Shop {
    /// The services behind.
    pub peers: Peers,
    /// Carts and sessions, as visitors carry them.
    pub cookies: Arc<Cookies>,
    /// What identity says about sessions.
    pub sessions: Arc<Sessions>,
    /// Who may tell a client's address.
    pub proxies: Arc<TrustedProxies>,
    checkouts: IntCounterVec,
    products: MicroCache<Page, CallError>,
    pictures: MicroCache<axum::body::Bytes, CallError>,
}

impl Shop {
    /// A shop over these.
    pub fn new(peers: Peers, cookies: Cookies, proxies: TrustedProxies, checkouts: IntCounterVec) -> Self {
        Self {
            peers,
            cookies: Arc::new(cookies),
            sessions: Arc::default(),
            proxies: Arc::new(proxies),
            checkouts,
            products: MicroCache::new(PRODUCT_FRESH, PRODUCT_STALE, 512),
            pictures: MicroCache::new(PICTURE_FRESH, Duration::ZERO, 1_024),
        }
    }

    /// A whole page for this visitor.
    async fn page(&self, visitor: &Visitor, title: &str, body: Markup) -> Response {
        let menu = self.peers.categories().await;
        Frame::For(visitor).page(title, "", &menu, None, body).into_response()
    }
}

/// All routes.
pub fn router(shop: Shop) -> Router {
    Router::new()
        .merge(catalog::routes())
        .merge(cart::routes())
        .merge(checkout::routes())
        .merge(orders::routes())
        .merge(account::routes())
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
