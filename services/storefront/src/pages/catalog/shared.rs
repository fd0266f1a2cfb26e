//! What says that an answer is everybody's: the edge may keep it for a while, and hand it to whoever asks.
//!
//! What must always hold: a cookie that is added on the way is not kept with it. Flagger adds one to a canary's answers, and
//! CloudFront would keep it and send everybody to the canary; `no-cache="set-cookie"` (RFC 9111, section 5.2.2.4) makes it
//! leave that field out. nginx takes those words for `no-cache` and keeps nothing; it goes by `X-Accel-Expires` where there is
//! one, and 1.22 (Debian's) only if that field comes first. Answers with a cookie nginx does not keep at all.

use std::convert::Infallible;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponseParts, ResponseParts};

const X_ACCEL_EXPIRES: HeaderName = HeaderName::from_static("x-accel-expires");

/// For whom an answer is kept, and for how many seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    caching: &'static str,
    /// At the edge; `s-maxage` says the same.
    edge_seconds: u16,
}

/// For the edge, never for the browser, which asks again by the tag: a shopper who has just filled a cart must see it.
pub(super) const PAGES: Shared = Shared {
    caching: "public, max-age=0, s-maxage=2, stale-while-revalidate=10, no-cache=\"set-cookie\"",
    edge_seconds: 2,
};
/// Prices in it may be a minute old.
pub(super) const SUGGESTIONS: Shared =
    Shared { caching: "public, max-age=60, s-maxage=60, no-cache=\"set-cookie\"", edge_seconds: 60 };
/// What search engines ask for.
pub(super) const CRAWLERS: Shared =
    Shared { caching: "public, max-age=300, s-maxage=300, no-cache=\"set-cookie\"", edge_seconds: 300 };

impl Shared {
    /// Puts both fields there, in the order in which nginx wants them.
    pub(super) fn mark(self, headers: &mut HeaderMap) {
        headers.insert(X_ACCEL_EXPIRES, HeaderValue::from(self.edge_seconds));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.caching));
    }
}

impl IntoResponseParts for Shared {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.mark(parts.headers_mut());
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn edges_of_either_kind_keep_it_as_long_and_without_cookies() {
        for shared in [PAGES, SUGGESTIONS, CRAWLERS] {
            let response = (shared, "text").into_response();
            let fields: Vec<(&str, &str)> = response
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                .collect();
            let at = |wanted: &str| fields.iter().position(|(name, _)| *name == wanted).unwrap();
            assert!(at("x-accel-expires") < at("cache-control"), "{fields:?}");
            let (seconds, caching) = (fields[at("x-accel-expires")].1, fields[at("cache-control")].1);
            let parts: Vec<&str> = caching.split(", ").collect();
            for part in ["public", &format!("s-maxage={seconds}"), "no-cache=\"set-cookie\""] {
                assert!(parts.contains(&part), "{part} in {caching}");
            }
        }
    }
}
