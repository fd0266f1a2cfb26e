//! From a shopper's words to a `tsquery`.

use sqlx::{Postgres, QueryBuilder};

/// How the words are matched.
pub(super) enum Match {
    /// As typed: all words, `"phrases"`, `or`, `-without`.
    Web(String),
    /// Every word as the beginning of one, ready for `to_tsquery`.
    Prefix(String),
}

impl Match {
    pub(super) fn push_to(&self, query: &mut QueryBuilder<Postgres>) {
        match self {
            Self::Web(words) => query.push("websearch_to_tsquery('english', ").push_bind(words.clone()),
            Self::Prefix(words) => query.push("to_tsquery('simple', ").push_bind(words.clone()),
        };
        query.push(")");
    }
}

/// `halyards lin` becomes `halyards:* & lin:*`; nothing when there is no word in it. At most eight words count.
pub(super) fn prefix_query(words: &str) -> Option<String> {
    let terms: Vec<String> = words
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(8)
        .map(|word| format!("{}:*", word.to_lowercase()))
        .collect();
    (!terms.is_empty()).then(|| terms.join(" & "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_beginnings_and_nothing_else_gets_through() {
        assert_eq!(prefix_query("Halyards lin").as_deref(), Some("halyards:* & lin:*"));
        assert_eq!(prefix_query("a' | !b:*)").as_deref(), Some("a:* & b:*"));
        assert_eq!(prefix_query("  &|!() "), None);
    }
}
