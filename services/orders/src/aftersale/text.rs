//! Texts of people in requests.

use shop_instrumentation::{Code, Problem};

const MAX_ACTOR_BYTES: usize = 100;
pub const MAX_WORDS_BYTES: usize = 500;

/// Whether a text may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    Allowed,
    Refused,
}

/// A trimmed text of at most `limit` bytes without control characters (line breaks are fine).
pub fn text(field: &str, value: &str, limit: usize, empty: Empty) -> Result<String, Problem> {
    let trimmed = value.trim();
    let least = usize::from(empty == Empty::Refused);
    let is_clean = !trimmed.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if !is_clean || !(least..=limit).contains(&trimmed.len()) {
        let detail = format!("{least} to {limit} bytes of text");
        return Err(Problem::new(Code::Invalid, "invalid request").field(field, detail));
    }
    Ok(trimmed.to_owned())
}

/// Who of the staff asks.
pub fn actor(value: &str) -> Result<String, Problem> {
    text("actor", value, MAX_ACTOR_BYTES, Empty::Refused)
}

/// Who asks, where that may be the shopper.
pub fn actor_or_shopper(value: &str) -> Result<String, Problem> {
    if value.trim().is_empty() { Ok(crate::storage::history::SHOPPER.to_owned()) } else { actor(value) }
}
