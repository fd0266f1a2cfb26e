//! `POST /rum`: what browsers tell about the pages that they got.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use shop_instrumentation::clock;
use shop_instrumentation::telemetry::remote::current_span;

use super::Shop;
use crate::border::{ClientAddress, Origin, origin_of};
use crate::rum::{MOST_BYTES, PageKind, Refusal, SERVER_TIMING, Scope, is_opted_out};

pub(super) fn routes() -> Router<Shop> {
    Router::new().route("/rum", post(report))
}

async fn report(State(shop): State<Shop>, address: ClientAddress, request: Request) -> Response {
    let client = address.network().unwrap_or_default();
    match take(&shop, &client, request).await {
        Ok(()) => {
            shop.rum.answered("taken");
            (StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response()
        }
        Err(refusal) => {
            shop.rum.answered(refusal.outcome());
            refused(&refusal)
        }
    }
}

/// The cheapest refusal first: what is not wanted is not read.
async fn take(shop: &Shop, client: &str, request: Request) -> Result<(), Refusal> {
    if is_opted_out(request.headers()) {
        return Err(Refusal::OptedOut);
    }
    if origin_of(request.headers()) != Origin::Ours {
        return Err(Refusal::Foreign);
    }
    shop.rum.admit(client)?;
    let body = to_bytes(request.into_body(), MOST_BYTES).await.map_err(|_| Refusal::TooLarge)?;
    shop.rum.take(shop.cookies.keys(), &body, clock::now().timestamp())
}

fn refused(refusal: &Refusal) -> Response {
    let status = match refusal {
        // It is what the reader wants: nothing went wrong.
        Refusal::OptedOut => return (StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response(),
        Refusal::Foreign | Refusal::Mark(_) => StatusCode::FORBIDDEN,
        Refusal::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Malformed(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut response = (status, [(CACHE_CONTROL, "no-store")], refusal.to_string()).into_response();
    if let Refusal::TooMany(seconds) = refusal {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*seconds));
    }
    response
}

/// The mark that a page carries, so that its reader's browser can tell about it. Whether it does is for the script to
/// decide: what is kept at the edge is the same for readers who do not want to be measured.
pub(super) fn mark(shop: &Shop, route: Option<&MatchedPath>, status: StatusCode, headers: &mut HeaderMap) {
    let Some(page) = PageKind::of(route.map(MatchedPath::as_str), status) else { return };
    let Some(span) = current_span() else { return };
    let kept = headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = if kept.contains("s-maxage") { Scope::Shared } else { Scope::Own };
    let now = clock::now().timestamp();
    if let Some(value) = shop.rum.header(shop.cookies.keys(), span, page, scope, now) {
        headers.insert(SERVER_TIMING, value);
    }
}
