//! Pages that a mail's link leads to: their address holds a secret. A link that is over says so when it is opened; while
//! identity cannot tell, its form is shown, which says it when it is sent.

use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::{CheckLink, LinkState};
use shop_instrumentation::client::CallError;

use super::{PageError, Shop, with_status};
use crate::border::ClientAddress;
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

/// What identity is asked about a link that is opened.
pub(super) fn opened(token: &str, client: ClientAddress) -> CheckLink {
    CheckLink { token: token.to_owned(), client_address: client.text() }
}

/// Whether it is known that the link works no more.
pub(super) fn is_over(answer: Result<LinkState, CallError>) -> bool {
    match answer {
        Ok(link) => !link.works,
        Err(cause) => {
            tracing::warn!(error = %cause, "nobody can tell whether a mailed link works");
            false
        }
    }
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
