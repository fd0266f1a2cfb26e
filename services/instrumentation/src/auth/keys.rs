//! Keys as they stand in files: PKCS#8 PEM (RFC 7468, RFC 8410) for one's own, a JWK set (RFC 7517, RFC 8037) for others'.

use std::collections::HashMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// Keys in one set at most: one or two for each service.
const MOST_KEYS: usize = 64;
/// Length of a public Ed25519 key, bytes.
const PUBLIC_KEY_BYTES: usize = 32;

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot be read")]
    File(#[from] std::io::Error),
    /// Not a PEM file with a private key.
    #[error("is not a PKCS#8 private key in PEM form")]
    NotPem,
    /// Another kind of key, or a broken one.
    #[error("is not an Ed25519 key")]
    NotEd25519,
    /// The set is not JSON of the expected shape.
    #[error("is not a JSON Web Key Set")]
    NotJwks(#[source] serde_json::Error),
    /// One key of the set.
    #[error("key '{0}' is not an Ed25519 key (kty OKP, crv Ed25519, x of 32 bytes)")]
    BadKey(String),
    /// Two keys under one name.
    #[error("key '{0}' stands there twice")]
    Twice(String),
    /// No key, or more than a shop has services.
    #[error("has {0} keys; 1 to {MOST_KEYS} are expected")]
    Count(usize),
}

/// A service's own key pair, as it is made once and put into files.
pub struct KeyPair {
    pkcs8: Vec<u8>,
    public: Vec<u8>,
}

/// A public key as it stands in a key set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    kty: String,
    crv: String,
    /// The service that signs with the other half.
    kid: String,
    x: String,
}

#[derive(Serialize, Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

impl KeyPair {
    /// A new pair.
    pub fn generate() -> Result<Self, KeyError> {
        let pkcs8 =
            Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(|_| KeyError::NotEd25519)?;
        Self::from_pkcs8(pkcs8.as_ref().to_vec())
    }

    /// The pair in a PEM file.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let inner = pem.trim().strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END));
        let text: String = inner.ok_or(KeyError::NotPem)?.split_whitespace().collect();
        Self::from_pkcs8(STANDARD.decode(text).map_err(|_| KeyError::NotPem)?)
    }

    /// As the text of a PEM file. It is a secret.
    pub fn to_pem(&self) -> String {
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", STANDARD.encode(&self.pkcs8))
    }

    /// The public half under a service's name.
    pub fn jwk(&self, service: &str) -> Jwk {
        Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            kid: service.to_owned(),
            x: URL_SAFE_NO_PAD.encode(&self.public),
        }
    }

    /// The private half, DER.
    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    fn from_pkcs8(pkcs8: Vec<u8>) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| KeyError::NotEd25519)?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self { pkcs8, public })
    }
}

impl Jwk {
    /// The text of a key set file.
    pub fn set(keys: Vec<Self>) -> String {
        serde_json::to_string_pretty(&JwkSet { keys }).unwrap_or_default()
    }

    fn is_ed25519(&self) -> bool {
        self.kty == "OKP"
            && self.crv == "Ed25519"
            && URL_SAFE_NO_PAD.decode(&self.x).is_ok_and(|bytes| bytes.len() == PUBLIC_KEY_BYTES)
    }
}

/// The keys of a set by the service that signs with them, `x` still as base64.
pub(super) fn parse_set(text: &str) -> Result<HashMap<String, String>, KeyError> {
    let set: JwkSet = serde_json::from_str(text).map_err(KeyError::NotJwks)?;
    if set.keys.is_empty() || set.keys.len() > MOST_KEYS {
        return Err(KeyError::Count(set.keys.len()));
    }
    let mut found = HashMap::with_capacity(set.keys.len());
    for key in set.keys {
        if !key.is_ed25519() {
            return Err(KeyError::BadKey(key.kid));
        }
        if found.insert(key.kid.clone(), key.x).is_some() {
            return Err(KeyError::Twice(key.kid));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pair_survives_its_file() {
        let pair = KeyPair::generate().unwrap();
        let read = KeyPair::from_pem(&pair.to_pem()).unwrap();
        assert_eq!(read.jwk("orders"), pair.jwk("orders"));
    }

    #[test]
    fn what_openssl_writes_is_read() {
        // openssl genpkey -algorithm ed25519 with the key of RFC 8410, section 10.3.
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
        // The public key that section 10.1 gives for it: the last bytes of its SPKI.
        let spki = STANDARD.decode("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=").unwrap();
        let public = URL_SAFE_NO_PAD.encode(&spki[spki.len() - PUBLIC_KEY_BYTES..]);
        assert_eq!(KeyPair::from_pem(pem).unwrap().jwk("a").x, public);
    }

    #[test]
    fn wrong_keys_are_named() {
        assert!(matches!(KeyPair::from_pem("hello"), Err(KeyError::NotPem)));
        let empty = format!("{PEM_BEGIN}\nAAAA\n{PEM_END}");
        assert!(matches!(KeyPair::from_pem(&empty), Err(KeyError::NotEd25519)));
        let key = KeyPair::generate().unwrap().jwk("orders");
        assert!(matches!(parse_set(&Jwk::set(vec![key.clone(), key.clone()])), Err(KeyError::Twice(_))));
        let rsa = Jwk { kty: "RSA".to_owned(), ..key };
        assert!(matches!(parse_set(&Jwk::set(vec![rsa])), Err(KeyError::BadKey(_))));
        assert!(matches!(parse_set(r#"{"keys":[]}"#), Err(KeyError::Count(0))));
        assert!(matches!(parse_set("{}"), Err(KeyError::NotJwks(_))));
    }
}
