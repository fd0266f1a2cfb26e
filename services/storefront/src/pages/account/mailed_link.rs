//! Pages that a mail's link leads to: their address holds a secret.

use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use maud::{Markup, html};

use super::{PageError, Shop, with_status};
use crate::view::{Tone, notice};
use crate::visitor::Visitor;

/// A token is shorter; what is longer is none.
const LONGEST_TOKEN: usize = 128;

/// What can be a token; anything else leads nowhere.
pub(super) fn checked(token: &str) -> Result<&str, PageError> {
    let fine = !token.is_empty()
        && token.len() <= LONGEST_TOKEN
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if fine { Ok(token) } else { Err(PageError::NotFound) }
}

/// No other page hears of the address, and nobody on the way keeps the page.
pub(super) fn private(mut response: Response) -> Response {
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// In place of the form of a link that works no more: for how long it did, and the way on.
pub(super) async fn over(
    shop: &Shop,
    visitor: &Visitor,
    title: &str,
    worked: &str,
    way_on: Markup,
) -> Response {
    let body = html! {
        div.wrap.slim {
            h1 { (title) }
            (notice(Tone::Bad, html! { p { "This link is not valid any more: it works " (worked) "." } }))
            (way_on)
        }
    };
    private(with_status(StatusCode::GONE, shop.page(visitor, title, body).await))
}
