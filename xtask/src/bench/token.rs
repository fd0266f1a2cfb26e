//! Tokens of services, so that others can be asked as they ask (JWT, Ed25519; RFC 7519 and 8037).

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use super::stage::auth_key;
use crate::platform::layout::Layout;

/// As long as services take them.
const LIFETIME_SECONDS: u64 = 60;

/// The value of the `Authorization` header with which the storefront calls `audience`, good for a minute.
pub fn bearer(layout: &Layout, audience: &str) -> Result<String, String> {
    bearer_of(layout, "storefront", audience)
}

/// As [`bearer`], for calls of another service.
pub fn bearer_of(layout: &Layout, caller: &str, audience: &str) -> Result<String, String> {
    let file = auth_key(layout, caller);
    let fail = |why: String| format!("{}: {why}", file.display());
    let pem = std::fs::read_to_string(&file).map_err(|e| fail(e.to_string()))?;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).map_err(|e| fail(e.to_string()))?;
    let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(|e| fail(e.to_string()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?.as_secs();
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": caller });
    let claims = json!({ "iss": caller, "aud": audience, "iat": now, "exp": now + LIFETIME_SECONDS });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()).as_ref());
    Ok(format!("Bearer {signed}.{signature}"))
}
