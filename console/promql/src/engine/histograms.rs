//! `histogram_*`: functions of native histograms and of classic buckets.

use std::{collections::HashMap, sync::Arc};

use console_model::{Labels, histogram::Histogram};
use console_storage::SourceError;

use super::{
    buckets::{self, ClassicBucket},
    eval::Eval,
    grid::{ABSENT, Collector, Row, Steps},
    notes::{Forced, of_metric},
};
use crate::{
    ast::Expr,
    function::Function,
    gofmt::{Quoted, general, open_metrics},
    histogram::{self, Advice},
    outcome::Point,
    position::Span,
};

/// The histograms of a vector.
struct Found {
    /// Rows with native histograms.
    native: Vec<Row>,
    classic: Vec<Classic>,
}

/// The bucket series of one classic histogram, by bound.
struct Classic {
    labels: Labels,
    drop_name: bool,
    series: Vec<(f64, Row)>,
    /// Steps at which it was told that the buckets had to be lifted: once, whatever is asked of them.
    told: Vec<bool>,
}

impl Classic {
    fn at(&self, step: usize) -> Vec<ClassicBucket> {
        let bucket =
            |(upper, row): &(f64, Row)| Some(ClassicBucket { upper: *upper, count: row.float(step)? });
        self.series.iter().filter_map(bucket).collect()
    }
}

/// What is computed of each histogram.
#[derive(Clone, Copy)]
enum Measure<'a> {
    Quantile(&'a [f64]),
    Fraction(&'a [f64], &'a [f64]),
}

impl Eval<'_> {
    /// A number of each native histogram; floats go.
    pub(crate) fn of_histograms(&self, function: Function, rows: Vec<Row>) -> Result<Vec<Row>, SourceError> {
        let number = |h: &Histogram| match function {
            Function::HistogramCount => h.count,
            Function::HistogramSum => h.sum,
            Function::HistogramAvg => h.sum / h.count,
            Function::HistogramStddev => histogram::variance(h).sqrt(),
            _ => histogram::variance(h),
        };
        let numbers = |mut row: Row| {
            row.floats.fill(ABSENT);
            for (i, h) in std::mem::take(&mut row.histograms) {
                row.floats[i] = number(&h);
            }
            self.drop_name(&mut row);
            row
        };
        let rows: Vec<Row> = rows.into_iter().filter(|r| !r.histograms.is_empty()).map(numbers).collect();
        super::grid::merged(rows)
    }

    pub(crate) fn histogram_quantile(
        &self,
        q: &Expr,
        vector: &Expr,
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        let qs = self.scalar(q, steps)?;
        self.warn_of_quantiles(&qs, q.unwrap_parens().span);
        let span = vector.unwrap_parens().span;
        let mut found = self.histograms(self.vector(vector, steps)?, span, steps);
        let mut out = Collector::default();
        self.measure(&mut found, Measure::Quantile(&qs), None, span, steps, &mut out)?;
        Ok(out.into_rows())
    }

    /// `histogram_quantiles(v, label, q...)`: each quantile with its value in a label.
    pub(crate) fn histogram_quantiles(&self, args: &[Expr], steps: &Steps) -> Result<Vec<Row>, SourceError> {
        let [vector, label, quantiles @ ..] = args else {
            return Err(SourceError::Internal("histogram_quantiles needs three arguments".to_owned()));
        };
        let label = super::relabel::literal(label)?;
        let span = vector.unwrap_parens().span;
        let mut found = self.histograms(self.vector(vector, steps)?, span, steps);
        let mut out = Collector::default();
        for q in quantiles {
            let qs = self.scalar(q, steps)?;
            self.warn_of_quantiles(&qs, q.unwrap_parens().span);
            let mut by_value: Vec<f64> = qs.clone();
            by_value.sort_by(f64::total_cmp);
            by_value.dedup_by(|a, b| a.to_bits() == b.to_bits());
            // A quantile may differ from step to step, and its label with it.
            for value in by_value {
                let at: Vec<bool> = qs.iter().map(|q| q.to_bits() == value.to_bits()).collect();
                let labelled = Some((label.value.as_str(), open_metrics(value), at));
                let all = vec![value; steps.count];
                self.measure(&mut found, Measure::Quantile(&all), labelled, span, steps, &mut out)?;
            }
        }
        Ok(out.into_rows())
    }

    pub(crate) fn histogram_fraction(
        &self,
        lower: &Expr,
        upper: &Expr,
        vector: &Expr,
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        let (lower, upper) = (self.scalar(lower, steps)?, self.scalar(upper, steps)?);
        let span = vector.unwrap_parens().span;
        let mut found = self.histograms(self.vector(vector, steps)?, span, steps);
        let mut out = Collector::default();
        self.measure(&mut found, Measure::Fraction(&lower, &upper), None, span, steps, &mut out)?;
        Ok(out.into_rows())
    }

    fn warn_of_quantiles(&self, qs: &[f64], span: Span) {
        for q in qs.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            let message = format!("quantile value should be between 0 and 1, got {}", general(*q));
            self.notes.warn(span, message);
        }
    }

    /// The metric's name for a note: known only while names are kept.
    fn noted_name<'b>(&self, labels: &'b Labels) -> &'b str {
        if self.limits.delayed_name_removal { labels.metric_name() } else { "" }
    }

    /// Divides a vector into native histograms and classic ones. Where both have the same labels at a step, neither
    /// counts.
    fn histograms(&self, rows: Vec<Row>, span: Span, steps: &Steps) -> Found {
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut found = Found { native: Vec::new(), classic: Vec::new() };
        for mut row in rows {
            if !row.histograms.is_empty() {
                let native = Row {
                    labels: row.labels.clone(),
                    drop_name: row.drop_name,
                    floats: vec![ABSENT; steps.count],
                    histograms: std::mem::take(&mut row.histograms),
                };
                found.native.push(native);
            }
            if row.is_empty() {
                continue;
            }
            let le = row.labels.get("le").unwrap_or_default();
            let Ok(upper) = le.parse::<f64>() else {
                self.notes.warn(
                    span,
                    format!(
                        "bucket label \"le\" is missing or has a malformed value of {}{}",
                        Quoted(le),
                        of_metric(self.noted_name(&row.labels))
                    ),
                );
                continue;
            };
            let labels = row.labels.filter(|name| name != "le");
            let at = *places.entry(labels.clone()).or_insert(found.classic.len());
            if at == found.classic.len() {
                found.classic.push(Classic {
                    labels,
                    drop_name: row.drop_name,
                    series: Vec::new(),
                    told: vec![false; steps.count],
                });
            }
            found.classic[at].series.push((upper, row));
        }
        for classic in &mut found.classic {
            classic.series.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        for native in &mut found.native {
            let Some(classic) = places.get(&native.labels).map(|at| &mut found.classic[*at]) else {
                continue;
            };
            let both: Vec<usize> = native
                .histograms
                .iter()
                .map(|h| h.0)
                .filter(|i| classic.series.iter().any(|(_, r)| r.float(*i).is_some()))
                .collect();
            if !both.is_empty() {
                self.notes.warn(
                    span,
                    format!(
                        "vector contains a mix of classic and native histograms{}",
                        of_metric(self.noted_name(&native.labels))
                    ),
                );
                native.retain(|i| !both.contains(&i));
                classic.series.iter_mut().for_each(|(_, r)| r.retain(|i| !both.contains(&i)));
            }
        }
        found
    }

    fn measure(
        &self,
        found: &mut Found,
        measure: Measure<'_>,
        labelled: Option<(&str, String, Vec<bool>)>,
        span: Span,
        steps: &Steps,
        out: &mut Collector,
    ) -> Result<(), SourceError> {
        let target = |labels: &Labels| {
            let labels = self.without_name(labels);
            match &labelled {
                Some((name, value, _)) => labels.with(name, value),
                None => labels,
            }
        };
        let is_wanted = |i: usize| labelled.as_ref().is_none_or(|(_, _, at)| at[i]);
        for native in &found.native {
            self.budget.check()?;
            let mut row = Row::empty(target(&native.labels), true, steps.count);
            for (i, h) in native.histograms.iter().filter(|(i, _)| is_wanted(*i)) {
                let (value, advice) = of_native(measure, *i, h);
                row.set(*i, Point::Float(value));
                if let Some(advice) = advice {
                    self.note_advice(advice, self.noted_name(&native.labels), span);
                }
            }
            out.add(row)?;
        }
        for classic in &mut found.classic {
            self.budget.check()?;
            let mut row = Row::empty(target(&classic.labels), true, steps.count);
            row.drop_name |= classic.drop_name;
            for i in (0..steps.count).filter(|i| is_wanted(*i)) {
                let counts = classic.at(i);
                if counts.is_empty() {
                    continue;
                }
                let (value, lifted) = of_classic(measure, i, &counts);
                row.set(i, Point::Float(value));
                if let Some(lifted) = lifted
                    && !std::mem::replace(&mut classic.told[i], true)
                {
                    let forced = Forced {
                        t_ms: (steps.at(i), steps.at(i)),
                        buckets: (lifted.first, lifted.last),
                        largest: lifted.largest,
                        count: 1,
                    };
                    self.notes.info_forced(span, forced_message(self.noted_name(&classic.labels)), forced);
                }
            }
            out.add(row)?;
        }
        Ok(())
    }

    fn note_advice(&self, advice: Advice, metric: &str, span: Span) {
        let message = match advice {
            Advice::ResultIsNan => "input to histogram_quantile has NaN observations, result is NaN",
            Advice::ResultIsSkewed => {
                "input to histogram_quantile has NaN observations, result is skewed higher"
            }
            Advice::FractionExcludesNan => {
                "input to histogram_fraction has NaN observations, which are excluded from all fractions"
            }
        };
        self.notes.info(span, format!("{message}{}", of_metric(metric)));
    }
}

fn forced_message(metric: &str) -> String {
    format!(
        "input to histogram_quantile needed to be fixed for monotonicity (see \
         https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){}",
        of_metric(metric)
    )
}

fn of_native(measure: Measure<'_>, step: usize, h: &Arc<Histogram>) -> (f64, Option<Advice>) {
    match measure {
        Measure::Quantile(qs) => histogram::quantile(qs[step], h),
        Measure::Fraction(lower, upper) => histogram::fraction(lower[step], upper[step], h),
    }
}

fn of_classic(measure: Measure<'_>, step: usize, counts: &[ClassicBucket]) -> (f64, Option<buckets::Lifted>) {
    match measure {
        Measure::Quantile(qs) => buckets::quantile(qs[step], counts),
        Measure::Fraction(lower, upper) => (buckets::fraction(lower[step], upper[step], counts), None),
    }
}
