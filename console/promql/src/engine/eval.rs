//! Each expression once, for all steps.

use console_model::Labels;
use console_storage::{SourceError, metrics::SeriesReader};

use super::{
    budget::Budget,
    grid::{self, Row, Steps, Value},
    notes::Notes,
    tally::Tally,
};
use crate::{
    ast::{Expr, ExprKind},
    histogram,
    limits::PromqlLimits,
    start_times::StartTimes,
};

pub(crate) struct Eval<'a> {
    pub reader: &'a dyn SeriesReader,
    pub start_times: Option<&'a dyn StartTimes>,
    pub limits: &'a PromqlLimits,
    pub budget: &'a Budget,
    /// Start, end and step of the query (zero at an instant): what `start()`, `end()`, `range()` and `step()` say, in subqueries too.
    pub range: (i64, i64),
    pub step_ms: i64,
    pub notes: Notes,
    /// Only where the query is profiled.
    pub tally: Option<Tally>,
}

impl<'a> Eval<'a> {
    pub fn new(
        reader: &'a dyn SeriesReader,
        start_times: Option<&'a dyn StartTimes>,
        limits: &'a PromqlLimits,
        budget: &'a Budget,
        range: (i64, i64),
        step_ms: i64,
    ) -> Self {
        Self { reader, start_times, limits, budget, range, step_ms, notes: Notes::default(), tally: None }
    }

    pub fn eval(&self, expr: &Expr, steps: &Steps) -> Result<Value, SourceError> {
        self.budget.check()?;
        let is_literal = matches!(expr.kind, ExprKind::Number(_) | ExprKind::String(_));
        if steps.count > 1 && !is_literal && expr.is_step_invariant() {
            let first = Steps { count: 1, ..*steps };
            self.tally(|t| t.open(first));
            let once = self.eval_here(expr, &first)?;
            self.tally(Tally::close_repeated);
            return self.repeated(once, steps.count);
        }
        self.eval_here(expr, steps)
    }

    /// The value of the first step at all steps.
    fn repeated(&self, value: Value, count: usize) -> Result<Value, SourceError> {
        Ok(match value {
            Value::Scalar(v) => Value::Scalar(vec![v.first().copied().unwrap_or(f64::NAN); count]),
            Value::String(s) => Value::String(s),
            Value::Vector(rows) => {
                self.budget.take(rows.len() * (count - 1))?;
                let repeat = |row: Row| Row {
                    floats: vec![row.floats[0]; count],
                    histograms: row
                        .histograms
                        .first()
                        .map(|(_, h)| (0..count).map(|i| (i, std::sync::Arc::clone(h))).collect())
                        .unwrap_or_default(),
                    ..row
                };
                Value::Vector(rows.into_iter().map(repeat).collect())
            }
        })
    }

    fn eval_here(&self, expr: &Expr, steps: &Steps) -> Result<Value, SourceError> {
        match &expr.kind {
            ExprKind::Number(n) => Ok(Value::Scalar(vec![*n; steps.count])),
            ExprKind::String(s) => Ok(Value::String(s.value.clone())),
            ExprKind::Selector(s) => Ok(Value::Vector(self.instant_vector(s, expr.span, steps)?)),
            ExprKind::Paren(e) | ExprKind::Plus(e) => self.eval(e, steps),
            ExprKind::Negate(e) => self.negate(e, steps),
            ExprKind::Binary(_) => self.chain(expr, steps),
            ExprKind::Aggregate(a) => Ok(Value::Vector(self.aggregate(a, expr.span, steps)?)),
            ExprKind::Call { function, args } => self.call(*function, args, expr.span, steps),
            ExprKind::Range { .. } | ExprKind::Subquery(_) => {
                Err(SourceError::Internal("a range vector outside of a function".to_owned()))
            }
        }
    }

    /// A chain of binary operators, from its left end: a long one must not be a deep recursion.
    fn chain(&self, expr: &Expr, steps: &Steps) -> Result<Value, SourceError> {
        let mut links = Vec::new();
        let mut left_end = expr;
        while let ExprKind::Binary(b) = &left_end.kind {
            links.push((b, left_end.span));
            left_end = &b.left;
        }
        let mut left = self.eval(left_end, steps)?;
        for (b, span) in links.into_iter().rev() {
            let right = self.eval(&b.right, steps)?;
            left = self.binary(b, span, left, right, steps)?;
        }
        Ok(left)
    }

    fn negate(&self, expr: &Expr, steps: &Steps) -> Result<Value, SourceError> {
        match self.eval(expr, steps)? {
            Value::Scalar(v) => Ok(Value::Scalar(v.into_iter().map(|v| -v).collect())),
            Value::Vector(mut rows) => {
                for row in &mut rows {
                    for v in row.floats.iter_mut().filter(|v| !grid::is_absent(**v)) {
                        *v = -*v;
                    }
                    for (_, h) in &mut row.histograms {
                        *h = histogram::scale(h, -1.0).into();
                    }
                    self.drop_name(row);
                }
                Ok(Value::Vector(grid::merged(rows)?))
            }
            Value::String(_) => Err(SourceError::Internal("a string has no sign".to_owned())),
        }
    }

    pub fn tally(&self, count: impl FnOnce(&Tally)) {
        if let Some(tally) = &self.tally {
            count(tally);
        }
    }

    pub fn vector(&self, expr: &Expr, steps: &Steps) -> Result<Vec<Row>, SourceError> {
        match self.eval(expr, steps)? {
            Value::Vector(rows) => Ok(rows),
            _ => Err(SourceError::Internal("an instant vector was expected".to_owned())),
        }
    }

    pub fn scalar(&self, expr: &Expr, steps: &Steps) -> Result<Vec<f64>, SourceError> {
        match self.eval(expr, steps)? {
            Value::Scalar(values) => Ok(values),
            _ => Err(SourceError::Internal("a scalar was expected".to_owned())),
        }
    }

    /// The name of a row whose value means something else now: it goes at once, or at the end of the query.
    pub fn drop_name(&self, row: &mut Row) {
        row.drop_name = true;
        if !self.limits.delayed_name_removal {
            row.labels = grid::nameless(&row.labels);
        }
    }

    /// As [`Eval::drop_name`] for labels that are not yet a row's.
    pub fn without_name(&self, labels: &Labels) -> Labels {
        if self.limits.delayed_name_removal { labels.clone() } else { grid::nameless(labels) }
    }

    /// The rows of a result: names that had to go are gone, labels are unique.
    pub fn finished(&self, mut rows: Vec<Row>) -> Result<Vec<Row>, SourceError> {
        if self.limits.delayed_name_removal {
            for row in rows.iter_mut().filter(|r| r.drop_name) {
                row.labels = grid::nameless(&row.labels);
            }
        }
        grid::merged(rows)
    }
}
