//! The session that a request names.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

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
