//! Tokens of services, so that others can be asked as they ask (JWT, Ed25519; RFC 7519 and 8037).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
/// How long a token is used again: a call must not outlive it.
const USED_FOR: Duration = Duration::from_secs(20);

/// Tokens for many calls at a time: signing one for each would be most of the load generator's work.
#[derive(Debug)]
pub struct Tokens {
    layout: Layout,
    audience: &'static str,
    last: Mutex<Option<(Instant, String)>>,
}

impl Tokens {
    pub fn new(layout: &Layout, audience: &'static str) -> Self {
        Self { layout: layout.clone(), audience, last: Mutex::default() }
    }

    /// The value of the `Authorization` header now.
    pub fn bearer(&self) -> Result<String, String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((at, bearer)) if at.elapsed() < USED_FOR => Ok(bearer.clone()),
            _ => {
                let bearer = bearer(&self.layout, self.audience)?;
                *last = Some((Instant::now(), bearer.clone()));
                Ok(bearer)
            }
        }
    }
}

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
