//! What both versions share: checks of a series, and what a request comes to.

use std::{collections::BTreeMap, sync::Arc};

use console_model::{
    Labels,
    histogram::ResetHint,
    labels::METRIC_NAME,
    metric::{HistogramSample, MetricKind, MetricMetadata, Sample},
};
use console_storage::metrics::SeriesBatch;

use super::cache::{Fresh, Known, LabelCache};
use crate::{
    limits::{IngestLimits, MAX_EXEMPLAR_CHARS},
    native::{
        Parts,
        wire::{deltas, doubles, span},
    },
    refusal::{Refusal, RefusalKind, Refused},
    wire::{Field, Fields, WireError, signed},
};

/// Bytes of a help text that are kept.
const MAX_HELP_BYTES: usize = 1024;

/// Why one series was refused.
#[derive(Debug)]
pub struct Problem {
    pub reason: &'static str,
    pub message: String,
}

impl Problem {
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

impl From<WireError> for Problem {
    fn from(e: WireError) -> Self {
        Self::new("undecodable", e.to_string())
    }
}

/// Whole-request errors of the wire.
pub fn undecodable(e: WireError) -> Refusal {
    Refusal::invalid("undecodable", format!("request is not the message that Content-Type says: {e}"))
}

/// What a request is read with.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    pub limits: &'a IngestLimits,
    pub cache: &'a LabelCache,
}

/// Items of one series.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Samples and histograms.
    pub points: u64,
    pub exemplars: u64,
}

/// What a request comes to.
#[derive(Debug, Default)]
pub struct Collected {
    pub batches: Vec<SeriesBatch>,
    pub metadata: BTreeMap<String, MetricMetadata>,
    pub refused: Refused,
    /// Exemplars that could not be read.
    pub dropped_exemplars: u64,
    /// Label sets that were read for the first time.
    pub fresh: Fresh,
    items: u64,
}

impl Collected {
    /// Counts items before they cost memory.
    pub fn admit(&mut self, items: u64, limits: &IngestLimits) -> Result<(), Refusal> {
        self.items += items;
        let max = limits.max_items_per_request;
        if self.items <= max as u64 {
            return Ok(());
        }
        Err(Refusal {
            kind: RefusalKind::TooLarge,
            message: format!("more items in one request than max_items_per_request ({max})"),
            retry_after_s: None,
            reason: "too_many_items",
        })
    }

    /// Takes a checked series, or counts why not.
    pub fn take(&mut self, tally: Tally, read: Result<SeriesBatch, Problem>) {
        match read {
            Ok(mut batch) => {
                // As stores want them; senders mostly send them so.
                if !batch.samples.is_sorted_by_key(|s| s.t_ms) {
                    batch.samples.sort_by_key(|s| s.t_ms);
                }
                if !batch.histograms.is_sorted_by_key(|h| h.t_ms) {
                    batch.histograms.sort_by_key(|h| h.t_ms);
                }
                if batch.points() > 0 || !batch.exemplars.is_empty() {
                    self.batches.push(batch);
                }
            }
            Err(e) => self.refused.add(tally.points.max(1), e.reason, || e.message),
        }
    }

    /// An exemplar that cannot be kept is no reason to refuse its series.
    pub fn refused_exemplar(&mut self, problem: Problem) {
        self.dropped_exemplars += 1;
        tracing::debug!(reason = problem.reason, message = problem.message, "exemplar is not kept");
    }

    /// The labels under `key`, read by `read` where they are not known.
    pub fn labels(
        &mut self,
        key: &[u8],
        known: &mut Known<'_>,
        read: impl FnOnce() -> Result<Labels, Problem>,
    ) -> Result<Labels, Problem> {
        if let Some(labels) = known.get(key, &mut self.fresh) {
            return Ok(labels);
        }
        let labels = read()?;
        self.fresh.push((key.into(), labels.clone()));
        Ok(labels)
    }

    /// Keeps what is said of a metric; the last word counts.
    pub fn describe(&mut self, metric: &str, kind: u64, help: &str, unit: &str) {
        let help = &help[..help.floor_char_boundary(MAX_HELP_BYTES)];
        let (metric, help, unit) = (metric.to_owned(), help.to_owned(), unit.to_owned());
        let described = MetricMetadata { metric: metric.clone(), kind: metric_kind(kind), help, unit };
        self.metadata.insert(metric, described);
    }
}

/// The same numbers in both versions.
pub fn metric_kind(number: u64) -> MetricKind {
    match number {
        1 => MetricKind::Counter,
        2 => MetricKind::Gauge,
        3 => MetricKind::Histogram,
        4 => MetricKind::GaugeHistogram,
        5 => MetricKind::Summary,
        6 => MetricKind::Info,
        7 => MetricKind::StateSet,
        _ => MetricKind::Unknown,
    }
}

/// `Sample` of both versions.
pub fn sample(field: Field<'_>) -> Result<Sample, Problem> {
    let mut sample = Sample { t_ms: 0, v: 0.0 };
    for field in Fields::of(field.bytes()?) {
        let field = field?;
        match field.number {
            1 => sample.v = field.double()?,
            2 => sample.t_ms = field.varint()?.cast_signed(),
            _ => {}
        }
    }
    Ok(sample)
}

/// `Histogram` of both versions.
pub fn histogram(field: Field<'_>, labels: &Labels) -> Result<HistogramSample, Problem> {
    let (mut parts, mut t_ms) = (Parts::default(), 0);
    for field in Fields::of(field.bytes()?) {
        let field = field?;
        match field.number {
            1 => (parts.count, parts.is_whole) = (field.varint()? as f64, true),
            2 => parts.count = field.double()?,
            3 => parts.sum = field.double()?,
            4 => parts.schema = signed(field.varint()?),
            5 => parts.zero_threshold = field.double()?,
            6 => parts.zero_count = field.varint()? as f64,
            7 => parts.zero_count = field.double()?,
            8 => parts.negative.spans.push(span(field)?),
            9 => deltas(field, &mut parts.negative)?,
            10 => doubles(field, &mut parts.negative.counts)?,
            11 => parts.positive.spans.push(span(field)?),
            12 => deltas(field, &mut parts.positive)?,
            13 => doubles(field, &mut parts.positive.counts)?,
            14 => {
                parts.reset_hint = match field.varint()? {
                    1 => ResetHint::Reset,
                    2 => ResetHint::NotReset,
                    3 => ResetHint::Gauge,
                    _ => ResetHint::Unknown,
                }
            }
            15 => t_ms = field.varint()?.cast_signed(),
            16 => doubles(field, &mut parts.custom_values)?,
            _ => {}
        }
    }
    // A histogram without observations may leave the count out.
    parts.is_whole |=
        parts.positive.counts.is_empty() && parts.negative.counts.is_empty() && parts.count == 0.0;
    let h = parts.build().map_err(|e| {
        Problem::new("invalid_histogram", format!("series {labels}: native histogram at {t_ms}: {e}"))
    })?;
    Ok(HistogramSample { t_ms, h: Arc::new(h) })
}

/// Labels of an exemplar: unlike a series' they have no metric's name, and may be none.
pub fn exemplar_labels(pairs: &[(&str, &str)], limits: &IngestLimits) -> Result<Labels, Problem> {
    let chars: usize = pairs.iter().map(|(n, v)| n.chars().count() + v.chars().count()).sum();
    if pairs.len() > limits.max_labels || chars > MAX_EXEMPLAR_CHARS {
        return Err(Problem::new("exemplar_too_long", "labels of an exemplar are over the limit"));
    }
    Ok(Labels::from_pairs(pairs.iter().copied()))
}

/// Names are there and unique, and one is the metric's. An empty value means that the label is absent. The
/// specifications ask for sorted labels; as Prometheus does, unsorted ones are taken too.
pub fn labels(pairs: &[(&str, &str)], limits: &IngestLimits) -> Result<Labels, Problem> {
    let max = limits.max_labels;
    let metric = pairs.iter().find(|(name, _)| *name == METRIC_NAME).map_or("", |(_, value)| *value);
    let series = || format!("series of metric {:?}", metric.chars().take(128).collect::<String>());
    if pairs.len() > max {
        let message = format!("{}: more labels than max_labels ({max})", series());
        return Err(Problem::new("too_many_labels", message));
    }
    if pairs.iter().any(|(name, _)| name.is_empty()) {
        return Err(Problem::new("invalid_labels", format!("{}: empty label name", series())));
    }
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|w| w[0] == w[1]) {
        let name: String = pair[0].chars().take(128).collect();
        return Err(Problem::new("invalid_labels", format!("{}: label {name:?} is there twice", series())));
    }
    if metric.is_empty() {
        return Err(Problem::new("invalid_labels", format!("series has no label {METRIC_NAME}")));
    }
    Ok(Labels::from_pairs(pairs.iter().copied()))
}
