//! What a list or a range vector is asked for.

use console_model::{MatchOp, Matcher, TimeRange};

use super::{Parameters, number::seconds};

/// Beyond lies what is stored nowhere; backends have bounds of their own for times, and take none for "all".
const MAX_MS: i64 = 253_402_300_799_999;
/// Backends count durations as nanoseconds in 64 bits.
const MAX_RANGE_MS: i64 = i64::MAX / 1_000_000;

/// `start` and `end`, both inclusive, where they say anything.
pub fn times(range: TimeRange) -> Parameters {
    let mut out = Vec::new();
    if range.start_ms > -MAX_MS {
        out.push(("start", seconds(range.start_ms)));
    }
    if range.end_ms <= MAX_MS {
        out.push(("end", seconds(range.end_ms.saturating_sub(1))));
    }
    out
}

/// Series or labels. `limit` 0: all.
pub fn listing(matchers: &[String], range: TimeRange, limit: usize) -> Parameters {
    let mut out: Parameters = matchers.iter().map(|m| ("match[]", m.clone())).collect();
    out.extend(times(range));
    if limit > 0 {
        out.push(("limit", limit.to_string()));
    }
    out
}

/// In order and within the bound, which older backends do not know.
pub fn cut<T: Ord>(mut found: Vec<T>, limit: usize) -> Vec<T> {
    found.sort();
    if limit > 0 {
        found.truncate(limit);
    }
    found
}

/// The range vector that, evaluated at `end_ms`, has all samples from `start_ms` on.
pub fn range_vector(matchers: &[Matcher], start_ms: i64, end_ms: i64) -> String {
    // The start of a range vector is exclusive.
    let range_ms = end_ms.saturating_sub(start_ms).saturating_add(1).clamp(1, MAX_RANGE_MS);
    let mut all: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    if !matchers.iter().any(excludes_something) {
        // A selector of everything is refused; what has no name is stored nowhere.
        all.push("__name__!=\"\"".to_owned());
    }
    format!("{{{}}}[{range_ms}ms]", all.join(","))
}

/// Whether a matcher surely does not match the empty text.
fn excludes_something(m: &Matcher) -> bool {
    match m.op {
        MatchOp::Equal => !m.value.is_empty(),
        MatchOp::NotEqual => m.value.is_empty(),
        MatchOp::Regex | MatchOp::NotRegex => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_vector_holds_both_of_its_ends() {
        let all = Matcher { name: "job".to_owned(), op: MatchOp::Regex, value: ".*".to_owned() };
        assert_eq!(range_vector(&[Matcher::equal("job", "a")], 1000, 2000), "{job=\"a\"}[1001ms]");
        assert_eq!(range_vector(&[all], 5, 5), "{job=~\".*\",__name__!=\"\"}[1ms]");
        assert_eq!(range_vector(&[], i64::MIN, 0), "{__name__!=\"\"}[9223372036854ms]");
    }

    #[test]
    fn all_of_time_is_not_written() {
        let all = TimeRange { start_ms: i64::MIN / 4, end_ms: i64::MAX / 4 };
        assert!(times(all).is_empty());
        let some = times(TimeRange { start_ms: 1000, end_ms: 2001 });
        assert_eq!(some, [("start", "1.000".to_owned()), ("end", "2.000".to_owned())]);
    }

    #[test]
    fn lists_are_put_in_order_and_cut() {
        assert_eq!(cut(vec!["b", "c", "a"], 2), ["a", "b"]);
        assert_eq!(cut(vec!["b", "a"], 0), ["a", "b"]);
    }
}
