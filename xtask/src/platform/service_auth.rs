//! Keys with which services authenticate to each other: an Ed25519 pair a service (RFC 8410 in PKCS#8), and the public
//! halves of all as a JWKS (RFC 8037).

use std::path::{Path, PathBuf};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;

use super::{
    layout::{Layout, SERVICES},
    secrets,
};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----\n";
const END: &str = "-----END PRIVATE KEY-----\n";

/// The file with a service's own private key.
pub fn key_file(layout: &Layout, service: &str) -> PathBuf {
    secrets::path(layout, "service-auth").join(format!("{service}.pem"))
}

/// The file with the public keys of all services.
pub fn jwks_file(layout: &Layout) -> PathBuf {
    secrets::path(layout, "service-auth").join("jwks.json")
}

/// Makes the keys that are missing and writes the public ones anew.
pub fn ensure(layout: &Layout) -> Result<(), String> {
    let mut keys = Vec::new();
    for service in SERVICES {
        let file = key_file(layout, service);
        if !file.is_file() {
            secrets::write_new(&file, new_key()?.as_bytes())?;
        }
        keys.push(json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": service, "x": public_half(&file)?
        }));
    }
    let file = jwks_file(layout);
    std::fs::write(&file, json!({ "keys": keys }).to_string())
        .map_err(|e| format!("cannot write {}: {e}", file.display()))
}

fn new_key() -> Result<String, String> {
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
        .map_err(|_| "cannot make an Ed25519 key: the system gives no randomness".to_owned())?;
    Ok(format!("{BEGIN}{}\n{END}", STANDARD.encode(document.as_ref())))
}

fn public_half(file: &Path) -> Result<String, String> {
    let fail = |why: &str| format!("{} {why}: remove it, and `make up` makes a new one", file.display());
    let text = std::fs::read_to_string(file).map_err(|e| fail(&format!("cannot be read ({e})")))?;
    let body =
        text.strip_prefix(BEGIN).and_then(|t| t.strip_suffix(END)).ok_or_else(|| fail("is no PKCS#8 PEM"))?;
    let der = STANDARD.decode(body.replace('\n', "")).map_err(|_| fail("is no base64"))?;
    let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(|_| fail("holds no Ed25519 key"))?;
    Ok(URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_is_private_and_gives_its_public_half() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = std::env::temp_dir().join(format!("qd-service-auth-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let file = dir.join("orders.pem");
        secrets::write_new(&file, new_key().unwrap().as_bytes()).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        // 32 bytes without padding, the same each time it is read.
        let public = public_half(&file).unwrap();
        assert_eq!(public.len(), 43);
        assert_eq!(public, public_half(&file).unwrap());
        std::fs::write(&file, "garbage").unwrap();
        assert!(public_half(&file).unwrap_err().contains("orders.pem"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
