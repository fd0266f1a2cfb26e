//! What a request may carry in headers of its own: the session that it names, and a key that it need not have.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::IdempotencyKey;

use crate::token::Token;

const HEADER: &str = "x-session-token";

/// The token in `x-session-token`; nothing when the header is not there or holds nobody's token.
pub(super) struct Presented(pub Option<Token>);

impl<S: Send + Sync> FromRequestParts<S> for Presented {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let text = parts.headers.get(HEADER).and_then(|value| value.to_str().ok());
        Ok(Self(text.and_then(Token::parse)))
    }
}

/// An `Idempotency-Key` where callers of the version before send none.
pub(super) struct MaybeKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for MaybeKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if !parts.headers.contains_key("idempotency-key") {
            return Ok(Self(None));
        }
        IdempotencyKey::from_request_parts(parts, state).await.map(|key| Self(Some(key.into_string())))
    }
}
