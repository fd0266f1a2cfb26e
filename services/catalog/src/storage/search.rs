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
            Self::Web(words) => {
                query.push("websearch_to_tsquery('english', ").push_bind(words.clone()).push(")");
            }
            // What is found by is the stem (`hurrican`), which a whole word does not begin: both are tried.
            Self::Prefix(words) => {
                query.push("(to_tsquery('simple', ").push_bind(words.clone());
                query.push(") || to_tsquery('english', ").push_bind(words.clone()).push("))");
            }
        }
    }
}

/// `halyards lin` becomes `halyards:* & lin:*`; nothing when there is no word in it.
pub(super) fn prefix_query(words: &str) -> Option<String> {
    let terms: Vec<String> = words_of(words).into_iter().map(|word| format!("{word}:*")).collect();
    (!terms.is_empty()).then(|| terms.join(" & "))
}

/// The words in lower case without whatever stands between them. At most eight count.
pub(super) fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(8).map(str::to_lowercase).collect()
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
