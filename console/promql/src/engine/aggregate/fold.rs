//! Aggregations that make one value of a group: `sum`, `avg`, `count`, `min`, `max`, `group`, `stddev`, `stdvar`,
//! `quantile`.

use std::{collections::BTreeMap, sync::Arc};

use console_model::{
    Labels,
    histogram::{Histogram, ResetHint},
};

use crate::{
    ast::{Aggregate, AggregateOp},
    engine::{
        eval::Eval,
        grid::{ABSENT, Row, Steps, is_absent},
        window::quantile,
    },
    gofmt::Quoted,
    histogram::{HistogramSum, MixedBuckets, divide},
    kahan::{Kahan, Mean},
    outcome::Point,
};

/// The histograms of a group by step, each with its metric's name.
type Histograms<'a> = BTreeMap<usize, Vec<(&'a str, &'a Arc<Histogram>)>>;

/// The rows of a group.
#[derive(Clone, Copy)]
pub(super) struct Members<'a> {
    pub rows: &'a [Row],
    /// Which of them.
    pub members: &'a [u32],
}

impl<'a> Members<'a> {
    fn iter(self) -> impl Iterator<Item = &'a Row> {
        self.members.iter().map(move |at| &self.rows[*at as usize])
    }
}

/// The floats of one step so far.
#[derive(Clone, Copy, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, v: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.mean = v;
            self.squares = if v.is_finite() { 0.0 } else { f64::NAN };
            return;
        }
        let delta = v - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (v - self.mean);
    }
}

/// Runs all floats of all rows through one accumulator a step; steps without floats are absent.
fn each_step<A: Clone>(
    rows: Members<'_>,
    steps: usize,
    start: impl Fn(f64) -> A,
    add: impl Fn(&mut A, f64),
    finish: impl Fn(&A) -> f64,
) -> Vec<f64> {
    let mut all: Vec<Option<A>> = vec![None; steps];
    for row in rows.iter() {
        for (slot, v) in all.iter_mut().zip(&row.floats).filter(|(_, v)| !is_absent(**v)) {
            match slot {
                Some(a) => add(a, *v),
                None => *slot = Some(start(*v)),
            }
        }
    }
    all.iter().map(|slot| slot.as_ref().map_or(ABSENT, &finish)).collect()
}

fn floats(op: AggregateOp, parameter: &[f64], rows: Members<'_>, steps: usize) -> Vec<f64> {
    let fresh = |add: fn(&mut Spread, f64)| {
        move |v: f64| {
            let mut s = Spread::default();
            add(&mut s, v);
            s
        }
    };
    match op {
        AggregateOp::Sum => each_step(rows, steps, Kahan::new, Kahan::add, |k| {
            if k.sum.is_infinite() { k.sum } else { k.sum + k.lost }
        }),
        AggregateOp::Avg => each_step(
            rows,
            steps,
            |v| {
                let mut mean = Mean::default();
                mean.add(v);
                mean
            },
            Mean::add,
            |m| m.value(),
        ),
        AggregateOp::Count => each_step(rows, steps, |_| 1.0, |n, _| *n += 1.0, |n| *n),
        AggregateOp::Group => each_step(rows, steps, |_| (), |(), _| {}, |()| 1.0),
        AggregateOp::Min => each_step(
            rows,
            steps,
            |v| v,
            |kept: &mut f64, v| {
                if *kept > v || kept.is_nan() {
                    *kept = v;
                }
            },
            |v| *v,
        ),
        AggregateOp::Max => each_step(
            rows,
            steps,
            |v| v,
            |kept: &mut f64, v| {
                if *kept < v || kept.is_nan() {
                    *kept = v;
                }
            },
            |v| *v,
        ),
        AggregateOp::Stdvar => {
            each_step(rows, steps, fresh(Spread::add), Spread::add, |s| s.squares / s.count)
        }
        AggregateOp::Stddev => {
            each_step(rows, steps, fresh(Spread::add), Spread::add, |s| (s.squares / s.count).sqrt())
        }
        _ => {
            let at = |i: usize| {
                let values: Vec<f64> = rows.iter().filter_map(|r| r.float(i)).collect();
                if values.is_empty() { ABSENT } else { quantile(parameter[i], values) }
            };
            (0..steps).map(at).collect()
        }
    }
}

impl Eval<'_> {
    pub(super) fn fold(
        &self,
        a: &Aggregate,
        parameter: &[f64],
        labels: Labels,
        rows: Members<'_>,
        steps: &Steps,
    ) -> Row {
        let drop_name = rows.iter().any(|r| r.drop_name);
        let floats = floats(a.op, parameter, rows, steps.count);
        let mut out = Row { labels, drop_name, floats, histograms: Vec::new() };
        let mut histograms: Histograms<'_> = BTreeMap::new();
        for row in rows.iter() {
            let is_nameless = row.drop_name && !self.limits.delayed_name_removal;
            let name = if is_nameless { "" } else { row.labels.metric_name() };
            for (i, h) in &row.histograms {
                histograms.entry(*i).or_default().push((name, h));
            }
        }
        if !histograms.is_empty() {
            self.fold_histograms(a, rows, &histograms, &mut out);
        }
        out
    }

    fn fold_histograms(&self, a: &Aggregate, rows: Members<'_>, histograms: &Histograms<'_>, out: &mut Row) {
        let span = a.expr.unwrap_parens().span;
        for (i, here) in histograms {
            let has_floats = out.float(*i);
            match a.op {
                AggregateOp::Count => {
                    out.floats[*i] = has_floats.unwrap_or(0.0) + here.len() as f64;
                }
                AggregateOp::Group => out.floats[*i] = 1.0,
                AggregateOp::Sum | AggregateOp::Avg if has_floats.is_some() => {
                    if self.is_mix(a, rows, *i, here) {
                        self.notes.warn(span, "encountered a mix of histograms and floats for aggregation");
                    }
                    out.floats[*i] = ABSENT;
                }
                AggregateOp::Sum | AggregateOp::Avg => {
                    if let Ok(h) = self.total(a, here) {
                        let hinted = |hint| here.iter().any(|(_, h)| h.reset_hint == hint);
                        if hinted(ResetHint::Reset) && hinted(ResetHint::NotReset) {
                            let message = "conflicting counter resets during histogram aggregation";
                            self.notes.warn(span, message);
                        }
                        out.set(*i, Point::Histogram(Arc::new(h)));
                    }
                }
                op => self.notes.info(span, format!("ignored histogram in {} aggregation", op.name())),
            }
        }
    }

    /// Whether floats are told to be among the histograms of a step. Of the latter is told what there is to tell before, where
    /// they are added up because one of them comes first; nothing counts behind those that do not go together.
    fn is_mix(
        &self,
        a: &Aggregate,
        rows: Members<'_>,
        step: usize,
        histograms: &[(&str, &Arc<Histogram>)],
    ) -> bool {
        let kinds = rows.iter().filter(|r| r.has(step)).map(|r| r.float(step).is_none());
        let first = kinds.take_while(|is_histogram| *is_histogram).count();
        first == 0 || self.total(a, histograms).map_or_else(|Misfit(at)| at >= first, |_| true)
    }

    /// Sum or mean of histograms, or the first whose buckets do not go together with those before.
    fn total(&self, a: &Aggregate, all: &[(&str, &Arc<Histogram>)]) -> Result<Histogram, Misfit> {
        let span = a.expr.unwrap_parens().span;
        let mut sum = HistogramSum::new(all[0].1);
        let mut is_incremental = false;
        for (i, (name, h)) in all.iter().enumerate().skip(1) {
            let count = (i + 1) as f64;
            let added = if a.op == AggregateOp::Sum {
                sum.add(h)
            } else {
                add_to_mean(&mut sum, h, count, &mut is_incremental)
            };
            match added {
                Ok(reconciled) if reconciled.bounds_reconciled => {
                    self.notes.info(span, "mismatched custom buckets were reconciled during aggregation");
                }
                Ok(_) => {}
                Err(MixedBuckets) => {
                    self.notes.warn(
                        span,
                        format!(
                            "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {}",
                            Quoted(name)
                        ),
                    );
                    return Err(Misfit(i));
                }
            }
        }
        if a.op == AggregateOp::Avg && !is_incremental {
            sum.divide(all.len() as f64);
        }
        Ok(sum.finish())
    }
}

/// The place of a histogram among others with which its buckets do not go together.
struct Misfit(usize);

/// Adds the `count`th histogram; from the first overflow on, `sum` is the mean.
fn add_to_mean(
    sum: &mut HistogramSum,
    h: &Histogram,
    count: f64,
    is_incremental: &mut bool,
) -> Result<crate::histogram::Added, MixedBuckets> {
    if !*is_incremental {
        let mut next = sum.clone();
        let added = next.add(h)?;
        if !next.overflows() {
            *sum = next;
            return Ok(added);
        }
        *is_incremental = true;
        sum.divide(count - 1.0);
    }
    sum.multiply((count - 1.0) / count);
    sum.add(&divide(h, count))
}
