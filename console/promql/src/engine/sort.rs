//! `sort`, `sort_desc`, `sort_by_label`, `sort_by_label_desc`: the order of instant results.

use std::cmp::Ordering;

use super::grid::Row;

/// By value, NaN last in either direction; histograms go.
pub(crate) fn by_value(mut rows: Vec<Row>, is_descending: bool) -> Vec<Row> {
    rows.retain(|r| r.floats.first().is_some_and(|v| !super::grid::is_absent(*v)));
    rows.sort_by(|a, b| compare(a.floats[0], b.floats[0], is_descending));
    rows
}

/// Order of floats with NaN last.
pub(crate) fn compare(a: f64, b: f64, is_descending: bool) -> Ordering {
    let order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    let order = if is_descending { order.reverse() } else { order };
    a.is_nan().cmp(&b.is_nan()).then(order)
}

/// By the labels given, in natural order, then by all labels.
pub(crate) fn by_label(mut rows: Vec<Row>, labels: &[&str], is_descending: bool) -> Vec<Row> {
    rows.sort_by(|a, b| {
        let by_given = labels
            .iter()
            .map(|l| natural(a.labels.get(l).unwrap_or_default(), b.labels.get(l).unwrap_or_default()))
            .find(|o| o.is_ne());
        let order = by_given.unwrap_or_else(|| a.labels.cmp(&b.labels));
        if is_descending { order.reverse() } else { order }
    });
    rows
}

/// Digits compare as numbers, all else as text.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let ((chunk_a, rest_a), (chunk_b, rest_b)) = (chunk(a), chunk(b));
        let order = match (chunk_a.parse::<u64>(), chunk_b.parse::<u64>()) {
            (Ok(x), Ok(y)) => x.cmp(&y),
            _ => chunk_a.cmp(chunk_b),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// The digits, or what is none, at the start of a text, and the rest.
fn chunk(text: &str) -> (&str, &str) {
    let is_digit = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_labels_count_as_numbers() {
        assert_eq!(natural("4m5", "4m600"), Ordering::Less);
        assert_eq!(natural("4m1000", "4m600"), Ordering::Greater);
        assert_eq!(natural("1.11.3", "1.2.3"), Ordering::Greater);
        assert_eq!(natural("a", "a1"), Ordering::Less);
        assert_eq!(natural("x", "x"), Ordering::Equal);
    }

    #[test]
    fn nan_is_last_both_ways() {
        assert_eq!(compare(f64::NAN, 1.0, false), Ordering::Greater);
        assert_eq!(compare(f64::NAN, 1.0, true), Ordering::Greater);
        assert_eq!(compare(2.0, 1.0, true), Ordering::Less);
    }
}
