//! Pages that a mail's link leads to: their address holds a secret.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY};
use axum::response::Response;

use super::PageError;

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
