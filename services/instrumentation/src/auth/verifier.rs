//! Checks the tokens of callers. A token that was found good is remembered until it expires, so that a busy caller costs
//! one signature check a minute.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use parking_lot::Mutex;

use super::keys::{KeyError, parse_set};
use super::{Claims, LIFETIME_SECONDS};

/// How far the clocks of two machines may differ, seconds.
const LEEWAY_SECONDS: i64 = 5;
/// Good tokens remembered at most: some for each instance of each caller.
const REMEMBERED: usize = 1024;
/// Longest token looked at, bytes; a good one has about 250.
const LONGEST_TOKEN: usize = 1024;

/// The service that calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub Arc<str>);

/// Why a token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No bearer token came.
    #[error("a bearer token is required")]
    Missing,
    /// It is not a token, or its signature does not fit.
    #[error("the token is not valid")]
    Invalid,
    /// Nobody known signed it.
    #[error("the token's issuer is not known")]
    UnknownIssuer,
    /// It is for another service.
    #[error("the token is for another service")]
    ForeignAudience,
    /// Its time is over, has not come, or is longer than allowed.
    #[error("the token is not valid at this time")]
    Expired,
}

/// Whom one service trusts. Clones share what they remember.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    keys: HashMap<Arc<str>, DecodingKey>,
    validation: Validation,
    good: Mutex<HashMap<Box<str>, Good>>,
}

struct Good {
    caller: Caller,
    issued_at: i64,
    expires_at: i64,
}

impl Verifier {
    /// Trusts the keys of a JWK set.
    pub fn from_jwks(service: &str, jwks: &str) -> Result<Self, KeyError> {
        let mut keys = HashMap::new();
        for (kid, x) in parse_set(jwks)? {
            let key = DecodingKey::from_ed_components(&x).map_err(|_| KeyError::BadKey(kid.clone()))?;
            keys.insert(Arc::from(kid), key);
        }
        Ok(Self::new(service, keys))
    }

    /// Trusts nobody.
    pub fn trusting_nobody(service: &str) -> Self {
        Self::new(service, HashMap::new())
    }

    fn new(service: &str, keys: HashMap<Arc<str>, DecodingKey>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        validation.set_audience(&[service]);
        // Time is checked below, against the clock that the whole service goes by.
        validation.validate_exp = false;
        Self { inner: Arc::new(Inner { keys, validation, good: Mutex::default() }) }
    }

    /// Who signed this token, if it is good at `now`.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Caller, Refusal> {
        let now = now.timestamp();
        if let Some(good) = self.inner.good.lock().get(token) {
            return good.at(now);
        }
        let good = self.check(token)?;
        let caller = good.at(now)?;
        self.remember(token, good, now);
        Ok(caller)
    }

    fn check(&self, token: &str) -> Result<Good, Refusal> {
        if token.len() > LONGEST_TOKEN {
            return Err(Refusal::Invalid);
        }
        let kid = jsonwebtoken::decode_header(token).map_err(|_| Refusal::Invalid)?.kid;
        let kid = kid.ok_or(Refusal::UnknownIssuer)?;
        let (caller, key) = self.inner.keys.get_key_value(kid.as_str()).ok_or(Refusal::UnknownIssuer)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.inner.validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidAudience => Refusal::ForeignAudience,
                _ => Refusal::Invalid,
            })?
            .claims;
        if claims.iss != kid {
            return Err(Refusal::UnknownIssuer);
        }
        if claims.exp.saturating_sub(claims.iat) > LIFETIME_SECONDS {
            return Err(Refusal::Expired);
        }
        Ok(Good { caller: Caller(caller.clone()), issued_at: claims.iat, expires_at: claims.exp })
    }

    fn remember(&self, token: &str, found: Good, now: i64) {
        let mut good = self.inner.good.lock();
        if good.len() >= REMEMBERED {
            good.retain(|_, found| found.at(now).is_ok());
        }
        // Still full: more good tokens than callers could need. They are checked each time.
        if good.len() < REMEMBERED {
            good.insert(token.into(), found);
        }
    }
}

impl Good {
    fn at(&self, now: i64) -> Result<Caller, Refusal> {
        let began = self.issued_at <= now.saturating_add(LEEWAY_SECONDS);
        let over = self.expires_at.saturating_add(LEEWAY_SECONDS) <= now;
        if began && !over { Ok(self.caller.clone()) } else { Err(Refusal::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{Jwk, KeyPair};
    use super::super::signer::Signer;
    use super::*;

    const NOW: i64 = 1_800_000_000;

    struct Pair {
        signer: Signer,
        verifier: Verifier,
    }

    /// `orders` calls, `payments` is called.
    fn pair() -> Pair {
        let keys = KeyPair::generate().unwrap();
        let jwks = Jwk::set(vec![keys.jwk("orders"), KeyPair::generate().unwrap().jwk("storefront")]);
        Pair {
            signer: Signer::new("orders", &keys),
            verifier: Verifier::from_jwks("payments", &jwks).unwrap(),
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(NOW + seconds, 0).unwrap()
    }

    impl Pair {
        fn verify(&self, token: &str, seconds: i64) -> Result<Caller, Refusal> {
            self.verifier.verify(token, at(seconds))
        }
    }

    #[test]
    fn good_token_names_its_caller_until_it_expires() {
        let pair = pair();
        let token = pair.signer.sign("payments", NOW, NOW + 60);
        for seconds in [0, 30, 64] {
            assert_eq!(pair.verify(&token, seconds).unwrap().0.as_ref(), "orders");
        }
        assert_eq!(pair.verify(&token, 65), Err(Refusal::Expired), "remembered tokens expire too");
        assert_eq!(pair.verify(&pair.signer.sign("payments", NOW, NOW + 60), 65), Err(Refusal::Expired));
    }

    #[test]
    fn token_of_the_future_and_token_of_long_life_are_refused() {
        let pair = pair();
        assert_eq!(pair.verify(&pair.signer.sign("payments", NOW + 6, NOW + 60), 0), Err(Refusal::Expired));
        assert_eq!(pair.verify(&pair.signer.sign("payments", NOW, NOW + 61), 0), Err(Refusal::Expired));
    }

    #[test]
    fn token_for_another_service_is_refused() {
        let pair = pair();
        assert_eq!(
            pair.verify(&pair.signer.sign("inventory", NOW, NOW + 60), 0),
            Err(Refusal::ForeignAudience)
        );
    }

    #[test]
    fn unknown_issuer_and_somebody_elses_name_are_refused() {
        let pair = pair();
        let stranger = Signer::new("stranger", &KeyPair::generate().unwrap());
        assert_eq!(pair.verify(&stranger.sign("payments", NOW, NOW + 60), 0), Err(Refusal::UnknownIssuer));
        let impostor = Signer::new("storefront", &KeyPair::generate().unwrap());
        assert_eq!(pair.verify(&impostor.sign("payments", NOW, NOW + 60), 0), Err(Refusal::Invalid));
    }

    #[test]
    fn every_changed_character_makes_a_token_worthless() {
        let pair = pair();
        let token = pair.signer.sign("payments", NOW, NOW + 60);
        pair.verify(&token, 0).unwrap();
        // The last character of a signature has bits that mean nothing; leave it.
        for place in 0..token.len() - 1 {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(pair.verify(&changed, 0).is_err(), "place {place}");
        }
    }

    #[test]
    fn unsigned_and_shared_secret_tokens_are_refused() {
        let pair = pair();
        let none = "eyJhbGciOiJub25lIiwia2lkIjoib3JkZXJzIn0.eyJpc3MiOiJvcmRlcnMiLCJhdWQiOiJwYXltZW50cyJ9.";
        assert!(pair.verify(none, 0).is_err());
        let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
        header.kid = Some("orders".to_owned());
        let claims = Claims { iss: "orders".into(), aud: "payments".into(), iat: NOW, exp: NOW + 60 };
        let secret = jsonwebtoken::EncodingKey::from_secret(b"guessed");
        let shared = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
        assert_eq!(pair.verify(&shared, 0), Err(Refusal::Invalid));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let pair = pair();
        for n in 0..(REMEMBERED as i64 + 10) {
            let token = pair.signer.sign("payments", NOW - n % 50, NOW - n % 50 + 60 - n / 50);
            let _ = pair.verify(&token, 0);
        }
        assert!(pair.verifier.inner.good.lock().len() <= REMEMBERED);
    }
}
