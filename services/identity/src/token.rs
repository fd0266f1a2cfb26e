//! A session's token: 32 random bytes, handed out once. What is kept is its digest; the token has more entropy than
//! any list of guesses, so a fast hash is enough.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use shop_instrumentation::ids;

const BYTES: usize = 32;
/// 32 bytes in base64 without padding.
const CHARS: usize = 43;

/// A token, 43 URL-safe characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one.
    pub fn mint() -> Self {
        Self(URL_SAFE_NO_PAD.encode(ids::random_bytes::<BYTES>()))
    }

    /// Whatever else is presented is nobody's token.
    pub fn parse(text: &str) -> Option<Self> {
        let ours = text.len() == CHARS && URL_SAFE_NO_PAD.decode(text).is_ok();
        ours.then(|| Self(text.to_owned()))
    }

    /// What is stored and looked up.
    pub fn digest(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }

    /// The token itself, for the one answer that carries it.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_43_characters_and_survives_its_text() {
        let token = Token::mint();
        assert_eq!(token.0.len(), CHARS);
        assert_eq!(Token::parse(&token.0), Some(token));
        assert_eq!(Token::parse("short"), None);
        assert_eq!(Token::parse(&"!".repeat(CHARS)), None);
    }
}
