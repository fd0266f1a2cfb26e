//! `and`, `or`, `unless`.

use std::collections::HashMap;

use console_model::Labels;
use console_storage::SourceError;

use super::matching::signature;
use crate::{
    ast::{Binary, BinaryOp},
    engine::{
        eval::Eval,
        grid::{Collector, Row},
    },
};

/// For each signature: the steps at which a side has any series of it.
fn presence(b: &Binary, rows: &[Row], count: usize) -> HashMap<Labels, Vec<bool>> {
    let mut out: HashMap<Labels, Vec<bool>> = HashMap::new();
    for row in rows {
        let here = out.entry(signature(&b.matching, &row.labels)).or_insert_with(|| vec![false; count]);
        for (i, v) in row.floats.iter().enumerate() {
            here[i] |= !crate::engine::grid::is_absent(*v);
        }
        row.histograms.iter().for_each(|(i, _)| here[*i] = true);
    }
    out
}

impl Eval<'_> {
    pub(super) fn set(
        &self,
        b: &Binary,
        left: Vec<Row>,
        right: Vec<Row>,
        count: usize,
    ) -> Result<Vec<Row>, SourceError> {
        let keep = |mut row: Row, others: &HashMap<Labels, Vec<bool>>, wanted: bool| {
            let other = others.get(&signature(&b.matching, &row.labels));
            row.retain(|i| other.is_some_and(|o| o[i]) == wanted);
            row
        };
        let mut out = Collector::default();
        if b.op == BinaryOp::Or {
            let taken = presence(b, &left, count);
            left.into_iter().try_for_each(|row| out.add(row))?;
            right.into_iter().try_for_each(|row| out.add(keep(row, &taken, false)))?;
        } else {
            let others = presence(b, &right, count);
            left.into_iter().try_for_each(|row| out.add(keep(row, &others, b.op == BinaryOp::And)))?;
        }
        Ok(out.into_rows())
    }
}
