//! One kept answer and how it stands in Redis: `{fresh until, Unix ms}|{generation}|{text}`.

use std::sync::Arc;

/// An answer with the time until which it is fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Unix time in milliseconds.
    pub fresh_until_ms: i64,
    /// The answer.
    pub text: Arc<str>,
}

impl Entry {
    pub fn encode(&self, generation: &str) -> String {
        format!("{}|{generation}|{}", self.fresh_until_ms, self.text)
    }

    /// Nothing when it is of another generation or was not written by us.
    pub fn decode(raw: &str, generation: &str) -> Option<Self> {
        let (fresh_until, rest) = raw.split_once('|')?;
        let (of, text) = rest.split_once('|')?;
        let fresh_until_ms = fresh_until.parse().ok()?;
        (of == generation).then(|| Self { fresh_until_ms, text: Arc::from(text) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_is_read_by_its_own_generation_only() {
        let entry = Entry { fresh_until_ms: 7, text: Arc::from("a|b") };
        let raw = entry.encode("g");
        assert_eq!(Entry::decode(&raw, "g"), Some(entry));
        assert_eq!(Entry::decode(&raw, "h"), None);
        assert_eq!(Entry::decode("nonsense", "g"), None);
    }
}
