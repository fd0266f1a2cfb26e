//! Who asks: the cookies of a request, what the store knows about them, and forms that only this shop's pages can send.
//!
//! Three cookies, all HttpOnly and SameSite=Lax: `csrf` (repeated in every form and compared), `cart`, `session`. The
//! store is asked only when there is a cart or a session to ask for.

use std::collections::HashMap;

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use shop_instrumentation::ids::random_bytes;

use crate::pages::{PageError, Shop};
use crate::store::LoggedIn;

/// Life of the cart's cookie, slid forward with every change.
const CART_SECONDS: u64 = 30 * 24 * 3600;
const SECRET_BYTES: usize = 16;

/// The shopper behind a request.
pub struct Visitor {
    /// The token that this visitor's forms carry.
    pub csrf: String,
    csrf_is_new: bool,
    /// The cart, if there ever was one.
    pub cart: Option<String>,
    /// The session's secret, if there is one.
    pub session: Option<String>,
    /// Who is logged in.
    pub account: Option<LoggedIn>,
    /// Pieces in the cart; unknown when the store does not answer.
    pub cart_count: Option<u32>,
}

/// A form that one of our own pages sent.
pub struct Submitted {
    /// Who sent it.
    pub visitor: Visitor,
    fields: HashMap<String, String>,
}

impl Visitor {
    /// What goes with every answer to this visitor.
    pub fn keep(&self, shop: &Shop, mut response: Response) -> Response {
        if self.csrf_is_new {
            set_cookie(&mut response, shop, "csrf", &self.csrf, None);
        }
        response
    }

    async fn from_headers(headers: &HeaderMap, shop: &Shop) -> Self {
        let csrf = cookie(headers, "csrf");
        let csrf_is_new = csrf.is_none();
        let (cart, session) = (cookie(headers, "cart"), cookie(headers, "session"));
        let (account, cart_count) = if cart.is_none() && session.is_none() {
            (None, Some(0))
        } else {
            match shop.store.visitor(session.as_deref(), cart.as_deref()).await {
                Ok((account, count)) => (account, Some(count)),
                Err(_) => (None, None),
            }
        };
        Self { csrf: csrf.unwrap_or_else(secret), csrf_is_new, cart, session, account, cart_count }
    }
}

impl Submitted {
    /// A field, trimmed, without control characters; empty when it was not sent.
    pub fn text(&self, name: &str) -> String {
        let raw = self.fields.get(name).map(String::as_str).unwrap_or_default();
        raw.chars().filter(|character| !character.is_control()).collect::<String>().trim().to_owned()
    }

    /// A field exactly as sent: for passwords.
    pub fn raw(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl FromRequestParts<Shop> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, Self::Rejection> {
        Ok(Self::from_headers(&parts.headers, shop).await)
    }
}

impl FromRequest<Shop> for Submitted {
    type Rejection = PageError;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, PageError> {
        let (parts, body) = request.into_parts();
        if parts.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
            return Err(PageError::ForeignForm);
        }
        let sent = cookie(&parts.headers, "csrf").ok_or(PageError::ForeignForm)?;
        let visitor = Visitor::from_headers(&parts.headers, shop).await;
        let request = Request::from_parts(parts, body);
        let Form(fields) = Form::<HashMap<String, String>>::from_request(request, shop)
            .await
            .map_err(|cause| PageError::BadForm(cause.body_text()))?;
        let token = fields.get("csrf").map(String::as_str).unwrap_or_default();
        if !same(token.as_bytes(), sent.as_bytes()) {
            return Err(PageError::ForeignForm);
        }
        Ok(Self { visitor, fields })
    }
}

/// Gives the visitor a cart's cookie, or a longer life to the one that is there.
pub fn keep_cart(response: &mut Response, shop: &Shop, cart: &str) {
    set_cookie(response, shop, "cart", cart, Some(CART_SECONDS));
}

/// Gives the visitor a session's cookie; `None` takes it away.
pub fn keep_session(response: &mut Response, shop: &Shop, session: Option<&str>) {
    let life = session.map_or(0, |_| shop.store.config.session_ttl.as_secs());
    set_cookie(response, shop, "session", session.unwrap_or_default(), Some(life));
}

/// A new secret of 32 hexadecimal digits.
pub fn secret() -> String {
    hex::encode(random_bytes::<SECRET_BYTES>())
}

fn set_cookie(response: &mut Response, shop: &Shop, name: &str, value: &str, life: Option<u64>) {
    let secure = if shop.secure_cookies { "; Secure" } else { "" };
    let life = life.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{life}");
    if let Ok(header) = HeaderValue::try_from(text) {
        response.headers_mut().append(SET_COOKIE, header);
    }
}

/// A cookie that looks like one of our secrets; anything else is as good as none.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).find_map(|line| {
        line.split(';').map(str::trim).find_map(|pair| {
            let value = pair.strip_prefix(name)?.strip_prefix('=')?;
            let ours = value.len() == 2 * SECRET_BYTES && value.bytes().all(|byte| byte.is_ascii_hexdigit());
            ours.then(|| value.to_owned())
        })
    })
}

/// Equality whose time does not tell where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_kind_of_cookie_counts() {
        let value = "0123456789abcdef0123456789abcdef";
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::try_from(format!("xcart=1; cart={value}; csrf=<x>")).unwrap());
        assert_eq!(cookie(&headers, "cart").as_deref(), Some(value));
        assert_eq!(cookie(&headers, "csrf"), None);
        assert_eq!(cookie(&headers, "session"), None);
    }

    #[test]
    fn comparison_needs_every_byte() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab") && !same(b"", b"x"));
    }
}
