//! Keys for tests: every service of the shop has one in this process, and everybody trusts them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::access::SERVICES;
use super::keys::{Jwk, KeyPair};
use super::{Auth, LIFETIME_SECONDS, Signer, Verifier};
use crate::clock;

struct Keys {
    signers: BTreeMap<&'static str, Signer>,
    jwks: String,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let pairs = SERVICES.map(|service| (service, KeyPair::generate().expect("a key can be made")));
    Keys {
        jwks: Jwk::set(pairs.iter().map(|(service, pair)| pair.jwk(service)).collect()),
        signers: pairs.iter().map(|(service, pair)| (*service, Signer::new(service, pair))).collect(),
    }
});

/// What a service of this test process signs with and whom it trusts.
pub fn auth(service: &'static str) -> Auth {
    let verifier = Verifier::from_jwks(service, &KEYS.jwks).expect("the set was just made");
    Auth::new(service, KEYS.signers.get(service).cloned(), verifier)
}

/// A good token with which `caller` may show itself to `audience`.
///
/// # Panics
/// When there is no service of that name.
pub fn token(caller: &str, audience: &str) -> String {
    let now = clock::now().timestamp();
    KEYS.signers[caller].sign(audience, now, now + LIFETIME_SECONDS)
}
