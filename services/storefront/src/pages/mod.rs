//! The pages, one file for each, and what they share: routes, state, headers, errors.

mod account;
mod cart;
mod catalog;
mod checkout;
mod error;
mod orders;
mod refusal;
mod rum;
mod staff;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::Markup;
use prometheus::IntCounterVec;
use shop_instrumentation::client::CallError;

pub use self::error::PageError;
use crate::assets;
use crate::border::TrustedProxies;
use crate::encoding::{Effort, Encoding};
use crate::micro_cache::MicroCache;
use crate::peers::Peers;
use crate::public_url::PublicUrl;
use crate::rum::Rum;
use crate::throttle::Throttle;
use crate::view::Frame;
use crate::visitor::{Cookies, Sessions, Visitor, account_cart};

/// How long a page of the catalogue is kept. While a busy one is rendered anew the last one is shown a little longer.
const PAGE_FRESH: Duration = Duration::from_secs(1);
const PAGE_STALE: Duration = Duration::from_secs(4);
/// Pages kept at most, 30 KB each.
const MOST_PAGES: usize = 256;
const PICTURE_FRESH: Duration = Duration::from_hours(1);
/// How long what search engines read is kept, and how much longer while the catalogue does not answer.
const SITEMAP_FRESH: Duration = Duration::from_mins(5);
const SITEMAP_STALE: Duration = Duration::from_hours(1);

/// Tries to look up an order: for one number, and from one address, behind which a whole office may sit.
const LOOKUPS_BY_NUMBER: u32 = 10;
const LOOKUPS_BY_CLIENT: u32 = 30;
const LOOKUP_WINDOW: Duration = Duration::from_mins(10);
/// Codes of vouchers tried from one address, behind which a whole office may sit.
const VOUCHER_TRIES: u32 = 30;
const VOUCHER_WINDOW: Duration = Duration::from_mins(10);
/// Pages below this many bytes gain nothing.
const LEAST_COMPRESSED: usize = 1_024;

const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// What the pages work with. A clone is one reference: every request makes several.
#[derive(Clone)]
pub struct Shop(Arc<Resources>);

/// What a [`Shop`] holds.
pub struct Resources {
    /// The services behind.
    pub peers: Peers,
    /// Carts and sessions, as visitors carry them.
    pub cookies: Arc<Cookies>,
    /// What identity says about sessions.
    pub sessions: Arc<Sessions>,
    /// Who may tell a client's address.
    pub proxies: Arc<TrustedProxies>,
    lookups_by_number: Arc<Throttle>,
    lookups_by_client: Arc<Throttle>,
    voucher_tries: Arc<Throttle>,
    declines: checkout::Declines,
    checkouts: IntCounterVec,
    published: MicroCache<catalog::Published, PageError>,
    pictures: MicroCache<axum::body::Bytes, CallError>,
    sitemaps: MicroCache<Vec<axum::body::Bytes>, CallError>,
    public_url: PublicUrl,
    rum: Arc<Rum>,
}

impl Deref for Shop {
    type Target = Resources;

    fn deref(&self) -> &Resources {
        &self.0
    }
}

impl Shop {
    /// A shop over these.
    pub fn new(
        peers: Peers,
        cookies: Cookies,
        proxies: TrustedProxies,
        public_url: PublicUrl,
        rum: Rum,
        checkouts: IntCounterVec,
    ) -> Self {
        Self(Arc::new(Resources {
            peers,
            cookies: Arc::new(cookies),
            sessions: Arc::default(),
            proxies: Arc::new(proxies),
            lookups_by_number: Arc::new(Throttle::new(LOOKUPS_BY_NUMBER, LOOKUP_WINDOW)),
            lookups_by_client: Arc::new(Throttle::new(LOOKUPS_BY_CLIENT, LOOKUP_WINDOW)),
            voucher_tries: Arc::new(Throttle::new(VOUCHER_TRIES, VOUCHER_WINDOW)),
            declines: checkout::Declines::default(),
            checkouts,
            published: MicroCache::new(PAGE_FRESH, PAGE_STALE, MOST_PAGES),
            pictures: MicroCache::new(PICTURE_FRESH, Duration::ZERO, 1_024),
            sitemaps: MicroCache::new(SITEMAP_FRESH, SITEMAP_STALE, 1),
            public_url,
            rum: Arc::new(rum),
        }))
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
        .merge(staff::routes())
        .merge(rum::routes())
        .route("/assets/{file}", get(assets::serve))
        .fallback(error::not_found)
        .layer(from_fn_with_state(shop.clone(), account_cart::follow))
        .layer(from_fn_with_state(shop.clone(), guard))
        .with_state(shop)
}

/// Headers that every answer carries, unless it brought its own, the view's mark, and pages compressed unless they are
/// already.
async fn guard(State(shop): State<Shop>, request: Request, next: Next) -> Response {
    let encoding = Encoding::preferred(request.headers());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let is_page =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    if is_page {
        let isolate = HeaderName::from_static("cross-origin-opener-policy");
        headers.insert(isolate, HeaderValue::from_static("same-origin"));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    }
    if is_page || status == StatusCode::NOT_MODIFIED {
        rum::mark(&shop, route.as_ref(), status, headers);
    }
    match encoding {
        Some(encoding) if is_page && !response.headers().contains_key(CONTENT_ENCODING) => {
            compressed(response, encoding).await
        }
        _ => response,
    }
}

/// A page in this encoding. Its tokens are masked anew each time, so its length tells nothing about them.
async fn compressed(response: Response, encoding: Encoding) -> Response {
    let (mut parts, body) = response.into_parts();
    // Pages are whole in memory already.
    let Ok(plain) = to_bytes(body, usize::MAX).await else { return parts.status.into_response() };
    if plain.len() < LEAST_COMPRESSED {
        return Response::from_parts(parts, plain.into());
    }
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    parts.headers.entry(VARY).or_insert(HeaderValue::from_static("accept-encoding, cookie"));
    Response::from_parts(parts, encoding.compress(&plain, Effort::Quick).into())
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
