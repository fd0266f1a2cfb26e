//! Pages that are the same for everybody who has no cart and no session: rendered once a moment, compressed once, and
//! marked so that the edge may keep them.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use sha2::{Digest as _, Sha256};

use super::{PageError, Shop, shared};
use crate::encoding::{Effort, Encoding};
use crate::view::Page;
use crate::visitor::Visitor;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// What a page of these depends on besides its address.
const VARIES: HeaderValue = HeaderValue::from_static("accept-encoding, cookie");

/// One page in all the forms in which it is asked for.
pub struct Published {
    page: Page,
    /// The page's own text, shared with it.
    plain: Bytes,
    tag: HeaderValue,
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
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(page.plain().as_bytes())[..12]));
        let tag = HeaderValue::try_from(tag).expect("hexadecimal digits are visible ASCII");
        let plain = Bytes::from_owner(Text(Arc::clone(page.plain())));
        Self { page, plain, tag, brotli: OnceLock::new(), gzip: OnceLock::new() }
    }

    /// The page for this visitor, to be kept by nobody.
    pub(super) fn answer_unkept(&self, visitor: &Visitor) -> Response {
        ([(CONTENT_TYPE, HTML), (VARY, VARIES)], self.page.fill(visitor)).into_response()
    }

    /// The page for this visitor.
    pub(super) fn answer(&self, visitor: &Visitor, headers: &HeaderMap) -> Response {
        if !visitor.is_anonymous() {
            return self.answer_unkept(visitor);
        }
        let mut response = Response::default();
        let known = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
        if known.split(',').any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == self.tag.as_bytes()) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            let encoding = Encoding::preferred(headers);
            *response.body_mut() = self.body(encoding).into();
            response.headers_mut().insert(CONTENT_TYPE, HTML);
            if let Some(encoding) = encoding {
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
            }
        }
        let headers = response.headers_mut();
        shared::PAGES.mark(headers);
        headers.insert(VARY, VARIES);
        headers.insert(ETAG, self.tag.clone());
        response
    }

    /// The page in this encoding, compressed when it is asked for first.
    fn body(&self, encoding: Option<Encoding>) -> Bytes {
        let Some(encoding) = encoding else { return self.plain.clone() };
        let kept = match encoding {
            Encoding::Brotli => &self.brotli,
            Encoding::Gzip => &self.gzip,
        };
        kept.get_or_init(|| encoding.compress(&self.plain, Effort::Quick).into()).clone()
    }
}

/// A page's text as an owner of bytes.
struct Text(Arc<str>);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
