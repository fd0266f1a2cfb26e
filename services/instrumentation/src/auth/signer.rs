//! Tokens for one's own calls, minted ahead of need and shared by all calls to one service.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;

use super::keys::{KeyError, KeyPair};
use super::{Claims, LIFETIME_SECONDS};

/// A token is minted anew when less than this is left of it, seconds: a call must not outlive it on its way.
const RENEWED_BEFORE_SECONDS: i64 = 30;

/// Signs the calls of one service. Clones share the tokens.
#[derive(Clone)]
pub struct Signer {
    inner: Arc<Inner>,
}

struct Inner {
    service: &'static str,
    key: EncodingKey,
    minted: Mutex<BTreeMap<&'static str, Minted>>,
}

struct Minted {
    bearer: HeaderValue,
    /// Unix seconds.
    expires_at: i64,
}

impl Signer {
    /// With the private key in a PEM file's text.
    pub fn from_pem(service: &'static str, pem: &str) -> Result<Self, KeyError> {
        Ok(Self::new(service, &KeyPair::from_pem(pem)?))
    }

    /// With this pair.
    pub fn new(service: &'static str, pair: &KeyPair) -> Self {
        let key = EncodingKey::from_ed_der(pair.pkcs8());
        Self { inner: Arc::new(Inner { service, key, minted: Mutex::default() }) }
    }

    /// The value of the `Authorization` header for a call of `audience`.
    ///
    /// # Panics
    /// Never with a key that was read as one: Ed25519 signs whatever it is given.
    pub fn bearer(&self, audience: &'static str, now: DateTime<Utc>) -> HeaderValue {
        let now = now.timestamp();
        let mut minted = self.inner.minted.lock();
        if let Some(found) = minted.get(audience)
            && (RENEWED_BEFORE_SECONDS..=LIFETIME_SECONDS).contains(&(found.expires_at - now))
        {
            return found.bearer.clone();
        }
        let expires_at = now + LIFETIME_SECONDS;
        let token = self.sign(audience, now, expires_at);
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).expect("base64 is visible ASCII");
        bearer.set_sensitive(true);
        minted.insert(audience, Minted { bearer: bearer.clone(), expires_at });
        bearer
    }

    pub(super) fn sign(&self, audience: &str, issued_at: i64, expires_at: i64) -> String {
        let service = self.inner.service;
        let claims =
            Claims { iss: service.to_owned(), aud: audience.to_owned(), iat: issued_at, exp: expires_at };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(service.to_owned());
        jsonwebtoken::encode(&header, &claims, &self.inner.key).expect("the key was checked when it was read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn token_is_shared_until_it_grows_old_and_each_service_has_its_own() {
        let signer = Signer::new("orders", &KeyPair::generate().unwrap());
        let first = signer.bearer("payments", at(0));
        assert_eq!(first, signer.bearer("payments", at(29)));
        assert_ne!(first, signer.bearer("payments", at(31)), "too old to be sent again");
        assert_ne!(first, signer.bearer("inventory", at(0)));
        assert_ne!(
            signer.bearer("payments", at(31)),
            signer.bearer("payments", at(0)),
            "the clock went back"
        );
    }
}
