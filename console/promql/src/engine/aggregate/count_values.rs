//! `count_values`: how often each value occurs.

use std::collections::HashMap;

use console_model::Labels;
use console_storage::SourceError;

use super::grouping::group_of;
use crate::{
    ast::{Aggregate, Grouping},
    engine::{
        eval::Eval,
        grid::{Collector, Row, Steps},
        relabel::literal,
    },
    gofmt::{plain, quote},
    histogram::describe,
    outcome::Point,
};

impl Eval<'_> {
    pub(super) fn count_values(&self, a: &Aggregate, steps: &Steps) -> Result<Vec<Row>, SourceError> {
        let Some(parameter) = &a.parameter else {
            return Err(SourceError::Internal("count_values needs a label".to_owned()));
        };
        let name = literal(parameter)?;
        if name.value.is_empty() || name.raw.is_some() {
            let written = quote(name.raw.as_deref().unwrap_or(name.value.as_bytes()));
            return Err(SourceError::Execution(format!("invalid label name {written}")));
        }
        let mut grouping = a.grouping.clone();
        if !grouping.without {
            grouping.labels.push(name.value.clone());
        }
        let mut out = Collector::default();
        for row in self.vector(&a.expr, steps)? {
            self.budget.check()?;
            self.count_row(&row, &name.value, &grouping, steps, &mut out)?;
        }
        Ok(out.into_rows())
    }

    fn count_row(
        &self,
        row: &Row,
        name: &str,
        grouping: &Grouping,
        steps: &Steps,
        out: &mut Collector,
    ) -> Result<(), SourceError> {
        let mut known: HashMap<u64, Labels> = HashMap::new();
        let labelled = |value: &str| group_of(grouping, &row.labels.with(name, value));
        for i in 0..steps.count {
            let labels = match row.point(i) {
                Some(Point::Float(v)) => {
                    known.entry(v.to_bits()).or_insert_with(|| labelled(&plain(v))).clone()
                }
                Some(Point::Histogram(h)) => labelled(&describe(&h)),
                None => continue,
            };
            let before = out.len();
            let target = out.row(labels, false, steps.count);
            target.floats[i] = target.float(i).unwrap_or(0.0) + 1.0;
            // Each value may be a series of its own.
            self.budget.take((out.len() - before) * steps.count)?;
        }
        Ok(())
    }
}
