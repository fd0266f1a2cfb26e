//! What both versions share: checks of a series, and what a request comes to.

use std::collections::{BTreeMap, HashMap};

use console_model::{
    Labels,
    labels::METRIC_NAME,
    metric::{MetricKind, MetricMetadata, Sample},
};
use console_storage::metrics::SeriesBatch;

use super::wire::{Field, Fields, WireError};
use crate::{
    limits::IngestLimits,
    refusal::{Refusal, RefusalKind, Refused},
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

/// Field numbers of a `TimeSeries`; samples are 2 in both versions.
#[derive(Clone, Copy)]
pub struct Numbers {
    pub exemplars: u64,
    pub histograms: u64,
}

/// Items of one series, counted without decoding them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub samples: u64,
    pub exemplars: u64,
    pub histograms: u64,
}

impl Tally {
    pub fn of(series: &[u8], numbers: Numbers) -> Self {
        let mut tally = Self::default();
        for field in Fields::of(series).map_while(Result::ok) {
            match field.number {
                2 => tally.samples += 1,
                n if n == numbers.exemplars => tally.exemplars += 1,
                n if n == numbers.histograms => tally.histograms += 1,
                _ => {}
            }
        }
        tally
    }
}

/// What a request comes to.
#[derive(Debug, Default)]
pub struct Collected {
    pub batches: Vec<SeriesBatch>,
    pub metadata: BTreeMap<String, MetricMetadata>,
    pub refused: Refused,
    /// Exemplars, which are not kept, and no reason to refuse anything.
    pub exemplars: u64,
    items: u64,
    index: HashMap<Labels, usize>,
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
    pub fn take(&mut self, tally: Tally, read: Result<(Labels, Vec<Sample>), Problem>) {
        self.exemplars += tally.exemplars;
        let (labels, mut samples) = match read {
            Ok(read) => read,
            Err(e) => {
                return self.refused.add((tally.samples + tally.histograms).max(1), e.reason, || e.message);
            }
        };
        self.refused.add(tally.histograms, "native_histogram", || {
            format!("series {labels}: native histograms are not supported")
        });
        if samples.is_empty() {
            return;
        }
        if let Some(at) = self.index.get(&labels) {
            self.batches[*at].samples.append(&mut samples);
        } else {
            self.index.insert(labels.clone(), self.batches.len());
            self.batches.push(SeriesBatch::floats(labels, samples));
        }
    }

    /// Keeps what is said of a metric; the last word counts.
    pub fn describe(&mut self, metric: &str, kind: u64, help: &str, unit: &str) {
        let help = &help[..help.floor_char_boundary(MAX_HELP_BYTES)];
        let (metric, help, unit) = (metric.to_owned(), help.to_owned(), unit.to_owned());
        let described = MetricMetadata { metric: metric.clone(), kind: metric_kind(kind), help, unit };
        self.metadata.insert(metric, described);
    }

    /// Samples of every series in order of time, as stores want them.
    pub fn sorted(mut self) -> Self {
        for batch in &mut self.batches {
            batch.samples.sort_by_key(|s| s.t_ms);
        }
        self
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
