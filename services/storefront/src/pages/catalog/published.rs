//! Pages that are the same for everybody who has no cart and no session: rendered once a moment, compressed once, and
//! marked so that the edge may keep them.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use sha2::{Digest as _, Sha256};

use super::{PageError, Shop};
use crate::encoding::{Effort, Encoding};
use crate::view::Page;
use crate::visitor::Visitor;

const HTML: &str = "text/html; charset=utf-8";
/// What a page of these depends on besides its address.
const VARIES: &str = "accept-encoding, cookie";
/// For the edge, never for the browser, which asks again by the tag: a shopper who has just filled a cart must see it.
const SHARED: &str = "public, max-age=0, s-maxage=2, stale-while-revalidate=10";

/// One page in all the forms in which it is asked for.
pub struct Published {
    page: Page,
    tag: String,
    brotli: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

/// The page under this key, rendered by `render` unless it was a moment ago.
pub(super) async fn answer<F>(
    shop: &Shop,
    key: &str,
    visitor: &Visitor,
    headers: &HeaderMap,
    render: impl FnOnce() -> F,
) -> Result<Response, PageError>
where
    F: Future<Output = Result<Markup, PageError>> + Send + 'static,
{
    let rendering = || {
        let markup = render();
        async move { markup.await.map(Published::new) }
    };
    let published = shop.published.get_or_load(key, rendering).await?;
    Ok(published.answer(visitor, headers))
}

impl Published {
    /// From markup rendered with `Frame::Open`.
    pub(super) fn new(markup: Markup) -> Self {
        let page = Page::new(markup);
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(page.plain())[..12]));
        Self { page, tag, brotli: OnceLock::new(), gzip: OnceLock::new() }
    }

    /// The page for this visitor.
    pub(super) fn answer(&self, visitor: &Visitor, headers: &HeaderMap) -> Response {
        if !visitor.is_anonymous() {
            return ([(CONTENT_TYPE, HTML), (VARY, VARIES)], self.page.fill(visitor)).into_response();
        }
        let encoding = Encoding::preferred(headers);
        let cached = [(CACHE_CONTROL, SHARED), (VARY, VARIES), (ETAG, self.tag.as_str())];
        let known = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
        if known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == self.tag) {
            return (StatusCode::NOT_MODIFIED, cached).into_response();
        }
        let plain = self.page.plain().as_bytes();
        let compressed = |kept: &OnceLock<Bytes>, encoding: Encoding| {
            kept.get_or_init(|| encoding.compress(plain, Effort::Quick).into()).clone()
        };
        let body = match encoding {
            Some(Encoding::Brotli) => compressed(&self.brotli, Encoding::Brotli),
            Some(Encoding::Gzip) => compressed(&self.gzip, Encoding::Gzip),
            None => Bytes::copy_from_slice(plain),
        };
        let mut response = (cached, [(CONTENT_TYPE, HTML)], body).into_response();
        if let Some(encoding) = encoding {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
        response
    }
}
