//! Whether two outcomes are equal.

use std::collections::BTreeMap;

use super::answer::{Labels, Outcome, Point};

/// How far numbers may differ. Not-a-number, infinities and the sign of zero never do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
}

impl Tolerance {
    /// Rounding in the last digits.
    pub const STRICT: Self = Self { relative: 1e-9, absolute: 0.0 };

    fn allows(self, a: f64, b: f64) -> bool {
        if a.is_nan() || b.is_nan() {
            return a.is_nan() && b.is_nan();
        }
        if a == b {
            return self.absolute > 0.0 || a != 0.0 || a.is_sign_negative() == b.is_sign_negative();
        }
        if a.is_infinite() || b.is_infinite() {
            return false;
        }
        (a - b).abs() <= self.absolute + self.relative * a.abs().max(b.abs())
    }
}

/// Whether the order is part of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Any,
    /// Series come sorted by their labels.
    ByLabels,
    /// The values come in the same order; which of two equal ones is first stays open.
    ByValue,
}

/// Says how they differ, the console's side first.
pub fn compare(ours: &Outcome, theirs: &Outcome, order: Order, tolerance: Tolerance) -> Result<(), String> {
    let same = |a: f64, b: f64| tolerance.allows(a, b);
    match (ours, theirs) {
        (Outcome::Failed { status, kind, .. }, Outcome::Failed { status: s, kind: k, .. }) => {
            if (status, kind) == (s, k) {
                return Ok(());
            }
            Err(format!("error {status} {kind} against {s} {k}"))
        }
        (Outcome::Scalar(a), Outcome::Scalar(b)) => points(&[*a], &[*b], same),
        (Outcome::Text(a), Outcome::Text(b)) if a == b => Ok(()),
        (Outcome::Vector(a), Outcome::Vector(b)) => {
            let single = |rows: &[(Labels, Point)]| {
                rows.iter().map(|(l, p)| (l.clone(), vec![*p])).collect::<Vec<_>>()
            };
            series(&single(a), &single(b), same)?;
            let differs = |((_, a), (_, b)): (&(Labels, Point), &(Labels, Point))| !same(a.v, b.v);
            if order == Order::ByValue && a.iter().zip(b).any(differs) {
                return Err("order of values".to_owned());
            }
            Ok(())
        }
        (Outcome::Matrix(a), Outcome::Matrix(b)) => {
            series(a, b, same)?;
            if order == Order::ByLabels && a.iter().map(|(l, _)| l).ne(b.iter().map(|(l, _)| l)) {
                return Err("order of series".to_owned());
            }
            Ok(())
        }
        _ => Err("different kinds of answers".to_owned()),
    }
}

fn series(
    ours: &[(Labels, Vec<Point>)],
    theirs: &[(Labels, Vec<Point>)],
    same: impl Fn(f64, f64) -> bool,
) -> Result<(), String> {
    let by_labels =
        |all: &[(Labels, Vec<Point>)]| -> BTreeMap<Labels, Vec<Point>> { all.iter().cloned().collect() };
    let (a, b) = (by_labels(ours), by_labels(theirs));
    if a.len() != ours.len() || b.len() != theirs.len() {
        return Err("a label set comes twice".to_owned());
    }
    if let Some(labels) = a.keys().find(|l| !b.contains_key(*l)) {
        return Err(format!("only the console has {labels:?}"));
    }
    for (labels, theirs) in &b {
        let Some(ours) = a.get(labels) else { return Err(format!("the console lacks {labels:?}")) };
        points(ours, theirs, &same).map_err(|why| format!("{labels:?}: {why}"))?;
    }
    Ok(())
}

fn points(ours: &[Point], theirs: &[Point], same: impl Fn(f64, f64) -> bool) -> Result<(), String> {
    for (a, b) in ours.iter().zip(theirs) {
        if a.t_ms != b.t_ms {
            return Err(format!("a point at {} against {}", a.t_ms, b.t_ms));
        }
        if !same(a.v, b.v) {
            return Err(format!("{:?} against {:?} at {}", a.v, b.v, a.t_ms));
        }
    }
    if ours.len() != theirs.len() {
        return Err(format!("{} points against {}", ours.len(), theirs.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(rows: &[(&str, f64)]) -> Outcome {
        let row = |(n, v): &(&str, f64)| {
            (Labels::from([("n".to_owned(), (*n).to_owned())]), Point { t_ms: 1, v: *v })
        };
        Outcome::Vector(rows.iter().map(row).collect())
    }

    #[test]
    fn labels_values_and_kinds_count() {
        let check = |a: &[(&str, f64)], b: &[(&str, f64)], order| {
            compare(&vector(a), &vector(b), order, Tolerance::STRICT)
        };
        assert!(check(&[("a", 1.0), ("b", 2.0)], &[("b", 2.0), ("a", 1.0)], Order::Any).is_ok());
        assert!(check(&[("a", 1.0), ("b", 2.0)], &[("b", 2.0), ("a", 1.0)], Order::ByValue).is_err());
        assert!(check(&[("a", f64::NAN)], &[("a", f64::NAN)], Order::Any).is_ok());
        assert!(check(&[("a", 1.0)], &[("a", 1.0 + 1e-12)], Order::Any).is_ok());
        for wrong in [[("a", 1.1)], [("b", 1.0)], [("a", f64::NAN)], [("a", f64::INFINITY)]] {
            assert!(check(&[("a", 1.0)], &wrong, Order::Any).is_err(), "{wrong:?}");
        }
        assert!(check(&[("a", 0.0)], &[("a", -0.0)], Order::Any).is_err());
        assert!(check(&[("a", 1.0)], &[], Order::Any).is_err());
    }

    #[test]
    fn errors_are_equal_by_kind() {
        let failed = |kind: &str, message: &str| Outcome::Failed {
            status: 400,
            kind: kind.to_owned(),
            message: message.to_owned(),
        };
        let check = |a, b| compare(&a, &b, Order::Any, Tolerance::STRICT);
        assert!(check(failed("bad_data", "x"), failed("bad_data", "y")).is_ok());
        assert!(check(failed("bad_data", "x"), failed("execution", "x")).is_err());
        assert!(check(failed("bad_data", "x"), vector(&[])).is_err());
    }
}
