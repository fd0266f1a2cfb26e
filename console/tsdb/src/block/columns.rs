//! The two columns of a batch.

use console_model::metric::Sample;
use pco::{ChunkConfig, DeltaSpec, standalone};

use super::BlockError;

/// Samples after which a batch is closed.
pub(super) const SAMPLES_PER_BATCH: usize = 16_384;

/// A batch being filled.
#[derive(Default)]
pub(super) struct BatchBuilder {
    times: Vec<i64>,
    values: Vec<f64>,
}

impl BatchBuilder {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Appends a run: samples of one series in order of time.
    pub fn push(&mut self, samples: &[Sample]) {
        let (mut last, mut delta) = (0i64, 0i64);
        for (i, s) in samples.iter().enumerate() {
            let next = s.t_ms.wrapping_sub(last);
            self.times.push(if i == 0 { next } else { next.wrapping_sub(delta) });
            delta = if i == 0 { 0 } else { next };
            last = s.t_ms;
        }
        self.values.extend(samples.iter().map(|s| s.v));
    }

    pub fn encode(&self) -> Result<Vec<u8>, BlockError> {
        let failed = |e: pco::errors::PcoError| BlockError::Compress(e.to_string());
        let plain = ChunkConfig::default().with_delta_spec(DeltaSpec::NoOp);
        let times = standalone::simple_compress(&self.times, &plain).map_err(failed)?;
        let values = standalone::simple_compress(&self.values, &ChunkConfig::default()).map_err(failed)?;
        let mut out = Vec::with_capacity(4 + times.len() + values.len());
        out.extend_from_slice(&(times.len() as u32).to_le_bytes());
        out.extend_from_slice(&times);
        out.extend_from_slice(&values);
        Ok(out)
    }
}

/// Stands for a difference that is in the list of large ones.
const LARGE: i16 = i16::MIN;

/// A batch as read; its times are still differences. Nearly all of them are small: a cache holds more batches so.
#[derive(Debug)]
pub struct Batch {
    times: Vec<i16>,
    /// By rising place.
    large_times: Vec<(u32, i64)>,
    values: Vec<f64>,
}

impl Batch {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BlockError> {
        let failed = |_| BlockError::Damaged("column does not decompress");
        let short = BlockError::Damaged("batch ends early");
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Err(short) };
        let Some((times, values)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else {
            return Err(short);
        };
        let all: Vec<i64> = standalone::simple_decompress(times).map_err(failed)?;
        let values: Vec<f64> = standalone::simple_decompress(values).map_err(failed)?;
        if all.len() != values.len() {
            return Err(BlockError::Damaged("columns differ in length"));
        }
        let mut large_times = Vec::new();
        let mut small = |(place, d): (usize, &i64)| match i16::try_from(*d) {
            Ok(small) if small != LARGE => small,
            _ => {
                large_times.push((place as u32, *d));
                LARGE
            }
        };
        let times = all.iter().enumerate().map(&mut small).collect();
        Ok(Self { times, large_times, values })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.times) + size_of_val(&*self.large_times) + size_of_val(&*self.values)
    }

    /// Appends the samples of a run that lie in the range (both ends inclusive).
    pub(super) fn read(
        &self,
        first: usize,
        len: usize,
        range: (i64, i64),
        out: &mut Vec<Sample>,
    ) -> Result<(), BlockError> {
        let outside = || BlockError::Damaged("reference outside the batch");
        let end = first.checked_add(len).ok_or_else(outside)?;
        let times = self.times.get(first..end).ok_or_else(outside)?;
        let mut large =
            self.large_times[self.large_times.partition_point(|l| (l.0 as usize) < first)..].iter();
        let (mut t_ms, mut delta) = (0i64, 0i64);
        for (i, (d, v)) in times.iter().zip(&self.values[first..end]).enumerate() {
            let d = if *d == LARGE { large.next().map_or(0, |l| l.1) } else { i64::from(*d) };
            if i == 0 {
                t_ms = d;
            } else {
                delta = delta.wrapping_add(d);
                t_ms = t_ms.wrapping_add(delta);
            }
            if t_ms >= range.0 && t_ms <= range.1 {
                out.push(Sample { t_ms, v: *v });
            }
        }
        Ok(())
    }
}
