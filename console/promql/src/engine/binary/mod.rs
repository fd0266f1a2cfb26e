//! Binary operators: scalars, vectors with a scalar, vector matching, set operators.

mod element;
mod matching;
mod set;

use std::collections::{BTreeMap, btree_map::Entry};

use console_storage::SourceError;

use super::{
    eval::Eval,
    grid::{ABSENT, Row, Steps, Value, is_absent, merged},
};
use crate::{
    ast::{Binary, BinaryOp},
    outcome::Point,
    position::Span,
};
use element::{Outcome, Refusal, apply, float, truth};
pub(crate) use matching::braced;

impl Eval<'_> {
    pub(crate) fn binary(
        &self,
        b: &Binary,
        span: Span,
        left: Value,
        right: Value,
        steps: &Steps,
    ) -> Result<Value, SourceError> {
        self.budget.check()?;
        Ok(match (left, right) {
            (Value::Scalar(_), Value::Scalar(_))
                if matches!(b.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) =>
            {
                let symbol = b.op.symbol();
                return Err(SourceError::Execution(format!(
                    "operator {symbol:?} not allowed for Scalar operations"
                )));
            }
            (Value::Scalar(l), Value::Scalar(r)) => {
                let value = |(l, r)| {
                    let (v, holds) = float(b.op, l, r);
                    if b.op.is_comparison() { truth(holds) } else { v }
                };
                Value::Scalar(l.into_iter().zip(r).map(value).collect())
            }
            (Value::Vector(rows), Value::Scalar(s)) => {
                Value::Vector(self.with_scalar(b, span, rows, &s, Side::Right)?)
            }
            (Value::Scalar(s), Value::Vector(rows)) => {
                Value::Vector(self.with_scalar(b, span, rows, &s, Side::Left)?)
            }
            (Value::Vector(l), Value::Vector(r)) if b.op.is_set() => {
                Value::Vector(self.set(b, l, r, steps.count)?)
            }
            (Value::Vector(l), Value::Vector(r)) => {
                Value::Vector(self.matched(b, span, &l, &r, steps.count)?)
            }
            _ => return Err(SourceError::Internal("operands of a wrong type".to_owned())),
        })
    }

    /// `side`: where the scalar stands.
    fn with_scalar(
        &self,
        b: &Binary,
        span: Span,
        mut rows: Vec<Row>,
        scalar: &[f64],
        side: Side,
    ) -> Result<Vec<Row>, SourceError> {
        let is_filter = b.op.is_comparison() && !b.return_bool;
        let mut notes = LastNotes::default();
        for (order, row) in rows.iter_mut().enumerate() {
            scalar_floats(b, row, scalar, side, |step, note| notes.note(step, order, note));
            for (i, h) in std::mem::take(&mut row.histograms) {
                let (vector, s) = (Point::Histogram(h), Point::Float(scalar[i]));
                let outcome = match side {
                    Side::Right => apply(b.op, &vector, &s),
                    Side::Left => apply(b.op, &s, &vector),
                };
                if let Some(note) = Note::of(b.op, &outcome) {
                    notes.note(i, order, note);
                }
                let Ok(outcome) = outcome else { continue };
                match (is_filter, outcome.holds) {
                    (true, true) => row.set(i, vector),
                    (true, false) => {}
                    (false, holds) if b.return_bool => row.set(i, Point::Float(truth(holds))),
                    (false, _) => row.set(i, outcome.point),
                }
            }
            if b.op.changes_meaning() || b.return_bool {
                self.drop_name(row);
            }
        }
        self.told(span, notes);
        rows.retain(|r| !r.is_empty());
        merged(rows)
    }

    fn told(&self, span: Span, notes: LastNotes) {
        for (_, note) in notes.by_step.into_values() {
            match note {
                Note::Warning(message) => self.notes.warn(span, message),
                Note::Info(message) => self.notes.info(span, message),
            }
        }
    }
}

/// The outcomes of the floats of a row. `note` takes what there is to say at a step.
fn scalar_floats(b: &Binary, row: &mut Row, scalar: &[f64], side: Side, mut note: impl FnMut(usize, Note)) {
    if matches!(b.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) {
        for (i, v) in row.floats.iter_mut().enumerate().filter(|(_, v)| !is_absent(**v)) {
            note(i, Note::types(b.op, "float", "float"));
            *v = ABSENT;
        }
        return;
    }
    let is_comparison = b.op.is_comparison();
    for (v, s) in row.floats.iter_mut().zip(scalar).filter(|(v, _)| !is_absent(**v)) {
        let (value, holds) = match side {
            Side::Right => float(b.op, *v, *s),
            Side::Left => float(b.op, *s, *v),
        };
        *v = match (is_comparison, b.return_bool) {
            (true, true) => truth(holds),
            (true, false) if holds => *v,
            (true, false) => ABSENT,
            (false, _) => value,
        };
    }
}

/// What is said of the elements of a step. Of several the last in the order of the query's vectors holds, as in Prometheus.
#[derive(Default)]
struct LastNotes {
    by_step: BTreeMap<usize, (usize, Note)>,
}

impl LastNotes {
    fn note(&mut self, step: usize, order: usize, note: Note) {
        match self.by_step.entry(step) {
            Entry::Vacant(entry) => {
                entry.insert((order, note));
            }
            Entry::Occupied(mut entry) if entry.get().0 <= order => {
                entry.insert((order, note));
            }
            Entry::Occupied(_) => {}
        }
    }
}

/// What there is to say about the outcome of two elements.
enum Note {
    Warning(String),
    Info(String),
}

impl Note {
    fn of(op: BinaryOp, outcome: &Result<Outcome, Refusal>) -> Option<Self> {
        let name = match op {
            BinaryOp::Add => "addition",
            _ => "subtraction",
        };
        Some(match outcome {
            Ok(outcome) if outcome.bounds_reconciled => {
                Self::Info(format!("mismatched custom buckets were reconciled during {name}"))
            }
            Ok(_) => return None,
            Err(Refusal::Hints) => {
                Self::Warning(format!("conflicting counter resets during histogram {name}"))
            }
            Err(Refusal::Types(left, right)) => Self::types(op, left, right),
            Err(Refusal::Buckets) => Self::Warning(format!(
                "incompatible bucket layout encountered for binary operator {}",
                op.symbol()
            )),
        })
    }

    fn types(op: BinaryOp, left: &str, right: &str) -> Self {
        let symbol = op.symbol();
        Self::Info(format!(
            "incompatible sample types encountered for binary operator {symbol:?}: {left} {symbol} {right}"
        ))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}
