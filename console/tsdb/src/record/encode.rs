//! What a write brings as a record of columns, in one pass over its series.

use console_blockkit::record::{Writer, seal, seal_as_is};
use console_model::metric::Sample;

use super::{COLUMNS, SeriesEntry, VERSION, fields, values::ValueWriter};
use crate::chunk::histogram;

/// What few series have: how many, and their fields.
#[derive(Default)]
struct Rare {
    count: u64,
    /// The place of the one before.
    last: u64,
    out: Writer,
}

impl Rare {
    fn at(&mut self, place: u64) -> &mut Writer {
        self.out.uint(place - self.last);
        self.last = place;
        self.count += 1;
        &mut self.out
    }
}

/// Numbers of series that rise by one.
#[derive(Default)]
struct Numbers {
    start: u32,
    length: u32,
    /// The number after the run before.
    after: i64,
    out: Writer,
}

impl Numbers {
    #[inline]
    fn push(&mut self, number: u32) {
        if self.length > 0 && self.start.checked_add(self.length) == Some(number) {
            self.length += 1;
            return;
        }
        self.end_run();
        (self.start, self.length) = (number, 1);
    }

    fn end_run(&mut self) {
        if self.length > 0 {
            self.out.int(i64::from(self.start) - self.after);
            self.out.uint(u64::from(self.length));
            self.after = i64::from(self.start) + i64::from(self.length);
        }
    }
}

/// Equal numbers.
#[derive(Default)]
struct Runs {
    value: i64,
    length: u64,
    out: Writer,
}

impl Runs {
    #[inline]
    fn push(&mut self, value: i64) {
        if value != self.value {
            self.end_run();
            (self.value, self.length) = (value, 0);
        }
        self.length += 1;
    }

    /// Whether there is but one run, or none.
    fn is_always(&self, value: i64) -> bool {
        self.out.bytes.is_empty() && (self.length == 0 || self.value == value)
    }

    fn end_run(&mut self) {
        if self.length > 0 {
            self.out.uint(self.length);
            self.out.int(self.value);
        }
    }
}

struct Encoder {
    base_ms: i64,
    places: u64,
    numbers: Numbers,
    /// Of samples of each series.
    counts: Runs,
    /// Against the sample before.
    times: Runs,
    values: ValueWriter,
    declared: Rare,
    histograms: Rare,
    exemplars: Rare,
}

impl Encoder {
    #[inline]
    fn sample(&mut self, sample: Sample, before_ms: i64) {
        self.times.push(sample.t_ms.wrapping_sub(before_ms));
        self.values.push(sample.v);
    }

    #[inline]
    fn push(&mut self, series: &SeriesEntry<'_>) {
        self.numbers.push(series.number);
        self.counts.push(series.samples.len() as i64);
        let mut before = self.base_ms;
        for sample in series.samples {
            self.sample(*sample, before);
            before = sample.t_ms;
        }
        if let Some(labels) = series.labels {
            let mut all = Writer::default();
            fields::write_labels(&mut all, labels);
            self.declared.at(self.places).blob(&all.bytes);
        }
        if let Some(newest) = series.histograms.iter().map(|h| h.t_ms).max() {
            let w = self.histograms.at(self.places);
            w.uint(series.histograms.len() as u64);
            w.int(newest.wrapping_sub(self.base_ms));
            w.blob(&histogram::encode(series.histograms));
        }
        if !series.exemplars.is_empty() {
            let mut all = Writer::default();
            fields::write_exemplars(&mut all, series.exemplars, self.base_ms);
            let w = self.exemplars.at(self.places);
            w.uint(series.exemplars.len() as u64);
            w.blob(&all.bytes);
        }
        self.places += 1;
    }

    fn text(&self) -> Vec<u8> {
        let parts = [&self.declared, &self.exemplars];
        if parts.iter().all(|p| p.count == 0) {
            return Vec::new();
        }
        let mut w = Writer::default();
        for part in parts {
            w.uint(part.count);
            w.raw(&part.out.bytes);
        }
        seal(VERSION, &w.bytes)
    }

    fn finish(mut self) -> Vec<u8> {
        self.numbers.end_run();
        self.times.end_run();
        let one_each = self.counts.is_always(1);
        self.counts.end_run();
        let text = self.text();
        let known = self.values.bytes.len() + text.len() + self.histograms.out.bytes.len();
        let mut w = Writer { bytes: Vec::with_capacity(known + 256) };
        w.u8(COLUMNS);
        w.int(self.base_ms);
        w.blob(&text);
        w.uint(self.histograms.count);
        w.raw(&self.histograms.out.bytes);
        w.uint(self.places);
        w.raw(&self.numbers.out.bytes);
        w.u8(u8::from(!one_each));
        if !one_each {
            w.raw(&self.counts.out.bytes);
        }
        w.raw(&self.times.out.bytes);
        w.raw(&self.values.bytes);
        seal_as_is(VERSION, &w.bytes)
    }
}

/// A sealed record. `base_ms`: a time near those of the samples.
pub fn encode_series<'a>(series: impl Iterator<Item = SeriesEntry<'a>>, base_ms: i64) -> Vec<u8> {
    let mut encoder = Encoder {
        base_ms,
        places: 0,
        numbers: Numbers::default(),
        counts: Runs::default(),
        times: Runs::default(),
        values: ValueWriter::with_capacity(series.size_hint().0),
        declared: Rare::default(),
        histograms: Rare::default(),
        exemplars: Rare::default(),
    };
    series.for_each(|s| encoder.push(&s));
    encoder.finish()
}
