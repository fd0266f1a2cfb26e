//! Rate, errors, duration and size of spans by service, name, kind and status.

use std::{collections::HashMap, sync::Arc};

use console_model::{Labels, labels::Label};
use foldhash::fast::RandomState;

use crate::{
    batch::Batch,
    config::{SpanMetricsConfig, label_name},
    histogram::{Example, Histogram},
    names::{CALLS, LATENCY, OVERFLOW_LABEL, OVERFLOW_NAME, SIZE, SPAN_LABELS},
    own::OwnMetrics,
    series::{Namer, label},
    sink::Sink,
    table::{Found, Table, Values},
};

/// What one label set counts.
struct SpanValues {
    calls: u64,
    size_bytes: u64,
    latency: Histogram,
}

/// Series before those of the histogram.
const COUNTERS: usize = 2;

impl Values for SpanValues {
    fn each(&self, take: &mut dyn FnMut(f64)) {
        take(self.calls as f64);
        take(self.size_bytes as f64);
        self.latency.values().for_each(take);
    }

    fn examples(&mut self, take: &mut dyn FnMut(usize, &mut Option<Example>)) {
        self.latency.examples().iter_mut().enumerate().for_each(|(n, example)| take(COUNTERS + n, example));
    }
}

/// How many label sets each span name of each service has.
type Names = HashMap<Box<str>, HashMap<Box<str>, usize, RandomState>, RandomState>;

pub(crate) struct SpanTable {
    bounds: Arc<[f64]>,
    max_names: usize,
    /// Of the dimensions, as labels.
    dimensions: Vec<Arc<str>>,
    namer: Namer,
    table: Table<SpanValues>,
    names: Names,
    own: OwnMetrics,
    /// Used again and again.
    key: Vec<u8>,
}

impl SpanTable {
    pub fn new(config: &SpanMetricsConfig, own: OwnMetrics) -> Self {
        Self {
            bounds: config.buckets.clone().into(),
            max_names: config.max_span_names,
            dimensions: config.dimensions.iter().map(|key| label_name(key).into()).collect(),
            namer: Namer::new(&config.buckets),
            table: Table::new(config.max_span_sets()),
            names: Names::default(),
            own,
            key: Vec::new(),
        }
    }

    /// Counts a record of a batch. `zero_ms` is after the last flush.
    pub fn count(&mut self, batch: &Batch, record: usize, zero_ms: i64, now_ms: i64) {
        let place = self.place(batch, record, zero_ms);
        let record = &batch.records[record];
        let Some(values) = self.table.touch(place, now_ms) else { return };
        values.calls += 1;
        values.size_bytes += record.size_bytes;
        let example = Example {
            trace_id: record.trace_id,
            span_id: record.span_id,
            value_s: record.duration_ns.max(0) as f64 / 1e9,
            t_ms: now_ms,
        };
        values.latency.observe(&self.bounds, example);
    }

    fn place(&mut self, batch: &Batch, record: usize, zero_ms: i64) -> usize {
        let name = batch.text(batch.records[record].name);
        self.make_key(batch, record, name);
        match self.table.find(&self.key) {
            Found::Known(place) => place,
            Found::Missing if self.has_room(batch.text(batch.records[record].service), name) => {
                self.add(batch, record, name, zero_ms)
            }
            Found::Missing => {
                self.own.over_span_names();
                self.make_key(batch, record, OVERFLOW_NAME);
                match self.table.find(&self.key) {
                    Found::Known(place) => place,
                    _ => self.add(batch, record, OVERFLOW_NAME, zero_ms),
                }
            }
            Found::Full => {
                self.own.over_spans();
                let (namer, bounds) = (&self.namer, self.bounds.len());
                self.table.overflow(zero_ms, || made(namer, bounds, &[label(OVERFLOW_LABEL, "true")]))
            }
        }
    }

    /// Fields end with a byte that no text has.
    fn make_key(&mut self, batch: &Batch, record: usize, name: &str) {
        let r = &batch.records[record];
        self.key.clear();
        for text in [batch.text(r.service), name].into_iter().chain(batch.dimensions(record)) {
            self.key.extend_from_slice(text.as_bytes());
            self.key.push(0xff);
        }
        self.key.extend([r.kind as u8, r.status as u8]);
    }

    fn has_room(&self, service: &str, name: &str) -> bool {
        self.names.get(service).is_none_or(|names| names.contains_key(name) || names.len() < self.max_names)
    }

    fn add(&mut self, batch: &Batch, record: usize, name: &str, zero_ms: i64) -> usize {
        let r = &batch.records[record];
        let service = batch.text(r.service);
        if name != OVERFLOW_NAME {
            *self.names.entry(service.into()).or_default().entry(name.into()).or_default() += 1;
        }
        let values = [service, name, r.kind.otlp_name(), r.status.otlp_name()];
        let mut labels: Vec<Label> =
            SPAN_LABELS.into_iter().zip(values).map(|(name, value)| label(name, value)).collect();
        let dimensions = self.dimensions.iter().zip(batch.dimensions(record));
        labels.extend(dimensions.map(|(name, value)| Label { name: name.clone(), value: value.into() }));
        let made = made(&self.namer, self.bounds.len(), &labels);
        self.table.add(&self.key, zero_ms, made)
    }

    pub fn flush(&mut self, sink: &mut Sink<'_>) {
        let names = &mut self.names;
        self.table.flush(sink, &mut |key| forget(names, key));
    }

    pub fn series(&self) -> usize {
        self.table.series()
    }
}

fn made(namer: &Namer, bounds: usize, labels: &[Label]) -> (Vec<Labels>, SpanValues) {
    let mut series = vec![namer.plain(CALLS, labels), namer.plain(SIZE, labels)];
    series.extend(namer.histogram(LATENCY, labels));
    (series, SpanValues { calls: 0, size_bytes: 0, latency: Histogram::new(bounds) })
}

/// A label set ended: its name may make room for another.
fn forget(names: &mut Names, key: &[u8]) {
    if key.len() == 1 {
        // That of all that did not fit.
        return;
    }
    let mut fields = key.split(|b| *b == 0xff).map(|field| std::str::from_utf8(field).unwrap_or_default());
    let (Some(service), Some(name)) = (fields.next(), fields.next()) else { return };
    let Some(of_service) = names.get_mut(service) else { return };
    if let Some(sets) = of_service.get_mut(name) {
        *sets -= 1;
        if *sets == 0 {
            of_service.remove(name);
        }
    }
    if of_service.is_empty() {
        names.remove(service);
    }
}
