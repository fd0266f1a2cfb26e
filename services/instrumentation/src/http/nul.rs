//! The one character that Postgres cannot store, found before it gets that far.

use crate::problem::{Code, Problem};

/// The answer to a request that holds one.
pub(super) fn refused(place: &str) -> Problem {
    Problem::new(Code::Invalid, format!("{place} holds a NUL character"))
}

/// Whether a percent-encoded path or query holds one. A double encoding (`%2500`) decodes to text without one.
pub(super) fn in_url(raw: &str) -> bool {
    raw.as_bytes().windows(3).any(|three| three == b"%00")
}

/// Whether a JSON text holds one as an escape; a raw one is no JSON at all.
pub(super) fn in_json(raw: &[u8]) -> bool {
    let mut at = 0;
    while let Some(step) = raw[at..].iter().position(|byte| *byte == b'\\') {
        let escape = &raw[at + step..];
        if escape.starts_with(br"\u0000") {
            return true;
        }
        // An escape is two characters at least: what follows a backslash cannot begin another.
        at = (at + step + 2).min(raw.len());
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_told_from_escaped_backslashes() {
        assert!(in_json(br#""\u0000""#));
        assert!(in_json(br#""\\\u0000""#), "an escaped backslash, then the escape");
        assert!(!in_json(br#""\\u0000""#), "an escaped backslash, then letters");
        assert!(!in_json(br#""\u0001 u0000""#));
        assert!(!in_json(b"\\"));
        assert!(!in_json(b""));
    }

    #[test]
    fn encoded_percent_sign_is_no_nul() {
        assert!(in_url("/p/%00"));
        assert!(!in_url("/p/%2500"));
        assert!(!in_url("/p/00"));
    }
}
