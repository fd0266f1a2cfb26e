//! `Histogram`: classic buckets, native ones, or both.

use console_model::histogram::{Histogram, ResetHint};

use super::{
    metric::{double, exemplar},
    walk::{At, BUCKET, Flaw, HISTOGRAM},
};
use crate::{
    native::{
        Parts,
        classic::Classic,
        wire::{deltas, doubles, span},
    },
    scrape::exposition::ExemplarText,
    wire::{Field, signed},
};

/// Exemplars of one histogram that are kept.
const MAX_EXEMPLARS: usize = 100;

pub struct Bucket<'a> {
    pub bound: f64,
    pub count: f64,
    /// None or one.
    pub exemplars: Vec<ExemplarText<'a>>,
}

/// A histogram as it is sent.
#[derive(Default)]
pub struct Message<'a> {
    /// The float where there is one.
    pub count: f64,
    pub sum: f64,
    pub buckets: Vec<Bucket<'a>>,
    count_whole: u64,
    count_float: f64,
    zero_whole: u64,
    zero_float: f64,
    native: Parts,
    exemplars: Vec<ExemplarText<'a>>,
}

impl<'a> Message<'a> {
    /// `is_native`: whether native parts are of interest.
    pub fn read(&mut self, at: At<'a>, field: Field<'a>, is_native: bool) -> Result<(), Flaw> {
        at.each(field.bytes()?, &HISTOGRAM, |field| {
            match field.number {
                1 => self.count_whole = field.varint()?,
                2 => self.sum = double(field)?,
                3 => self.buckets.push(bucket(at, field)?),
                4 => self.count_float = double(field)?,
                5..=16 if is_native => self.read_native(at, field)?,
                _ => {}
            }
            Ok(())
        })?;
        self.count = over(self.count_float, self.count_whole);
        Ok(())
    }

    fn read_native(&mut self, at: At<'a>, field: Field<'a>) -> Result<(), Flaw> {
        let Parts { positive, negative, .. } = &mut self.native;
        match field.number {
            5 => self.native.schema = signed(field.varint()?),
            6 => self.native.zero_threshold = field.double()?,
            7 => self.zero_whole = field.varint()?,
            8 => self.zero_float = double(field)?,
            9 => negative.spans.push(span(field)?),
            10 => deltas(field, negative)?,
            11 => doubles(field, &mut negative.counts)?,
            12 => positive.spans.push(span(field)?),
            13 => deltas(field, positive)?,
            14 => doubles(field, &mut positive.counts)?,
            16 if self.exemplars.len() < MAX_EXEMPLARS => self.exemplars.extend(exemplar(at, field)?),
            _ => {}
        }
        Ok(())
    }

    /// A histogram without observations has a span without buckets, to be told from a classic one.
    pub fn is_native(&self) -> bool {
        let Parts { positive, negative, zero_threshold, .. } = &self.native;
        !positive.spans.is_empty()
            || !negative.spans.is_empty()
            || *zero_threshold > 0.0
            || self.zero_whole > 0
    }

    /// The native histogram, or what is wrong with it.
    pub fn native(&mut self, reset_hint: ResetHint) -> Result<Histogram, String> {
        let mut parts = std::mem::take(&mut self.native);
        parts.is_whole = self.count_float <= 0.0 && self.zero_float <= 0.0;
        (parts.count, parts.zero_count) = if parts.is_whole {
            (self.count_whole as f64, self.zero_whole as f64)
        } else {
            (self.count_float, self.zero_float)
        };
        (parts.sum, parts.reset_hint) = (self.sum, reset_hint);
        parts.build()
    }

    /// Exemplars of the native histogram: its own, or else those of its classic buckets.
    pub fn native_exemplars(&self) -> Vec<ExemplarText<'a>> {
        if !self.exemplars.is_empty() {
            return self.exemplars.clone();
        }
        self.bucket_exemplars()
    }

    fn bucket_exemplars(&self) -> Vec<ExemplarText<'a>> {
        self.buckets.iter().flat_map(|b| &b.exemplars).take(MAX_EXEMPLARS).cloned().collect()
    }

    /// The classic buckets as a native histogram.
    pub fn converted(&self, reset_hint: ResetHint) -> Result<Histogram, String> {
        let buckets = self.buckets.iter().map(|b| (b.bound, b.count)).collect();
        Classic { buckets, count: Some(self.count), sum: self.sum }.build(reset_hint)
    }
}

fn bucket<'a>(at: At<'a>, field: Field<'a>) -> Result<Bucket<'a>, Flaw> {
    let (mut whole, mut float) = (0, 0.0);
    let mut out = Bucket { bound: 0.0, count: 0.0, exemplars: Vec::new() };
    at.each(field.bytes()?, &BUCKET, |field| {
        match field.number {
            1 => whole = field.varint()?,
            2 => out.bound = double(field)?,
            3 => out.exemplars = exemplar(at, field)?.into_iter().collect(),
            4 => float = double(field)?,
            _ => {}
        }
        Ok(())
    })?;
    out.count = over(float, whole);
    Ok(out)
}

/// A float count that is there overrides the whole one.
fn over(float: f64, whole: u64) -> f64 {
    if float != 0.0 { float } else { whole as f64 }
}
