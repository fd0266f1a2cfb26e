//! Aggregations over the rows of a vector.

mod choose;
mod count_values;
mod fold;
mod grouping;
mod ratio;

use console_model::{MatchOp, labels::METRIC_NAME};
use console_storage::SourceError;

use super::{
    eval::Eval,
    grid::{Row, Steps, has_same_labelset, has_type_or_unit, is_of_name, same_labelset},
    over_time::without_names,
};
use fold::Members;
use grouping::Groups;

use crate::{
    ast::{Aggregate, AggregateOp, Expr, ExprKind},
    gofmt::general,
    position::Span,
};

impl Eval<'_> {
    pub(crate) fn aggregate(
        &self,
        a: &Aggregate,
        span: Span,
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        if a.op == AggregateOp::CountValues {
            return self.count_values(a, steps);
        }
        let parameter = match &a.parameter {
            Some(p) => self.scalar(p, steps)?,
            None => Vec::new(),
        };
        let (rows, is_named) = self.rows_to_group(a, steps)?;
        let place = a.parameter.as_ref().map_or(span, |p| p.unwrap_parens().span);
        match a.op {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
                let rows = self.best(a, &parameter, rows, span, steps)?;
                Ok(if is_named { without_names(rows) } else { rows })
            }
            AggregateOp::LimitRatio => self.limit_ratio(&parameter, rows, place),
            _ => {
                self.warn_of_quantile(&parameter, place);
                let mut out = Vec::new();
                for (labels, members) in Groups::of(&a.grouping, &rows).iter() {
                    self.budget.check()?;
                    let row =
                        self.fold(a, &parameter, labels.clone(), Members { rows: &rows, members }, steps);
                    if !row.is_empty() {
                        out.push(row);
                    }
                }
                self.budget.take(out.len() * steps.count)?;
                Ok(out)
            }
        }
    }

    /// The rows of the operand, and whether names that have to go are still there. Most aggregations of
    /// `rate(metric[5m])` and the like do not look at names: these then need not be taken out of each row's labels, which
    /// is much of the work.
    fn rows_to_group(&self, a: &Aggregate, steps: &Steps) -> Result<(Vec<Row>, bool), SourceError> {
        let expr = a.expr.unwrap_parens();
        let looks_at_names = a.op == AggregateOp::LimitRatio
            || (!a.grouping.without && a.grouping.labels.iter().any(|l| is_of_name(l)));
        let is_once = steps.count > 1 && expr.is_step_invariant();
        match &expr.kind {
            ExprKind::Call { function, args }
                if !self.limits.delayed_name_removal
                    && !looks_at_names
                    && !is_once
                    && args.iter().any(has_one_name) =>
            {
                let rows = self.named_over_time(*function, args, steps)?;
                // What goes with the name may be all that tells series apart.
                if rows.iter().any(|row| has_type_or_unit(&row.labels)) {
                    let rows = without_names(rows);
                    return if has_same_labelset(&rows) { Err(same_labelset()) } else { Ok((rows, false)) };
                }
                Ok((rows, true))
            }
            _ => Ok((self.vector(expr, steps)?, false)),
        }
    }

    /// Of all parameters, the largest and the smallest are told, or that one is no number.
    fn warn_of_quantile(&self, parameter: &[f64], place: Span) {
        let largest = parameter.iter().copied().fold(f64::NAN, f64::max);
        let smallest = parameter.iter().copied().fold(f64::NAN, f64::min);
        let nan = parameter.iter().copied().find(|q| q.is_nan());
        let beyond = |q: f64, is: bool| (is && nan.is_none()).then_some(q);
        let outside = [nan, beyond(largest, largest > 1.0), beyond(smallest, smallest < 0.0)];
        for q in outside.into_iter().flatten() {
            let message = format!("quantile value should be between 0 and 1, got {}", general(q));
            self.notes.warn(place, message);
        }
    }
}

/// Whether a range vector is of one metric, whose series differ without its name too.
fn has_one_name(arg: &Expr) -> bool {
    match &arg.unwrap_parens().kind {
        ExprKind::Range { selector, .. } => selector
            .matchers
            .iter()
            .any(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal && !m.value.is_empty()),
        _ => false,
    }
}
