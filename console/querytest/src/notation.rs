//! The notation of series: `name{label="value"} 0 1+2x3 _ stale {{schema:0 sum:1 count:1}}x2`.

use std::sync::Arc;

use console_model::{
    Labels,
    histogram::{BucketCount, Histogram, ResetHint},
    metric::stale_nan,
};
use console_promql::{Point, histogram::HistogramSum, parse_selector};

/// One place of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Slot {
    Omitted,
    Point {
        point: Point,
        /// Whether a histogram was written with a reset hint, which then counts in a comparison.
        has_hint: bool,
    },
}

/// Sequences are bounded, whatever a script says.
const MAX_TIMES: usize = 1_000_000;

/// Splits a line into labels and the sequence after them.
pub(crate) fn series(line: &str) -> Result<(Labels, Vec<Slot>), String> {
    let name_end =
        line.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))).unwrap_or(line.len());
    let mut end = name_end;
    if line[name_end..].starts_with('{') && !line[name_end..].starts_with("{{") {
        end = name_end + braces(&line[name_end..])?;
    }
    let labels = labels(&line[..name_end], &line[name_end..end])?;
    Ok((labels, sequence(&line[end..])?))
}

/// The bytes up to the closing brace, quotes respected.
fn braces(text: &str) -> Result<usize, String> {
    let (mut quote, mut is_escaped) = (None, false);
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some('"' | '\''), '\\') => is_escaped = true,
            (Some(q), c) if q == c => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '}') => return Ok(i + 1),
            _ => {}
        }
    }
    Err(format!("no closing brace in {text:?}"))
}

fn labels(name: &str, braces: &str) -> Result<Labels, String> {
    let is_bare = braces.trim_matches(['{', '}', ' ', '\t']).is_empty();
    if is_bare {
        return Ok(Labels::from_pairs([("__name__", name)]));
    }
    let matchers = parse_selector(&format!("{name}{braces}")).map_err(|e| e.to_string())?;
    Ok(Labels::from_pairs(matchers.into_iter().map(|m| (m.name, m.value))))
}

fn sequence(text: &str) -> Result<Vec<Slot>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (item, after) = item(rest)?;
        rest = after.trim_start();
        slots(item, &mut out)?;
    }
    Ok(out)
}

/// The next item, which ends at a blank outside of a histogram.
fn item(text: &str) -> Result<(&str, &str), String> {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("{{") {
            at += rest.find("}}").ok_or_else(|| format!("no end of histogram in {rest:?}"))? + 2;
        } else if rest.starts_with([' ', '\t']) {
            break;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Ok(text.split_at(at))
}

fn times(text: &str) -> Result<usize, String> {
    let n: usize = text.parse().map_err(|_| format!("invalid repetition {text:?}"))?;
    if n > MAX_TIMES { Err(format!("repetition {n} is over {MAX_TIMES}")) } else { Ok(n) }
}

fn slots(item: &str, out: &mut Vec<Slot>) -> Result<(), String> {
    let point = |point, has_hint| Slot::Point { point, has_hint };
    if item == "_" {
        out.push(Slot::Omitted);
    } else if let Some(n) = item.strip_prefix("_x") {
        out.extend(std::iter::repeat_n(Slot::Omitted, times(n)?));
    } else if item == "stale" {
        out.push(point(Point::Float(stale_nan()), false));
    } else if item.starts_with("{{") {
        histograms(item, out)?;
    } else {
        let (first, after) = leading_number(item)?;
        let (step, count) = match after.strip_prefix('x') {
            Some(n) => (0.0, times(n)?),
            None if after.is_empty() => (0.0, 0),
            None => {
                let (step, rest) = leading_number(after)?;
                let n = rest.strip_prefix('x').ok_or_else(|| format!("expected x in {item:?}"))?;
                (step, times(n)?)
            }
        };
        let mut v = first;
        for _ in 0..=count {
            out.push(point(Point::Float(v), false));
            v += step;
        }
    }
    Ok(())
}

/// A number with sign at the start, and the rest.
fn leading_number(text: &str) -> Result<(f64, &str), String> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let sign = text.len() - unsigned.len();
    let lower = unsigned.to_ascii_lowercase();
    let length = if lower.starts_with("inf") || lower.starts_with("nan") {
        3
    } else {
        let bytes = unsigned.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            let is_exponent_sign = matches!(bytes[i], b'+' | b'-')
                && i > 0
                && matches!(bytes[i - 1], b'e' | b'E')
                && bytes.get(i + 1).is_some_and(u8::is_ascii_digit);
            // Digits may be separated: `1_000`.
            let is_separator = bytes[i] == b'_' && i > 0 && bytes.get(i + 1).is_some_and(u8::is_ascii_digit);
            let is_digit = bytes[i].is_ascii_digit() || matches!(bytes[i], b'.' | b'e' | b'E');
            if !(is_digit || is_exponent_sign || is_separator) {
                break;
            }
            i += 1;
        }
        i
    };
    let (number, rest) = text.split_at(sign + length);
    let v = number.replace('_', "").parse().map_err(|_| format!("invalid number {number:?} in {text:?}"))?;
    Ok((v, rest))
}

/// A whole number as Go reads one.
pub(crate) fn number(text: &str) -> Option<f64> {
    match leading_number(text) {
        Ok((v, "")) => Some(v),
        // Other bases are whole numbers with a prefix.
        _ => {
            let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
            let v = console_promql::parser::number(unsigned).filter(|_| unsigned.starts_with('0'))?;
            Some(if text.starts_with('-') { -v } else { v })
        }
    }
}

fn histograms(item: &str, out: &mut Vec<Slot>) -> Result<(), String> {
    let (first, has_hint, rest) = leading_histogram(item)?;
    let mut push = |h: &Histogram| {
        let point = Point::Histogram(Arc::new(h.clone()));
        out.push(Slot::Point { point, has_hint });
    };
    if rest.is_empty() {
        push(&first);
        return Ok(());
    }
    if let Some(n) = rest.strip_prefix('x') {
        (0..=times(n)?).for_each(|_| push(&first));
        return Ok(());
    }
    let (is_sum, rest) = match rest.split_at(1) {
        ("+", rest) => (true, rest),
        ("-", rest) => (false, rest),
        _ => return Err(format!("expected +, - or x after a histogram in {item:?}")),
    };
    let (step, has_hint, rest) = leading_histogram(rest)?;
    if first.schema > step.schema {
        return Err(format!("schema {} cannot become {} in {item:?}", first.schema, step.schema));
    }
    // What is added says whether hints count.
    let mut push = |h: &Histogram| {
        let point = Point::Histogram(Arc::new(h.clone()));
        out.push(Slot::Point { point, has_hint });
    };
    let n = rest.strip_prefix('x').ok_or_else(|| format!("expected x in {item:?}"))?;
    let mut current = first;
    push(&current);
    for _ in 0..times(n)? {
        let mut next = HistogramSum::plain(&current);
        let added = if is_sum { next.add(&step) } else { next.subtract(&step) };
        added.map_err(|_| format!("histograms of {item:?} do not go together"))?;
        current = next.with_empty_buckets();
        push(&current);
    }
    Ok(())
}

/// `{{schema:0 sum:1 count:2 buckets:[1 1]}}`, whether it has a reset hint, and the rest.
fn leading_histogram(text: &str) -> Result<(Histogram, bool, &str), String> {
    let body = text.strip_prefix("{{").ok_or_else(|| format!("expected a histogram in {text:?}"))?;
    let end = body.find("}}").ok_or_else(|| format!("no end of histogram in {text:?}"))?;
    let (mut h, mut has_hint) = (Histogram::default(), false);
    let (mut positive, mut negative) = ((0, Vec::new()), (0, Vec::new()));
    let mut rest = body[..end].trim();
    let mut keys: Vec<&str> = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').ok_or_else(|| format!("expected key:value in {rest:?}"))?;
        let value_end = if after.starts_with('[') {
            after.find(']').ok_or_else(|| format!("no end of list in {after:?}"))? + 1
        } else {
            after.find([' ', '\t']).unwrap_or(after.len())
        };
        let (value, next) = after.split_at(value_end);
        if keys.contains(&key) {
            return Err(format!("duplicate key {key:?} of a histogram"));
        }
        keys.push(key);
        rest = next.trim_start();
        let float = || number(value).ok_or_else(|| format!("invalid number {value:?}"));
        let int = || value.parse::<i32>().map_err(|_| format!("invalid number {value:?}"));
        match key {
            "schema" => h.schema = int()?,
            "sum" => h.sum = float()?,
            "count" => h.count = float()?,
            "z_bucket" => h.zero_count = float()?,
            "z_bucket_w" => h.zero_threshold = float()?,
            "custom_values" => h.custom_values = list(value)?.into(),
            "buckets" => positive.1 = list(value)?,
            "n_buckets" => negative.1 = list(value)?,
            "offset" => positive.0 = int()?,
            "n_offset" => negative.0 = int()?,
            "counter_reset_hint" => {
                has_hint = true;
                h.reset_hint = hint(value)?;
            }
            _ => return Err(format!("unknown key {key:?} of a histogram")),
        }
    }
    h.positive = buckets(positive);
    h.negative = buckets(negative);
    Ok((h, has_hint, &body[end + 2..]))
}

fn hint(value: &str) -> Result<ResetHint, String> {
    Ok(match value {
        "unknown" => ResetHint::Unknown,
        "reset" => ResetHint::Reset,
        "not_reset" => ResetHint::NotReset,
        "gauge" => ResetHint::Gauge,
        _ => return Err(format!("unknown reset hint {value:?}")),
    })
}

fn list(text: &str) -> Result<Vec<f64>, String> {
    let parse = |n: &str| number(n).ok_or_else(|| format!("invalid number {n:?}"));
    text.trim_matches(['[', ']']).split_whitespace().map(parse).collect()
}

/// Counts from an index on.
fn buckets((offset, counts): (i32, Vec<f64>)) -> Vec<BucketCount> {
    let bucket = |(i, count): (usize, f64)| BucketCount { index: offset + i as i32, count };
    counts.into_iter().enumerate().map(bucket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(line: &str) -> Vec<Option<f64>> {
        let value = |s: &Slot| match s {
            Slot::Point { point: Point::Float(v), .. } => Some(*v),
            _ => None,
        };
        series(line).unwrap().1.iter().map(value).collect()
    }

    #[test]
    fn sequences_expand() {
        assert_eq!(floats("x 1+2x2 _ 7x1"), [Some(1.0), Some(3.0), Some(5.0), None, Some(7.0), Some(7.0)]);
        assert_eq!(floats("x 0x2"), [Some(0.0); 3]);
        assert_eq!(floats("x -1e-2-1x1 _x2"), [Some(-0.01), Some(-1.01), None, None]);
        assert_eq!(floats("x 1_000+1_0x1"), [Some(1000.0), Some(1010.0)]);
        assert_eq!((number("0x10"), number("-0x10"), number("1e3")), (Some(16.0), Some(-16.0), Some(1000.0)));
        assert_eq!(floats("x Inf -Inf .5"), [Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(0.5)]);
    }

    #[test]
    fn labels_may_hold_braces_and_need_no_name() {
        let (labels, _) = series(r#"{a="}{", b='x'} 1"#).unwrap();
        assert_eq!(labels, Labels::from_pairs([("a", "}{"), ("b", "x")]));
        assert_eq!(series("{} 1").unwrap().0, Labels::default());
        assert_eq!(series("up{} 1").unwrap().0.metric_name(), "up");
    }

    #[test]
    fn histograms_are_read_and_added_up() {
        let (_, slots) =
            series("x {{schema:1 sum:4 count:4 buckets:[1 0 1] offset:2 counter_reset_hint:gauge}}+{{schema:1 sum:1 count:1 counter_reset_hint:gauge}}x1")
                .unwrap();
        let Slot::Point { point: Point::Histogram(h), has_hint: true } = &slots[1] else {
            panic!("{slots:?}")
        };
        assert_eq!((h.sum, h.count, h.reset_hint), (5.0, 5.0, ResetHint::Gauge));
        assert_eq!(h.positive.iter().map(|b| b.index).collect::<Vec<_>>(), [2, 3, 4]);
    }
}
