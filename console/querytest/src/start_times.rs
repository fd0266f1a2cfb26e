//! Lines that say when counters started: `metric{labels}@st -1m _x2 -30s-30sx3`, above the line with the samples.

use console_promql::parser::duration_ms;

/// Sequences are bounded, whatever a script says.
const MAX_TIMES: usize = 1_000_000;

/// The series and the offsets, if a line is about start times.
pub(crate) fn split(line: &str) -> Option<(&str, &str)> {
    let (first, rest) = line.split_once([' ', '\t'])?;
    Some((first.strip_suffix("@st")?, rest))
}

/// Milliseconds from each sample to its start.
pub(crate) fn offsets(text: &str) -> Result<Vec<Option<i64>>, String> {
    let mut out = Vec::new();
    for item in text.split_whitespace() {
        one(item, &mut out).map_err(|e| format!("invalid start time {item:?}: {e}"))?;
    }
    Ok(out)
}

fn one(item: &str, out: &mut Vec<Option<i64>>) -> Result<(), String> {
    if item == "_" {
        out.push(None);
        return Ok(());
    }
    if let Some(n) = item.strip_prefix("_x") {
        let n = times(n)?;
        if n == 0 {
            return Err("invalid repetition".to_owned());
        }
        out.extend(std::iter::repeat_n(None, n));
        return Ok(());
    }
    let (first, rest) = signed(item)?;
    if rest.is_empty() {
        out.push(Some(first));
        return Ok(());
    }
    let (step, rest) = match rest.split_at(1) {
        ("x", _) => (0, rest),
        ("+", rest) => signed(rest)?,
        ("-", rest) => signed(rest).map(|(ms, rest)| (-ms, rest))?,
        _ => return Err("expected +, - or x after a duration".to_owned()),
    };
    let n = rest.strip_prefix('x').ok_or("expected x and a count")?;
    let mut offset = first;
    for _ in 0..=times(n)? {
        out.push(Some(offset));
        offset = offset.saturating_add(step);
    }
    Ok(())
}

fn times(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n <= MAX_TIMES).ok_or_else(|| format!("invalid repetition {text:?}"))
}

/// A duration with a sign at the start, and the rest. `x` is never part of a unit.
fn signed(text: &str) -> Result<(i64, &str), String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    let unit = unsigned[digits..].find(|c: char| !c.is_ascii_alphabetic() || c == 'x');
    let end = unit.map_or(unsigned.len(), |unit| digits + unit);
    let ms = duration_ms(&unsigned[..end]).ok_or_else(|| format!("invalid duration in {text:?}"))?;
    Ok((if text.starts_with('-') { -ms } else { ms }, &unsigned[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_expand_as_values_do() {
        assert_eq!(
            offsets("-1m _ 0s _x2 -30sx1 -1m-1mx2"),
            Ok(vec![
                Some(-60_000),
                None,
                Some(0),
                None,
                None,
                Some(-30_000),
                Some(-30_000),
                Some(-60_000),
                Some(-120_000),
                Some(-180_000)
            ])
        );
        for bad in ["1", "_x0", "-1m-1m", "5q", "1m*2"] {
            assert!(offsets(bad).is_err(), "{bad}");
        }
        assert_eq!(split("a{b=\"c\"}@st -1m _"), Some(("a{b=\"c\"}", "-1m _")));
        assert_eq!(split("a 1 2"), None);
    }
}
