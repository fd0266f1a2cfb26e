//! Bearer tokens of senders, and the same tokens as Elasticsearch's clients show them.
//!
//! No token configured means that everybody may write (the console then listens on loopback only). Comparison takes the
//! same time wherever two tokens of one length differ, and every configured token is compared. Tokens never print.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
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
        if self.accepts(shown.trim_ascii()) { Ok(()) } else { Err(AuthError::Refused) }
    }

    /// As [`Tokens::check`], and besides `Basic` with a token as the password, and `ApiKey` with a token as the key: bare, or
    /// in base64 as `id:key`. User and id are not looked at.
    pub fn check_elasticsearch(&self, headers: &HeaderMap) -> Result<(), AuthError> {
        if self.is_open() {
            return Ok(());
        }
        let value = headers.get(AUTHORIZATION).ok_or(AuthError::Missing)?.as_bytes();
        let blank = value.iter().position(|b| *b == b' ').ok_or(AuthError::Missing)?;
        let (scheme, shown) = (value[..blank].to_ascii_lowercase(), value[blank..].trim_ascii());
        let secret = |decoded: Vec<u8>| {
            let colon = decoded.iter().position(|b| *b == b':')?;
            Some(decoded[colon + 1..].to_vec())
        };
        let decoded = || BASE64_STANDARD.decode(shown).ok().and_then(secret);
        let accepted = match &scheme[..] {
            b"bearer" => self.accepts(shown),
            b"basic" => decoded().is_some_and(|secret| self.accepts(&secret)),
            b"apikey" => self.accepts(shown) || decoded().is_some_and(|secret| self.accepts(&secret)),
            _ => return Err(AuthError::Missing),
        };
        if accepted { Ok(()) } else { Err(AuthError::Refused) }
    }

    fn accepts(&self, shown: &[u8]) -> bool {
        self.0.iter().fold(Choice::from(0), |hit, token| hit | token.as_bytes().ct_eq(shown)).into()
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
    fn a_token_is_taken_as_password_and_as_api_key() {
        let tokens = Tokens::new(["one".to_owned()]);
        let encoded = |text: &str| BASE64_STANDARD.encode(text);
        let good = [
            "Bearer one".to_owned(),
            "ApiKey one".to_owned(),
            format!("Basic {}", encoded("elastic:one")),
            format!("basic {}", encoded(":one")),
            format!("ApiKey {}", encoded("some-id:one")),
        ];
        for value in good {
            assert_eq!(tokens.check_elasticsearch(&headers(&value)), Ok(()), "{value}");
        }
        let wrong = [
            format!("Basic {}", encoded("one:two")),
            format!("Basic {}", encoded("one")),
            format!("ApiKey {}", encoded("one:")),
            "Basic one".to_owned(),
            "Bearer ".to_owned(),
        ];
        for value in wrong {
            assert_eq!(tokens.check_elasticsearch(&headers(&value)), Err(AuthError::Refused), "{value}");
        }
        assert_eq!(tokens.check_elasticsearch(&headers("Digest one")), Err(AuthError::Missing));
        assert_eq!(tokens.check(&headers(&format!("Basic {}", encoded("a:one")))), Err(AuthError::Missing));
    }

    #[test]
    fn tokens_do_not_print() {
        assert_eq!(format!("{:?}", Tokens::new(["secret".to_owned()])), "Tokens(1 configured)");
    }
}
