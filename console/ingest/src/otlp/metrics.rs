//! OTLP data points to Prometheus series.
//!
//! Gauges, sums, explicit histograms (classic buckets) and summaries are mapped as OpenTelemetry's "Prometheus and
//! OpenMetrics compatibility" says, exponential histograms become native ones. Deltas are added up. Exemplars of
//! cumulative points are kept; scopes add no labels.

use console_model::{
    Labels,
    metric::{self, HistogramSample, MetricKind, Sample, stale_nan},
    span::Attributes,
};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric,
        NumberDataPoint, SummaryDataPoint, exemplar, metric::Data, number_data_point::Value,
    },
};

use super::{
    exponential,
    name::{NameKind, label_name, metric_name},
    points::{Points, Target, Temporality, check_labels},
    resource::Origin,
    value::{ItemError, attributes, number, text, time_ns},
};
use crate::{
    limits::{IngestLimits, MAX_EXEMPLAR_CHARS},
    refusal::{Refusal, Refused},
};

/// `DataPointFlags.NO_RECORDED_VALUE_MASK`: the series ends here.
const NO_RECORDED_VALUE: u32 = 1;

/// Of one data point.
const MAX_EXEMPLARS: usize = 100;

type Checked<T> = Result<T, ItemError>;

/// The series of a request, and the data points that were refused.
pub fn map(
    request: ExportMetricsServiceRequest,
    limits: &IngestLimits,
) -> Result<(Points, Refused), Refusal> {
    let metrics = request.resource_metrics.iter().flat_map(|r| &r.scope_metrics).flat_map(|s| &s.metrics);
    super::check_total("data points", metrics.map(data_points).sum(), limits)?;
    let mut points = Points::default();
    let mut refused = Refused::default();
    for resource_metrics in request.resource_metrics {
        let all = resource_metrics.scope_metrics.into_iter().flat_map(|s| s.metrics);
        match Origin::resource(resource_metrics.resource, limits) {
            Ok(origin) => {
                let mut writer =
                    Writer { target: Target::of(&origin), limits, points: &mut points, latest_ms: None };
                all.for_each(|metric| writer.metric(metric, &mut refused));
                writer.target_info();
            }
            Err(e) => {
                let count = all.map(|m| data_points(&m) as u64).sum();
                refused.add(count, e.reason, || e.message);
            }
        }
    }
    points.sort();
    Ok((points, refused))
}

fn data_points(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(Data::Gauge(g)) => g.data_points.len(),
        Some(Data::Sum(s)) => s.data_points.len(),
        Some(Data::Histogram(h)) => h.data_points.len(),
        Some(Data::ExponentialHistogram(h)) => h.data_points.len(),
        Some(Data::Summary(s)) => s.data_points.len(),
    }
}

struct Writer<'a> {
    target: Target,
    limits: &'a IngestLimits,
    points: &'a mut Points,
    latest_ms: Option<i64>,
}

impl Writer<'_> {
    fn metric(&mut self, metric: Metric, refused: &mut Refused) {
        let count = data_points(&metric) as u64;
        let label = format!("metric {:?}", metric.name.chars().take(128).collect::<String>());
        let Metric { name, description, unit, data, .. } = metric;
        let Some(data) = data else { return };
        let (name_kind, kind) = match &data {
            Data::Gauge(_) => (NameKind::Gauge, MetricKind::Gauge),
            Data::Sum(s) if s.is_monotonic => (NameKind::Counter, MetricKind::Counter),
            Data::Sum(_) => (NameKind::Other, MetricKind::Gauge),
            Data::Histogram(_) | Data::ExponentialHistogram(_) => (NameKind::Other, MetricKind::Histogram),
            Data::Summary(_) => (NameKind::Other, MetricKind::Summary),
        };
        let name = metric_name(&name, &unit, name_kind)
            .ok_or_else(|| ItemError::new("invalid_name", "metric name has no letter or digit"));
        let over = match &data {
            Data::Gauge(_) | Data::Summary(_) => Ok(Temporality::Cumulative),
            Data::Sum(s) => temporality(s.aggregation_temporality),
            Data::Histogram(h) => temporality(h.aggregation_temporality),
            Data::ExponentialHistogram(h) => temporality(h.aggregation_temporality),
        };
        let (name, over) = match name.and_then(|name| Ok((name, over?))) {
            Ok(both) => both,
            Err(e) => return refused.add(count, e.reason, || e.of(&label).message),
        };
        self.points.describe(&name, kind, &description, &unit);
        let mut note = |result: Checked<()>| {
            if let Err(e) = result {
                refused.add(1, e.reason, || e.of(&label).message);
            }
        };
        match data {
            Data::Gauge(g) => g.data_points.into_iter().for_each(|p| note(self.number(&name, over, p))),
            Data::Sum(s) => s.data_points.into_iter().for_each(|p| note(self.number(&name, over, p))),
            Data::Histogram(h) => {
                h.data_points.into_iter().for_each(|p| note(self.histogram(&name, over, p)));
            }
            Data::Summary(s) => s.data_points.into_iter().for_each(|p| note(self.summary(&name, p))),
            Data::ExponentialHistogram(h) => {
                h.data_points.into_iter().for_each(|p| note(self.exponential(&name, over, p)));
            }
        }
    }

    fn number(&mut self, name: &str, over: Temporality, point: NumberDataPoint) -> Checked<()> {
        let v = match point.value {
            _ if point.flags & NO_RECORDED_VALUE != 0 => stale_nan(),
            Some(Value::AsDouble(v)) => plain(v),
            Some(Value::AsInt(v)) => v as f64,
            None => return Err(ItemError::new("invalid_value", "data point has neither asDouble nor asInt")),
        };
        let (t_ms, attributes) = self.common(point.time_unix_nano, point.attributes)?;
        self.put(over, t_ms, &attributes, &[(name, None, v)])?;
        if over == Temporality::Cumulative && !point.exemplars.is_empty() {
            let labels = self.target.labels(name, &attributes, &[]);
            self.exemplars(point.exemplars, |_| labels.clone());
        }
        Ok(())
    }

    fn exponential(
        &mut self,
        name: &str,
        over: Temporality,
        point: ExponentialHistogramDataPoint,
    ) -> Checked<()> {
        let stale = point.flags & NO_RECORDED_VALUE != 0;
        let h = exponential::native(&point, stale, self.limits.max_buckets)?;
        let (t_ms, attributes) = self.common(point.time_unix_nano, point.attributes)?;
        let labels = self.target.labels(name, &attributes, &[]);
        check_labels(&labels, self.limits.max_labels)?;
        self.points.push_histogram(over, labels.clone(), HistogramSample { t_ms, h: h.into() });
        self.latest_ms = self.latest_ms.max(Some(t_ms));
        if over == Temporality::Cumulative {
            self.exemplars(point.exemplars, |_| labels.clone());
        }
        Ok(())
    }

    /// Keeps exemplars with the series that `of` names for their values. One that cannot be kept is no reason to refuse
    /// its point.
    fn exemplars(&mut self, given: Vec<Exemplar>, of: impl Fn(f64) -> Labels) {
        for exemplar in given.into_iter().take(MAX_EXEMPLARS) {
            if let Some(exemplar) = read_exemplar(exemplar, self.limits) {
                self.points.push_exemplar(of(exemplar.value), exemplar);
            }
        }
    }

    /// `_bucket` with running totals, `_count`, and `_sum` where the sender has one.
    fn histogram(&mut self, name: &str, over: Temporality, point: HistogramDataPoint) -> Checked<()> {
        let (t_ms, attributes) = self.common(point.time_unix_nano, point.attributes)?;
        let stale = point.flags & NO_RECORDED_VALUE != 0;
        let value = |v: f64| if stale { stale_nan() } else { plain(v) };
        let (bounds, counts) = (&point.explicit_bounds, &point.bucket_counts);
        if !stale {
            check_buckets(bounds, counts, point.count, self.limits.max_buckets)?;
        }
        let (bucket, sum, count) = (format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count"));
        let mut series = Vec::with_capacity(bounds.len() + 3);
        let mut running = 0u64;
        for (bound, n) in bounds.iter().zip(counts) {
            running += n;
            series.push((&*bucket, Some(("le", number(*bound))), value(running as f64)));
        }
        series.push((&*bucket, Some(("le", "+Inf".to_owned())), value(point.count as f64)));
        series.extend(point.sum.map(|v| (&*sum, None, value(v))));
        series.push((&*count, None, value(point.count as f64)));
        self.put(over, t_ms, &attributes, &series)?;
        if over == Temporality::Cumulative && !point.exemplars.is_empty() {
            // Each goes with the bucket that counts it.
            let le = |v: f64| bounds.iter().find(|b| v <= **b).map_or("+Inf".to_owned(), |b| number(*b));
            let all: Vec<(String, Labels)> = bounds
                .iter()
                .map(|b| number(*b))
                .chain(["+Inf".to_owned()])
                .map(|le| (le.clone(), self.target.labels(&bucket, &attributes, &[("le", &le)])))
                .collect();
            let of = |v: f64| {
                let le = le(v);
                all.iter()
                    .find(|(bound, _)| *bound == le)
                    .map(|(_, labels)| labels.clone())
                    .unwrap_or_default()
            };
            self.exemplars(point.exemplars, of);
        }
        Ok(())
    }

    fn summary(&mut self, name: &str, point: SummaryDataPoint) -> Checked<()> {
        let (t_ms, attributes) = self.common(point.time_unix_nano, point.attributes)?;
        let stale = point.flags & NO_RECORDED_VALUE != 0;
        let value = |v: f64| if stale { stale_nan() } else { plain(v) };
        let max = self.limits.max_buckets;
        if point.quantile_values.len() > max {
            return Err(ItemError::new(
                "too_many_buckets",
                format!("more quantiles than max_buckets ({max})"),
            ));
        }
        let (sum, count) = (format!("{name}_sum"), format!("{name}_count"));
        let quantile = |q: f64| Some(("quantile", number(q)));
        let mut series: Vec<_> =
            point.quantile_values.iter().map(|q| (name, quantile(q.quantile), value(q.value))).collect();
        series.push((&*sum, None, value(point.sum)));
        series.push((&*count, None, value(point.count as f64)));
        self.put(Temporality::Cumulative, t_ms, &attributes, &series)
    }

    fn common(&self, time_unix_nano: u64, given: Vec<KeyValue>) -> Checked<(i64, Attributes)> {
        let t_ms = time_ns("timeUnixNano", time_unix_nano)? / 1_000_000;
        if t_ms == 0 {
            return Err(ItemError::new("invalid_timestamp", "timeUnixNano is missing"));
        }
        Ok((t_ms, attributes("data point", given, self.limits.max_attributes)?))
    }

    /// All series of one data point, or none.
    fn put(
        &mut self,
        over: Temporality,
        t_ms: i64,
        attributes: &Attributes,
        series: &[(&str, Option<(&str, String)>, f64)],
    ) -> Checked<()> {
        let mut ready = Vec::with_capacity(series.len());
        for (name, extra, v) in series {
            let extra: Vec<(&str, &str)> = extra.iter().map(|(k, v)| (*k, &**v)).collect();
            let labels = self.target.labels(name, attributes, &extra);
            check_labels(&labels, self.limits.max_labels)?;
            ready.push((labels, Sample { t_ms, v: *v }));
        }
        for (labels, sample) in ready {
            self.points.push(over, labels, sample);
        }
        self.latest_ms = self.latest_ms.max(Some(t_ms));
        Ok(())
    }

    fn target_info(&mut self) {
        let (Some(labels), Some(t_ms)) = (self.target.info().cloned(), self.latest_ms) else { return };
        if check_labels(&labels, self.limits.max_labels).is_ok() {
            self.points.describe("target_info", MetricKind::Gauge, "Target metadata", "");
            self.points.push(Temporality::Cumulative, labels, Sample { t_ms, v: 1.0 });
        }
    }
}

/// An exemplar with its trace, span and filtered attributes; none where it has no value or too much to say.
fn read_exemplar(given: Exemplar, limits: &IngestLimits) -> Option<metric::Exemplar> {
    let value = match given.value? {
        exemplar::Value::AsDouble(v) => v,
        exemplar::Value::AsInt(v) => v as f64,
    };
    let t_ms = time_ns("timeUnixNano", given.time_unix_nano).ok()? / 1_000_000;
    let attributes = attributes("exemplar", given.filtered_attributes, limits.max_attributes).ok()?;
    let ids = [("trace_id", &given.trace_id, 16), ("span_id", &given.span_id, 8)];
    let mut labels: Vec<(String, String)> = ids
        .into_iter()
        .filter(|(_, id, length)| id.len() == *length && id.iter().any(|b| *b != 0))
        .map(|(name, id, _)| (name.to_owned(), hex::encode(id)))
        .collect();
    // Attributes that do not fit beside the ids are left out (see [`MAX_EXEMPLAR_CHARS`]).
    let size = |pair: &(String, String)| pair.0.chars().count() + pair.1.chars().count();
    let mut room = MAX_EXEMPLAR_CHARS.checked_sub(labels.iter().map(size).sum())?;
    for (key, value) in &attributes {
        let pair = (label_name(key), text(value));
        if let Some(left) = room.checked_sub(size(&pair)) {
            room = left;
            labels.push(pair);
        }
    }
    Some(metric::Exemplar { labels: Labels::from_pairs(labels), value, t_ms })
}

/// No sent NaN may pass for a staleness marker.
fn plain(v: f64) -> f64 {
    if v.is_nan() { f64::NAN } else { v }
}

fn temporality(given: i32) -> Checked<Temporality> {
    match AggregationTemporality::try_from(given) {
        Ok(AggregationTemporality::Cumulative) => Ok(Temporality::Cumulative),
        Ok(AggregationTemporality::Delta) => Ok(Temporality::Delta),
        Ok(AggregationTemporality::Unspecified) | Err(_) => {
            let message = format!("aggregationTemporality {given} is neither delta (1) nor cumulative (2)");
            Err(ItemError::new("invalid_temporality", message))
        }
    }
}

fn check_buckets(bounds: &[f64], counts: &[u64], count: u64, max: usize) -> Checked<()> {
    let invalid = |message: String| Err(ItemError::new("invalid_histogram", message));
    if counts.len() > max {
        let message = format!("{} buckets, more than max_buckets ({max})", counts.len());
        return Err(ItemError::new("too_many_buckets", message));
    }
    if counts.is_empty() && bounds.is_empty() {
        return Ok(());
    }
    if counts.len() != bounds.len() + 1 {
        return invalid(format!("{} bucketCounts for {} explicitBounds", counts.len(), bounds.len()));
    }
    if bounds.iter().any(|b| !b.is_finite()) || bounds.windows(2).any(|w| w[0] >= w[1]) {
        return invalid("explicitBounds must be finite and rising".to_owned());
    }
    let total = counts.iter().try_fold(0u64, |sum, n| sum.checked_add(*n));
    if total != Some(count) {
        return invalid(format!("bucketCounts do not add up to count ({count})"));
    }
    Ok(())
}
