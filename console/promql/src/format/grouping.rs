//! The labels of `by (…)` in the order of the query: the tree keeps them sorted.

use crate::ast::{Aggregate, Expr};

/// Labels as `text` names them; those that are not found come last.
pub fn in_order_of_text<'a>(aggregate: &'a Aggregate, expr: &Expr, text: &str) -> Vec<&'a str> {
    let mut labels: Vec<&str> = aggregate.grouping.labels.iter().map(String::as_str).collect();
    if labels.len() < 2 {
        return labels;
    }
    let first = aggregate.parameter.as_ref().unwrap_or(&aggregate.expr);
    let before = text.get(expr.span.start..first.span.start).unwrap_or_default();
    let after = text.get(aggregate.expr.span.end..expr.span.end).unwrap_or_default();
    let clause = clause(before).or_else(|| clause(after)).unwrap_or_default();
    labels.sort_by_key(|label| place(clause, label).unwrap_or(usize::MAX));
    labels
}

/// What follows `by` or `without`.
fn clause(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    ["without", "by"].into_iter().find_map(|word| Some(&text[place(&lower, word)? + word.len()..]))
}

/// Where `word` stands by itself.
fn place(text: &str, word: &str) -> Option<usize> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .map(|(at, _)| at)
        .find(|at| !text[..*at].ends_with(in_word) && !text[*at + word.len()..].starts_with(in_word))
}
