//! Relabelling: rules that rewrite, keep or drop label sets (prometheus/model/relabel).

mod md5;
mod rule;

use std::collections::BTreeMap;

pub use rule::{Action, Rule, RuleError, RuleFields};

/// Labels while they are being rewritten. A label that is not there reads as empty; an empty one is not there.
pub type LabelMap = BTreeMap<String, String>;

/// What became of a label set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    Drop,
}

/// Applies `rules` in order, up to the first that drops.
pub fn apply(rules: &[Rule], labels: &mut LabelMap) -> Verdict {
    let dropped = rules.iter().any(|rule| rule.apply(labels) == Verdict::Drop);
    if dropped { Verdict::Drop } else { Verdict::Keep }
}

/// Sets a label; an empty value removes it.
pub fn set(labels: &mut LabelMap, name: &str, value: String) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.insert(name.to_owned(), value);
    }
}
