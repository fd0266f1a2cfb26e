//! Aggregations that choose among the rows of a group: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use console_storage::SourceError;

use super::{grouping::Groups, ratio};
use crate::{
    ast::{Aggregate, AggregateOp},
    engine::{
        eval::Eval,
        grid::{Row, Steps},
        sort::compare,
    },
    gofmt::general,
    position::Span,
};

fn failed<T>(message: impl Into<String>) -> Result<T, SourceError> {
    Err(SourceError::Execution(message.into()))
}

/// Whether any `k` asks for a row; the values must be numbers that count.
fn checked(k: &[f64]) -> Result<bool, SourceError> {
    if k.iter().all(|k| *k < 1.0) {
        return Ok(false);
    }
    if k.iter().any(|k| k.is_nan()) {
        return failed("Parameter value is NaN");
    }
    let smallest = k.iter().copied().fold(f64::MAX, f64::min);
    if smallest <= i64::MIN as f64 {
        return failed(format!("Scalar value {} underflows int64", general(smallest)));
    }
    let largest = k.iter().copied().fold(f64::MIN, f64::max);
    if largest >= i64::MAX as f64 {
        return failed(format!("Scalar value {} overflows int64", general(largest)));
    }
    Ok(true)
}

impl Eval<'_> {
    /// The `k` largest, smallest or first rows of each group, at each step.
    pub(super) fn best(
        &self,
        a: &Aggregate,
        k: &[f64],
        rows: Vec<Row>,
        span: Span,
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        if !checked(k)? {
            return Ok(Vec::new());
        }
        let groups = Groups::of(&a.grouping, &rows);
        let mut rows: Vec<Option<Row>> = rows.into_iter().map(Some).collect();
        let mut out = Vec::new();
        for (_, members) in groups.iter() {
            self.budget.check()?;
            let mut rows: Vec<Row> = members.iter().filter_map(|at| rows[*at as usize].take()).collect();
            if a.op == AggregateOp::Limitk {
                limit(k, &mut rows, steps);
            } else {
                for row in &mut rows {
                    if row.histograms.iter().any(|(i, _)| k[*i] >= 1.0) {
                        let message = format!("ignored histogram in {} aggregation", a.op.name());
                        self.notes.info(span, message);
                    }
                    row.histograms.clear();
                }
                best(a.op == AggregateOp::Topk, k, &mut rows, steps);
            }
            rows.retain(|r| !r.is_empty());
            out.append(&mut rows);
        }
        Ok(out)
    }

    /// Rows by the place that a hash of their labels gives them.
    pub(super) fn limit_ratio(
        &self,
        ratio: &[f64],
        mut rows: Vec<Row>,
        span: Span,
    ) -> Result<Vec<Row>, SourceError> {
        if ratio.iter().all(|r| *r == 0.0) {
            return Ok(Vec::new());
        }
        if ratio.iter().any(|r| r.is_nan()) {
            return failed("Ratio value is NaN");
        }
        let largest = ratio.iter().copied().fold(f64::MIN, f64::max);
        let smallest = ratio.iter().copied().fold(f64::MAX, f64::min);
        for (r, to, is_outside) in [(largest, 1.0, largest > 1.0), (smallest, -1.0, smallest < -1.0)] {
            if is_outside {
                let message = format!(
                    "ratio value should be between -1 and 1, got {}, capping to {}",
                    general(r),
                    general(to)
                );
                self.notes.warn(span, message);
            }
        }
        for row in &mut rows {
            let place = ratio::place(&row.labels);
            row.retain(|i| ratio[i] != 0.0 && ratio::takes(ratio[i].clamp(-1.0, 1.0), place));
        }
        rows.retain(|r| !r.is_empty());
        Ok(rows)
    }
}

fn limit(k: &[f64], rows: &mut [Row], steps: &Steps) {
    let mut taken = vec![0.0; steps.count];
    for row in rows {
        row.retain(|i| {
            taken[i] += 1.0;
            taken[i] <= k[i].trunc()
        });
    }
}

/// Keeps the best floats of each step, NaN last. The rows of an instant query come out in order.
fn best(is_descending: bool, k: &[f64], rows: &mut [Row], steps: &Steps) {
    let mut here: Vec<(usize, f64)> = Vec::with_capacity(rows.len());
    for (i, k) in k.iter().enumerate() {
        here.clear();
        here.extend(rows.iter().enumerate().filter_map(|(at, r)| Some((at, r.float(i)?))));
        let keep = if *k >= 1.0 { (*k as usize).min(here.len()) } else { 0 };
        if keep < here.len() {
            here.sort_by(|a, b| compare(a.1, b.1, is_descending));
            for (at, _) in &here[keep..] {
                rows[*at].floats[i] = crate::engine::grid::ABSENT;
            }
        }
    }
    if steps.count == 1 {
        rows.sort_by(|a, b| {
            let (a, b) = (a.float(0), b.float(0));
            a.is_none()
                .cmp(&b.is_none())
                .then_with(|| compare(a.unwrap_or(f64::NAN), b.unwrap_or(f64::NAN), is_descending))
        });
    }
}
