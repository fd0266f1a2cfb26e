//! Bearer tokens of senders.
//!
//! No token configured means that everybody may write (the console then listens on loopback only). Comparison takes the
//! same time wherever two tokens of one length differ, and every configured token is compared. Tokens never print.

use std::fmt;

use http::{HeaderMap, header::AUTHORIZATION};
use subtle::{Choice, ConstantTimeEq};

/// The accepted tokens.
#[derive(Clone, Default)]
pub struct Tokens(std::sync::Arc<[String]>);

/// Why a sender was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("missing bearer token in the Authorization header")]
    Missing,
    #[error("the bearer token is not accepted")]
    Refused,
}

impl Tokens {
    /// Blank tokens are dropped, so that an empty line in a configuration opens nothing.
    pub fn new(tokens: impl IntoIterator<Item = String>) -> Self {
        Self(tokens.into_iter().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect())
    }

    /// Whether nobody has to show a token.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks at `Authorization: Bearer ...`; the scheme is case-insensitive (RFC 9110, section 11.1).
    pub fn check(&self, headers: &HeaderMap) -> Result<(), AuthError> {
        if self.is_open() {
            return Ok(());
        }
        let value = headers.get(AUTHORIZATION).ok_or(AuthError::Missing)?.as_bytes();
        let (scheme, shown) = value.split_at_checked("bearer ".len()).ok_or(AuthError::Missing)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return Err(AuthError::Missing);
        }
        let shown = shown.trim_ascii();
        let hit = self.0.iter().fold(Choice::from(0), |hit, token| hit | token.as_bytes().ct_eq(shown));
        if bool::from(hit) { Ok(()) } else { Err(AuthError::Refused) }
    }
}

impl AuthError {
    /// The value of the label `reason` in the metrics.
    pub fn reason(self) -> &'static str {
        "unauthenticated"
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({} configured)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn no_configured_token_lets_everybody_in() {
        assert_eq!(Tokens::new([" ".to_owned()]).check(&HeaderMap::new()), Ok(()));
    }

    #[test]
    fn a_configured_token_is_required() {
        let tokens = Tokens::new(["one".to_owned(), "two".to_owned()]);
        assert_eq!(tokens.check(&headers("Bearer two")), Ok(()));
        assert_eq!(tokens.check(&headers("bearer one")), Ok(()));
        assert_eq!(tokens.check(&headers("Bearer tw")), Err(AuthError::Refused));
        assert_eq!(tokens.check(&headers("Bearer ")), Err(AuthError::Refused));
        assert_eq!(tokens.check(&headers("Basic two")), Err(AuthError::Missing));
        assert_eq!(tokens.check(&HeaderMap::new()), Err(AuthError::Missing));
    }

    #[test]
    fn tokens_do_not_print() {
        assert_eq!(format!("{:?}", Tokens::new(["secret".to_owned()])), "Tokens(1 configured)");
    }
}
