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
                query.push("(websearch_to_tsquery('english', ").push_bind(words.clone());
                // As it was typed too: a text may have it glued, such as a steel's name.
                query.push(") || websearch_to_tsquery('english', ").push_bind(normal(words)).push("))");
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
    let text = normal(text);
    let words = text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(8).map(str::to_lowercase).collect()
}

/// Units that stand apart from their number in the range's texts, and close to it in what people type.
const UNITS: [&str; 17] =
    ["mm", "cm", "m", "km", "in", "ft", "g", "kg", "ml", "l", "v", "w", "kw", "a", "ah", "lm", "nm"];

/// Sizes as the range's texts have them: `7x50` and `7 × 50` are the words 7 and 50, `14mm` is 14 and mm. What is no size
/// stays as it was typed.
fn normal(text: &str) -> String {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let is_size = |at: usize| tokens.get(at).is_some_and(|token| size(token).is_some());
    let mut words: Vec<String> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let between = at > 0 && matches!(*token, "x" | "X" | "×") && is_size(at - 1) && is_size(at + 1);
        match size(token) {
            _ if between => {}
            Some(parts) => words.push(parts),
            None => words.push((*token).to_owned()),
        }
    }
    words.join(" ")
}

/// The numbers and units of a size, apart; nothing when the token is another word. Quotation marks around it stay.
fn size(token: &str) -> Option<String> {
    let inner = token.trim_matches('"');
    if !inner.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let (mut parts, mut rest) = (Vec::new(), inner);
    while !rest.is_empty() {
        let length = rest.find(|c| is_number(c) != rest.starts_with(is_number)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(length);
        rest = after;
        if run.starts_with(is_number) {
            parts.push(run);
            continue;
        }
        // Between two numbers: a sign for "by", maybe after a unit.
        let unit = if rest.is_empty() { run } else { run.strip_suffix(['x', 'X', '×'])? };
        let known = UNITS.iter().any(|known| known.eq_ignore_ascii_case(unit));
        if !unit.is_empty() && !known {
            return None;
        }
        parts.extend((!unit.is_empty()).then_some(unit));
    }
    let (open, close) = (token.starts_with('"'), token.ends_with('"') && token.len() > 1);
    let quote = |yes| if yes { "\"" } else { "" };
    Some(format!("{}{}{}", quote(open), parts.join(" "), quote(close)))
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

    #[test]
    fn sizes_are_told_from_words() {
        for (typed, meant) in [
            ("7x50", "7 50"),
            ("7 × 50 binoculars", "7 50 binoculars"),
            ("7X50", "7 50"),
            ("14mm rope", "14 mm rope"),
            ("12mmx8m", "12 mm 8 m"),
            ("2.5x10", "2.5 10"),
            ("\"14mm\"", "\"14 mm\""),
            ("18x11x7cm", "18 11 7 cm"),
            // No sizes.
            ("x ray", "x ray"),
            ("rope x", "rope x"),
            ("3d 2nd 7xy50 316L", "3d 2nd 7xy50 316 L"),
            ("-14mm", "-14mm"),
            ("", ""),
        ] {
            assert_eq!(normal(typed), meant, "{typed}");
        }
    }
}
