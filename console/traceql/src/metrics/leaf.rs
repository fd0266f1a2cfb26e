//! One metrics function over the spans of one pipeline.

use std::collections::HashMap;

use console_model::span::{AttributeValue, Span};
use console_storage::{SourceError, trace_query::SpanExemplar};

use super::{
    buckets::{self, Buckets},
    compare::Groups,
    grid::Grid,
    math::Series,
    room::Room,
};
use crate::{
    ast::*,
    context::Context,
    error::Error,
    eval::{Compiled, attribute},
    spanset::Pipeline,
    value::Value,
};

pub struct Leaf {
    pipeline: Pipeline,
    kind: Kind,
    by: Vec<Attribute>,
    series: HashMap<Vec<(u8, String)>, Kept>,
    exemplars: usize,
}

enum Kind {
    /// Spans, or spans a second.
    Count {
        per_second: bool,
    },
    Over {
        aggregate: Aggregate,
        of: Compiled,
    },
    Quantile {
        of: Compiled,
        quantiles: Vec<f64>,
    },
    Histogram {
        of: Compiled,
    },
    Compare(Groups),
}

/// One group so far.
struct Kept {
    labels: Vec<(String, AttributeValue)>,
    /// By interval.
    numbers: Vec<f64>,
    /// By interval; only averages need them.
    counts: Vec<f64>,
    /// By interval; only quantiles need them.
    buckets: Vec<Buckets>,
    exemplars: Vec<SpanExemplar>,
}

impl Leaf {
    pub fn new(
        stages: &[Stage],
        function: &MetricsFunction,
        by: &[Attribute],
        exemplars: usize,
    ) -> Result<Self, Error> {
        let kind = match function {
            MetricsFunction::Rate => Kind::Count { per_second: true },
            MetricsFunction::CountOverTime => Kind::Count { per_second: false },
            MetricsFunction::Over { aggregate, of } => {
                Kind::Over { aggregate: *aggregate, of: Compiled::new(of)? }
            }
            MetricsFunction::Quantile { of, quantiles } => {
                Kind::Quantile { of: Compiled::new(of)?, quantiles: quantiles.clone() }
            }
            MetricsFunction::Histogram { of } => Kind::Histogram { of: Compiled::new(of)? },
            MetricsFunction::Compare(c) => Kind::Compare(Groups::new(c)?),
        };
        let pipeline = Pipeline::new(stages)?;
        Ok(Self { pipeline, kind, by: by.to_vec(), series: HashMap::new(), exemplars })
    }

    pub fn observe(&mut self, at: &Context<'_>, grid: &Grid, room: &mut Room) -> Result<(), SourceError> {
        let inside = |s: &Span| grid.interval(s.start_ns);
        for i in self.pipeline.run(at) {
            let span = &at.trace.spans[i];
            let Some(interval) = inside(span) else { continue };
            let measured = match &mut self.kind {
                Kind::Compare(groups) => {
                    groups.observe(at, i, interval, grid, room)?;
                    continue;
                }
                Kind::Count { .. } => None,
                Kind::Over { of, .. } | Kind::Quantile { of, .. } | Kind::Histogram { of } => {
                    let value = of.eval(at, i);
                    let Some(number) = value.number() else { continue };
                    Some((number, matches!(value, Value::Duration(_))))
                }
            };
            self.count(at, i, interval, measured, grid, room)?;
        }
        Ok(())
    }

    /// `measured`: a number, and whether it is nanoseconds.
    fn count(
        &mut self,
        at: &Context<'_>,
        i: usize,
        interval: usize,
        measured: Option<(f64, bool)>,
        grid: &Grid,
        room: &mut Room,
    ) -> Result<(), SourceError> {
        let values: Vec<Value<'_>> = self.by.iter().map(|a| attribute(at, a, i)).collect();
        let mut key: Vec<(u8, String)> = values.iter().map(Value::key).collect();
        let seconds = |(n, ns): (f64, bool)| if ns { n / 1e9 } else { n };
        // The bounds of durations are powers of two of nanoseconds.
        let bucket = match (&self.kind, measured) {
            (Kind::Histogram { .. }, Some((n, ns))) => {
                Some(seconds((buckets::end(buckets::exponent(n)), ns)))
            }
            _ => None,
        };
        key.extend(bucket.map(|b| (u8::MAX, b.to_string())));
        let kept = match self.series.get_mut(&key) {
            Some(kept) => kept,
            None => {
                let kept = Kept::new(&self.kind, labels(&self.by, &values, bucket), grid.count);
                room.series(kept.size() + key.iter().map(|(_, text)| text.len() / 4).sum::<usize>())?;
                self.series.entry(key).or_insert(kept)
            }
        };
        match (&self.kind, measured) {
            (Kind::Over { aggregate, .. }, Some(m)) => kept.fold(*aggregate, interval, seconds(m)),
            (Kind::Quantile { .. }, Some((n, ns))) => {
                // Durations are put into buckets as nanoseconds, and told as seconds at the end.
                kept.counts[interval] = if ns { 1e9 } else { 1.0 };
                if kept.buckets[interval].add(n) {
                    room.numbers(2)?;
                }
            }
            _ => kept.numbers[interval] += 1.0,
        }
        if kept.exemplars.len() < self.exemplars {
            let span = &at.trace.spans[i];
            let value = measured.map_or(f64::NAN, seconds);
            let (trace_id, span_id) = (span.trace_id, span.span_id);
            room.numbers(6)?;
            kept.exemplars.push(SpanExemplar { at_ns: span.start_ns, value, trace_id, span_id });
        }
        Ok(())
    }

    pub fn finish(self, grid: &Grid) -> Vec<Series> {
        let Self { kind, series, .. } = self;
        let kept = series.into_values();
        match kind {
            Kind::Compare(groups) => groups.finish(),
            Kind::Count { per_second } => {
                let per = if per_second { grid.step_seconds() } else { 1.0 };
                let name = if per_second { "rate" } else { "count_over_time" };
                kept.map(|k| k.counted(name, per, grid)).collect()
            }
            Kind::Histogram { .. } => kept.map(|k| k.counted("histogram_over_time", 1.0, grid)).collect(),
            Kind::Over { aggregate, .. } => kept.map(|k| k.folded(aggregate)).collect(),
            Kind::Quantile { quantiles, .. } => {
                kept.flat_map(|k| quantiles.iter().map(|q| k.quantile(*q)).collect::<Vec<_>>()).collect()
            }
        }
    }
}

/// By the names of the query.
fn labels(by: &[Attribute], values: &[Value<'_>], bucket: Option<f64>) -> Vec<(String, AttributeValue)> {
    let mut out: Vec<_> = by.iter().zip(values).map(|(a, v)| (a.to_string(), label_value(v))).collect();
    out.extend(bucket.map(|b| ("__bucket".to_owned(), AttributeValue::Double(b))));
    out
}

pub fn label_value(value: &Value<'_>) -> AttributeValue {
    match value {
        Value::Bool(b) => AttributeValue::Bool(*b),
        Value::Int(i) => AttributeValue::Int(*i),
        Value::Float(f) => AttributeValue::Double(*f),
        other => AttributeValue::String(other.text()),
    }
}

impl Kept {
    fn new(kind: &Kind, labels: Vec<(String, AttributeValue)>, intervals: usize) -> Self {
        let (numbers, counts, buckets) = match kind {
            Kind::Count { .. } | Kind::Histogram { .. } => (vec![0.0; intervals], vec![], vec![]),
            Kind::Over { aggregate: Aggregate::Avg, .. } => {
                (vec![f64::NAN; intervals], vec![0.0; intervals], vec![])
            }
            Kind::Over { .. } => (vec![f64::NAN; intervals], vec![], vec![]),
            Kind::Quantile { .. } => (vec![], vec![1.0; intervals], vec![Buckets::default(); intervals]),
            Kind::Compare(_) => (vec![], vec![], vec![]),
        };
        Self { labels, numbers, counts, buckets, exemplars: Vec::new() }
    }

    fn size(&self) -> usize {
        self.numbers.len() + self.counts.len() + 3 * self.buckets.len() + 4 * self.labels.len()
    }

    fn fold(&mut self, aggregate: Aggregate, interval: usize, n: f64) {
        let at = &mut self.numbers[interval];
        *at = match aggregate {
            _ if at.is_nan() => n,
            Aggregate::Min => at.min(n),
            Aggregate::Max => at.max(n),
            Aggregate::Sum | Aggregate::Avg | Aggregate::Count => *at + n,
        };
        if let Some(count) = self.counts.get_mut(interval) {
            *count += 1.0;
        }
    }

    fn named(labels: Vec<(String, AttributeValue)>, name: &str) -> Vec<(String, AttributeValue)> {
        if labels.is_empty() {
            return vec![("__name__".to_owned(), AttributeValue::String(name.to_owned()))];
        }
        labels
    }

    /// An exemplar of a count stands where the point of its interval does.
    fn counted(mut self, name: &str, per: f64, grid: &Grid) -> Series {
        for n in &mut self.numbers {
            *n /= per;
        }
        for e in &mut self.exemplars {
            if e.value.is_nan() {
                e.value = grid.interval(e.at_ns).map_or(0.0, |i| self.numbers[i]);
            }
        }
        Series { labels: Self::named(self.labels, name), values: self.numbers, exemplars: self.exemplars }
    }

    fn folded(mut self, aggregate: Aggregate) -> Series {
        for (n, count) in self.numbers.iter_mut().zip(&self.counts) {
            *n /= count;
        }
        let name = match aggregate {
            Aggregate::Min => "min_over_time",
            Aggregate::Max => "max_over_time",
            Aggregate::Avg => "avg_over_time",
            Aggregate::Sum | Aggregate::Count => "sum_over_time",
        };
        Series { labels: Self::named(self.labels, name), values: self.numbers, exemplars: self.exemplars }
    }

    fn quantile(&self, q: f64) -> Series {
        let values = self.buckets.iter().zip(&self.counts);
        let mut labels = self.labels.clone();
        labels.push(("p".to_owned(), AttributeValue::Double(q)));
        Series {
            labels,
            values: values.map(|(b, per)| b.quantile(q).map_or(f64::NAN, |v| v / per)).collect(),
            exemplars: self.exemplars.clone(),
        }
    }
}
