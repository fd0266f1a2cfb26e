//! Matchers on label sets that no store holds: of targets and of rules.

use console_model::{Labels, MatchOp, Matcher};
use regex::Regex;

/// Whether labels satisfy all matchers. A regular expression that cannot be compiled matches nothing: the parser has
/// refused it before.
pub fn fits(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|m| {
        let value = labels.get(&m.name).unwrap_or_default();
        let is_match = || Regex::new(&format!("^(?s:{})$", m.value)).is_ok_and(|r| r.is_match(value));
        match m.op {
            MatchOp::Equal => value == m.value,
            MatchOp::NotEqual => value != m.value,
            MatchOp::Regex => is_match(),
            MatchOp::NotRegex => !is_match(),
        }
    })
}

/// The selector of all series that carry these labels.
pub fn selector_of(labels: &Labels) -> String {
    let matchers: Vec<String> = labels.iter().map(|l| format!("{:?}={:?}", &*l.name, &*l.value)).collect();
    format!("{{{}}}", matchers.join(","))
}

#[cfg(test)]
mod tests {
    use console_promql::parse_selector;

    use super::*;

    #[test]
    fn a_selector_made_of_labels_fits_them() {
        let labels = Labels::from_pairs([("job", "a\"\\b\n"), ("http.status", "é")]);
        let matchers = parse_selector(&selector_of(&labels)).unwrap();
        assert!(fits(&matchers, &labels));
        assert!(!fits(&matchers, &labels.with("job", "c")));
        assert!(fits(&parse_selector(r#"{job=~"a.*",x!="y",z!~".+"}"#).unwrap(), &labels));
    }
}
