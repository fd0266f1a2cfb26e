//! Who calls: short-lived signed tokens between services, and the table of who may call what.
//!
//! A token is a JWT signed with Ed25519: `iss` and the header's `kid` are the calling service, `aud` the called one, and it
//! lives for at most a minute. What must always hold: a route that `registry/access.toml` does not list is refused, whoever
//! asks; a token for one service is worth nothing at another. Encryption on the wire is the mesh's business (mTLS), not
//! this module's.

pub mod access;
mod keys;
mod layer;
mod signer;
pub mod testing;
mod verifier;

pub use keys::{Jwk, KeyError, KeyPair};
pub(crate) use layer::guarded;
pub use signer::Signer;
pub use verifier::{Caller, Refusal, Verifier};

use crate::config::Env;

/// Longest life of a token, seconds.
const LIFETIME_SECONDS: i64 = 60;

/// What a process signs with and whom it trusts.
#[derive(Clone)]
pub struct Auth {
    service: &'static str,
    signer: Option<Signer>,
    verifier: Verifier,
}

/// What a token says.
#[derive(serde::Serialize, serde::Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// Unix seconds.
    iat: i64,
    /// Unix seconds.
    exp: i64,
}

impl Auth {
    /// Reads the files that `SERVICE_AUTH_KEY_FILE` and `SERVICE_AUTH_JWKS_FILE` name. What is wrong with them is noted
    /// as a problem of the configuration; the key set is required where some route wants a token.
    pub fn from_env(service: &'static str, env: &mut Env) -> Self {
        let signer = file(env, "SERVICE_AUTH_KEY_FILE", |pem| Signer::from_pem(service, pem));
        let verifier = file(env, "SERVICE_AUTH_JWKS_FILE", |jwks| Verifier::from_jwks(service, jwks));
        if verifier.is_none() && access::routes_of(service).any(|route| !route.is_public()) {
            env.require("SERVICE_AUTH_JWKS_FILE", "the keys of the services that may call");
        }
        Self { service, signer, verifier: verifier.unwrap_or_else(|| Verifier::trusting_nobody(service)) }
    }

    /// With these parts.
    pub fn new(service: &'static str, signer: Option<Signer>, verifier: Verifier) -> Self {
        Self { service, signer, verifier }
    }

    /// The service whose routes are guarded.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// What signs this process's own calls, if it has a key.
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// What checks the tokens of callers.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

fn file<T>(env: &mut Env, name: &str, read: impl FnOnce(&str) -> Result<T, KeyError>) -> Option<T> {
    let path: std::path::PathBuf = env.maybe(name)?;
    let found = std::fs::read_to_string(&path).map_err(KeyError::from).and_then(|text| read(&text));
    found
        .map_err(|error| {
            env.note(format!("{name} {}: {}", path.display(), crate::problem::chain(&error)));
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_key_file_and_absent_key_set_are_named_together() {
        let mut env = Env::from_pairs([("SERVICE_AUTH_KEY_FILE", "/nowhere/key.pem")]);
        let auth = Auth::from_env("orders", &mut env);
        assert!(auth.signer().is_none());
        let text = env.finish().unwrap_err().to_string();
        assert!(text.contains("SERVICE_AUTH_KEY_FILE /nowhere/key.pem"), "{text}");
        assert!(text.contains("SERVICE_AUTH_JWKS_FILE is required"), "{text}");
    }

    #[test]
    fn a_service_that_nobody_calls_needs_no_key_set() {
        let mut env = Env::from_pairs::<String, String>([]);
        Auth::from_env("notifications", &mut env);
        Auth::from_env("storefront", &mut env);
        env.finish().unwrap();
    }
}
