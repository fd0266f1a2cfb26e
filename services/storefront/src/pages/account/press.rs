//! Two presses of one page are one request: the page carries a number of its own, and the key of what the form asks
//! for follows from it and from what was typed. Another page, or other fields, are another request.

use maud::{Markup, html};
use sha2::{Digest as _, Sha256};
use shop_instrumentation::ids;

use crate::visitor::Submitted;

const FIELD: &str = "press";
/// As many digits as the number of a page has.
const DIGITS: usize = 32;

/// The number of a page that is being shown.
pub(super) fn number() -> Markup {
    html! { input type="hidden" name=(FIELD) value=(ids::new_id().simple()); }
}

/// The key of what the form asks for. A form without a number, from a page of the version before, has a key of its own.
pub(super) fn key(form: &Submitted, purpose: &str, typed: &[&str]) -> String {
    let number = form.text(FIELD);
    let is_ours = number.len() == DIGITS && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_ours { derived(&number, purpose, typed) } else { ids::new_id().simple().to_string() }
}

fn derived(number: &str, purpose: &str, typed: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in [purpose, number].iter().chain(typed) {
        // With its length before it, no part can pass for two.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_follows_from_page_purpose_and_fields() {
        let key = derived("0f", "register", &["kim@example.com", "Kim"]);
        assert_eq!(key, derived("0f", "register", &["kim@example.com", "Kim"]));
        assert_eq!(key.len(), 32);
        for other in [
            derived("0e", "register", &["kim@example.com", "Kim"]),
            derived("0f", "log in", &["kim@example.com", "Kim"]),
            derived("0f", "register", &["kim@example.co", "mKim"]),
        ] {
            assert_ne!(key, other);
        }
    }
}
