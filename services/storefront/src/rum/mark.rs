//! The view mark: which span made a page, signed.
//!
//! `trace-span-flags-time-scope-kind-signature`: 32, 16 and 2 hexadecimal digits, Unix seconds, `own` or `shared`, the
//! page's kind, 32 hexadecimal digits of HMAC-SHA-256 over all before.

use shop_instrumentation::telemetry::remote::SpanIdentity;

use super::PageKind;
use crate::keyring::{Keyring, SIGNATURE_BYTES};

/// Seconds that a mark is good for: somebody may read a page for long before leaving it.
pub const MAX_AGE: i64 = 3_600;
/// Seconds by which the clocks of two instances may differ.
const SKEW: i64 = 60;
const LONGEST: usize = 160;
/// What is signed begins so, that no other signature of ours is one of a mark.
const PURPOSE: &str = "view ";

/// How many people may have got the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One.
    Own,
    /// Many: the edge may have kept it.
    Shared,
}

/// What is known of a page that was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewMark {
    /// The span that made the page.
    pub span: SpanIdentity,
    /// What page it is.
    pub page: PageKind,
    /// For how many.
    pub scope: Scope,
    /// When, in Unix seconds.
    pub issued_at: i64,
}

/// Why a mark is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// We did not sign it.
    #[error("view is not a mark of this shop")]
    Forged,
    /// It is too old, or of the future.
    #[error("view is older than {MAX_AGE} seconds")]
    Expired,
}

impl Scope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Shared => "shared",
        }
    }
}

impl ViewMark {
    /// The mark as it travels.
    pub fn sign(&self, keys: &Keyring) -> String {
        let claims = format!(
            "{}-{}-{:02x}-{}-{}-{}",
            hex::encode(self.span.trace_id),
            hex::encode(self.span.span_id),
            u8::from(self.span.is_sampled),
            self.issued_at,
            self.scope.as_str(),
            self.page.as_str()
        );
        let signature = keys.sign(format!("{PURPOSE}{claims}").as_bytes());
        format!("{claims}-{}", hex::encode(signature))
    }

    /// The mark in this text, if any generation of our key signed it and it is not too old.
    pub fn verify(keys: &Keyring, text: &str, now: i64) -> Result<Self, Refused> {
        if text.len() > LONGEST {
            return Err(Refused::Forged);
        }
        let (claims, signature) = text.rsplit_once('-').ok_or(Refused::Forged)?;
        let signature = hex::decode(signature).ok().and_then(|bytes| bytes.try_into().ok());
        let signature: [u8; SIGNATURE_BYTES] = signature.ok_or(Refused::Forged)?;
        if !keys.verify(format!("{PURPOSE}{claims}").as_bytes(), &signature) {
            return Err(Refused::Forged);
        }
        // What we signed we wrote; a mark of another version may still differ.
        let mark = Self::read(claims).ok_or(Refused::Forged)?;
        let age = now.saturating_sub(mark.issued_at);
        if (-SKEW..=MAX_AGE).contains(&age) { Ok(mark) } else { Err(Refused::Expired) }
    }

    fn read(claims: &str) -> Option<Self> {
        let mut parts = claims.split('-');
        let mut next = || parts.next();
        let span = SpanIdentity {
            trace_id: hex::decode(next()?).ok()?.try_into().ok()?,
            span_id: hex::decode(next()?).ok()?.try_into().ok()?,
            is_sampled: next()? == "01",
        };
        let issued_at = next()?.parse().ok()?;
        let scope = match next()? {
            "own" => Scope::Own,
            "shared" => Scope::Shared,
            _ => return None,
        };
        let page = PageKind::parse(next()?)?;
        Some(Self { span, page, scope, issued_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn keys() -> Keyring {
        Keyring::parse(&"ab".repeat(32)).unwrap()
    }

    fn mark() -> ViewMark {
        let span = SpanIdentity { trace_id: [0xaf; 16], span_id: [7; 8], is_sampled: true };
        ViewMark { span, page: PageKind::Product, scope: Scope::Shared, issued_at: NOW }
    }

    #[test]
    fn a_mark_comes_back_as_it_was_made() {
        let text = mark().sign(&keys());
        assert!(text.len() <= LONGEST && text.is_ascii());
        assert_eq!(ViewMark::verify(&keys(), &text, NOW + MAX_AGE), Ok(mark()));
        assert_eq!(ViewMark::verify(&keys(), &text, NOW - SKEW), Ok(mark()));
    }

    #[test]
    fn old_and_future_marks_are_expired() {
        let text = mark().sign(&keys());
        for now in [NOW + MAX_AGE + 1, NOW - SKEW - 1, i64::MIN, i64::MAX] {
            assert_eq!(ViewMark::verify(&keys(), &text, now), Err(Refused::Expired), "{now}");
        }
    }

    #[test]
    fn one_changed_character_is_a_forgery() {
        let text = mark().sign(&keys());
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(ViewMark::verify(&keys(), &changed, NOW), Err(Refused::Forged), "{changed}");
        }
        let other = Keyring::parse(&"cd".repeat(32)).unwrap();
        for wrong in ["", "-", &mark().sign(&other), &"a-".repeat(200), &text[..text.len() - 2]] {
            assert_eq!(ViewMark::verify(&keys(), wrong, NOW), Err(Refused::Forged), "{wrong}");
        }
    }
}
