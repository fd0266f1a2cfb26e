//! Words of TraceQL, for APIs that write queries.

/// A value as the number or truth that it may also be.
pub fn literal(text: &str) -> Option<String> {
    if matches!(text, "true" | "false") {
        return Some(text.to_owned());
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && text.parse::<f64>().is_ok_and(|n| n.abs() < 9e18);
    number.then(|| text.to_owned())
}

/// Go's durations: `1h30m`, `1.5s`, `100us`. Without a sign.
pub fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let after = &rest[number..];
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        if rest[..number].parse::<f64>().is_err()
            || !["ns", "us", "µs", "ms", "s", "m", "h"].contains(&&after[..unit])
        {
            return false;
        }
        rest = &after[unit..];
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        assert_eq!(literal("-1.5").as_deref(), Some("-1.5"));
        assert_eq!(
            [literal("1e5"), literal("500ms"), literal("1.2.3"), literal("")],
            [None, None, None, None]
        );
        assert!(is_duration("1h30m") && is_duration("1.5s") && is_duration("10µs"));
        assert!(!is_duration("") && !is_duration("1") && !is_duration("s") && !is_duration("1s || true"));
    }
}
