//! One operator on two values.

use std::sync::Arc;

use crate::{
    ast::BinaryOp,
    histogram::{self, Added, Keep},
    outcome::Point,
};

/// A value, or for a comparison the left side and whether it holds.
pub(super) struct Outcome {
    pub point: Point,
    pub holds: bool,
    /// Whether custom bounds differed.
    pub bounds_reconciled: bool,
}

/// Why two values have no result.
pub(super) enum Refusal {
    Types(&'static str, &'static str),
    /// One has exponential buckets, the other custom ones.
    Buckets,
    /// One says that its counter was reset, the other that it was not.
    Hints,
}

pub(super) fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

pub(super) fn float(op: BinaryOp, l: f64, r: f64) -> (f64, bool) {
    match op {
        BinaryOp::Add => (l + r, true),
        BinaryOp::Sub => (l - r, true),
        BinaryOp::Mul => (l * r, true),
        BinaryOp::Div => (l / r, true),
        BinaryOp::Mod => (l % r, true),
        BinaryOp::Pow => (l.powf(r), true),
        BinaryOp::Atan2 => (l.atan2(r), true),
        BinaryOp::Equal => (l, l == r),
        BinaryOp::NotEqual => (l, l != r),
        BinaryOp::Less => (l, l < r),
        BinaryOp::LessEqual => (l, l <= r),
        BinaryOp::Greater => (l, l > r),
        BinaryOp::GreaterEqual => (l, l >= r),
        _ => (f64::NAN, false),
    }
}

pub(super) fn apply(op: BinaryOp, left: &Point, right: &Point) -> Result<Outcome, Refusal> {
    let done = |point, holds| Ok(Outcome { point, holds, bounds_reconciled: false });
    let compacted = |mut h| {
        histogram::compact(&mut h);
        done(Point::Histogram(Arc::new(h)), true)
    };
    match (left, right) {
        (Point::Float(l), Point::Float(r)) => {
            if matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower) {
                return Err(Refusal::Types("float", "float"));
            }
            let (v, holds) = float(op, *l, *r);
            done(Point::Float(v), holds)
        }
        (Point::Float(l), Point::Histogram(r)) => match op {
            BinaryOp::Mul => compacted(histogram::scale(r, *l)),
            _ => Err(Refusal::Types("float", "histogram")),
        },
        (Point::Histogram(l), Point::Float(r)) => match op {
            BinaryOp::Mul => compacted(histogram::scale(l, *r)),
            BinaryOp::Div => compacted(histogram::divide(l, *r)),
            BinaryOp::TrimUpper => {
                done(Point::Histogram(Arc::new(histogram::trim(l, *r, Keep::Below))), true)
            }
            BinaryOp::TrimLower => {
                done(Point::Histogram(Arc::new(histogram::trim(l, *r, Keep::Above))), true)
            }
            _ => Err(Refusal::Types("histogram", "float")),
        },
        (Point::Histogram(l), Point::Histogram(r)) => match op {
            BinaryOp::Add | BinaryOp::Sub => {
                let combined =
                    if op == BinaryOp::Add { histogram::add(l, r) } else { histogram::subtract(l, r) };
                let (mut h, Added { hints_collide, bounds_reconciled }) =
                    combined.map_err(|_| Refusal::Buckets)?;
                if hints_collide {
                    return Err(Refusal::Hints);
                }
                if op == BinaryOp::Sub {
                    h.reset_hint = console_model::histogram::ResetHint::Gauge;
                }
                Ok(Outcome { point: Point::Histogram(Arc::new(h)), holds: true, bounds_reconciled })
            }
            BinaryOp::Equal => done(left.clone(), histogram::is_equal(l, r)),
            BinaryOp::NotEqual => done(left.clone(), !histogram::is_equal(l, r)),
            _ => Err(Refusal::Types("histogram", "histogram")),
        },
    }
}
