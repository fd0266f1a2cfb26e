//! `t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`, as Stripe signs its webhooks
//! (<https://docs.stripe.com/webhooks#verify-manually>). The sandbox signs in the same way.

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use shop_instrumentation::config::Secret;

/// How far the signed time may be from ours, seconds.
pub const TOLERANCE_SECONDS: i64 = 300;
/// Signatures read from one header; several are there while a secret is being replaced.
const MOST_SIGNATURES: usize = 5;

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the signature header cannot be read")]
    Malformed,
    #[error("the signed time is too far from now")]
    Stale,
    #[error("the signature is not ours")]
    Wrong,
}

/// Signs a body.
pub fn sign(secret: &Secret, body: &[u8], now: DateTime<Utc>) -> String {
    let t = now.timestamp();
    format!("t={t},v1={}", hex::encode(hmac::sign(&key(secret), &signed(t, body))))
}

/// Checks a header against the raw body, in constant time.
pub fn verify(secret: &Secret, header: &str, body: &[u8], now: DateTime<Utc>) -> Result<(), SignatureError> {
    let fields = header.split(',').filter_map(|part| part.trim().split_once('='));
    let mut time = None;
    let mut signatures = Vec::new();
    for (name, value) in fields {
        match name {
            "t" => time = value.parse::<i64>().ok(),
            "v1" if signatures.len() < MOST_SIGNATURES => signatures.extend(hex::decode(value).ok()),
            _ => {}
        }
    }
    let time = time.ok_or(SignatureError::Malformed)?;
    if signatures.is_empty() {
        return Err(SignatureError::Malformed);
    }
    if now.timestamp().abs_diff(time) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err(SignatureError::Stale);
    }
    let (key, signed) = (key(secret), signed(time, body));
    let ours = |signature: &Vec<u8>| hmac::verify(&key, &signed, signature).is_ok();
    if signatures.iter().any(ours) { Ok(()) } else { Err(SignatureError::Wrong) }
}

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())
}

fn signed(time: i64, body: &[u8]) -> Vec<u8> {
    [time.to_string().as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn only_our_signature_over_this_body_and_time_counts() {
        let (secret, other) = (Secret::new("whsec_a"), Secret::new("whsec_b"));
        let header = sign(&secret, b"{}", at(1000));
        assert_eq!(verify(&secret, &header, b"{}", at(1300)), Ok(()));
        assert_eq!(verify(&secret, &header, b"{ }", at(1000)), Err(SignatureError::Wrong));
        assert_eq!(verify(&other, &header, b"{}", at(1000)), Err(SignatureError::Wrong));
        assert_eq!(verify(&secret, &header, b"{}", at(1301)), Err(SignatureError::Stale));
        assert_eq!(verify(&secret, &header, b"{}", at(699)), Err(SignatureError::Stale));
        let moved = header.replace("t=1000", "t=1001");
        assert_eq!(verify(&secret, &moved, b"{}", at(1000)), Err(SignatureError::Wrong));
    }

    #[test]
    fn a_second_signature_counts_while_the_secret_is_replaced() {
        let (old, new) = (Secret::new("old"), Secret::new("new"));
        let second = sign(&new, b"x", at(5));
        let header = format!("{},{}", sign(&old, b"x", at(5)), second.split_once(',').unwrap().1);
        assert_eq!(verify(&new, &header, b"x", at(5)), Ok(()));
    }

    #[test]
    fn garbage_is_malformed() {
        for header in ["", "t=1", "v1=00", "t=x,v1=00", "t=1,v1=zz", "t=99999999999999999999,v1=00"] {
            assert_eq!(
                verify(&Secret::new("s"), header, b"", at(1)),
                Err(SignatureError::Malformed),
                "{header}"
            );
        }
    }

    /// Computed with `printf '1492774577.{"id":"evt_test"}' | openssl dgst -sha256 -hmac whsec_test`.
    #[test]
    fn the_scheme_is_the_published_one() {
        let signature = "91756ee38f5c256c6db5893fecc447d8729adb8023535a860e4c2b521391cec9";
        let header = format!("t=1492774577,v1={signature}");
        let body = br#"{"id":"evt_test"}"#;
        assert_eq!(verify(&Secret::new("whsec_test"), &header, body, at(1492774577)), Ok(()));
    }
}
