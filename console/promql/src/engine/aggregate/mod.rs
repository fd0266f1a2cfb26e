//! Aggregations over the rows of a vector.

mod choose;
mod count_values;
mod fold;
mod ratio;

use std::collections::HashMap;

use console_model::{Labels, labels::METRIC_NAME};
use console_storage::SourceError;

use super::{
    eval::Eval,
    grid::{Row, Steps},
};
use crate::{
    ast::{Aggregate, AggregateOp, Grouping},
    gofmt::general,
    position::Span,
};

fn group_of(grouping: &Grouping, labels: &Labels) -> Labels {
    let named = |name: &str| grouping.labels.iter().any(|l| l == name);
    if grouping.without {
        labels.filter(|name| !named(name) && name != METRIC_NAME)
    } else {
        labels.filter(named)
    }
}

/// Rows by the labels that they are grouped by, in order of first appearance.
fn groups(grouping: &Grouping, rows: Vec<Row>) -> Vec<(Labels, Vec<Row>)> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<(Labels, Vec<Row>)> = Vec::new();
    for row in rows {
        let key = group_of(grouping, &row.labels);
        let at = *places.entry(key.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[at].1.push(row);
    }
    groups
}

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
        let rows = self.vector(&a.expr, steps)?;
        let place = a.parameter.as_ref().map_or(span, |p| p.unwrap_parens().span);
        match a.op {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
                self.best(a, &parameter, rows, span, steps)
            }
            AggregateOp::LimitRatio => self.limit_ratio(&parameter, rows, place),
            _ => {
                self.warn_of_quantile(&parameter, place);
                let mut out = Vec::new();
                for (labels, rows) in groups(&a.grouping, rows) {
                    self.budget.check()?;
                    let row = self.fold(a, &parameter, labels, &rows, steps);
                    if !row.is_empty() {
                        out.push(row);
                    }
                }
                self.budget.take(out.len() * steps.count)?;
                Ok(out)
            }
        }
    }

    /// Of all parameters, the largest and the smallest are told.
    fn warn_of_quantile(&self, parameter: &[f64], place: Span) {
        let largest = parameter.iter().copied().fold(f64::NAN, f64::max);
        let smallest = parameter.iter().copied().fold(f64::NAN, f64::min);
        let nan = parameter.iter().copied().find(|q| q.is_nan());
        let outside = [nan, Some(largest).filter(|q| *q > 1.0), Some(smallest).filter(|q| *q < 0.0)];
        for q in outside.into_iter().flatten() {
            let message = format!("quantile value should be between 0 and 1, got {}", general(q));
            self.notes.warn(place, message);
        }
    }
}
