//! Compressed runs of samples, after Facebook's Gorilla paper (VLDB 2015, section 4.1).
//!
//! A chunk is a string of bits, highest bit of each byte first, padded with zeros to a whole byte. The number of samples
//! is kept beside it.
//!
//! | sample | time | value |
//! |---|---|---|
//! | first | 64 bits, milliseconds since the epoch, two's complement | 64 bits, IEEE 754 |
//! | others | delta of delta `d` (the first delta is taken against 0) | exclusive or `x` with the previous value |
//!
//! `d` is `0` for zero, else a prefix and two's complement: `10` + 14 bits, `110` + 17 bits, `1110` + 20 bits,
//! `1111` + 64 bits. `x` is `0` for zero, else `10` + the meaningful bits in the previous window of leading and trailing
//! zeros, or `11` + 5 bits count of leading zeros + 6 bits length (64 is written as 0) + the meaningful bits, which
//! makes a new window.
//!
//! Native histograms have chunks of their own: see [`histogram`].

mod bits;
pub mod histogram;

use console_model::metric::Sample;

use bits::{BitReader, BitWriter};

/// Float samples after which a chunk is closed.
pub const SAMPLES_PER_CHUNK: u16 = 120;

const DELTA_WIDTHS: [u8; 3] = [14, 17, 20];

/// A chunk that takes samples in order of time.
#[derive(Clone, Debug, Default)]
pub struct ChunkBuilder {
    out: BitWriter,
    len: u16,
    first_t: i64,
    last: Option<Sample>,
    delta: i64,
    leading: u8,
    trailing: u8,
    has_window: bool,
}

impl ChunkBuilder {
    /// Appends a sample; the caller keeps times rising.
    pub fn push(&mut self, sample: Sample) {
        match self.last {
            None => {
                self.first_t = sample.t_ms;
                self.out.bits(sample.t_ms as u64, 64);
                self.out.bits(sample.v.to_bits(), 64);
            }
            Some(last) => {
                let delta = sample.t_ms.wrapping_sub(last.t_ms);
                self.time(delta.wrapping_sub(self.delta));
                self.delta = delta;
                self.value(last.v.to_bits() ^ sample.v.to_bits());
            }
        }
        self.last = Some(sample);
        self.len += 1;
    }

    fn time(&mut self, d: i64) {
        if d == 0 {
            self.out.bit(false);
            return;
        }
        for (i, width) in DELTA_WIDTHS.into_iter().enumerate() {
            let half = 1i64 << (width - 1);
            if (-half..half).contains(&d) {
                let prefix = (1u64 << (i + 2)) - 2;
                self.out.bits(prefix, i as u8 + 2);
                self.out.bits(d as u64 & ((1 << width) - 1), width);
                return;
            }
        }
        self.out.bits(0b1111, 4);
        self.out.bits(d as u64, 64);
    }

    fn value(&mut self, x: u64) {
        if x == 0 {
            self.out.bit(false);
            return;
        }
        self.out.bit(true);
        let (leading, trailing) = (x.leading_zeros().min(31) as u8, x.trailing_zeros() as u8);
        if self.has_window && leading >= self.leading && trailing >= self.trailing {
            self.out.bit(false);
            self.out.bits(x >> self.trailing, 64 - self.leading - self.trailing);
            return;
        }
        (self.leading, self.trailing, self.has_window) = (leading, trailing, true);
        let length = 64 - leading - trailing;
        self.out.bit(true);
        self.out.bits(u64::from(leading), 5);
        self.out.bits(u64::from(length) & 63, 6);
        self.out.bits(x >> trailing, length);
    }

    pub fn memory_bytes(&self) -> usize {
        self.out.capacity()
    }

    /// The bits of what was pushed so far.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.out.to_bytes()
    }

    /// What was pushed so far, as a chunk.
    pub fn snapshot(&self) -> Option<Chunk> {
        let last = self.last?;
        Some(Chunk { first_t: self.first_t, last_t: last.t_ms, len: self.len, bytes: self.to_bytes().into() })
    }
}

/// A finished chunk, cheap to clone.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub first_t: i64,
    pub last_t: i64,
    pub len: u16,
    pub bytes: std::sync::Arc<[u8]>,
}

impl Chunk {
    /// Packs samples that rise in time; none for an empty slice.
    pub fn from_samples(samples: &[Sample]) -> Option<Self> {
        let mut builder = ChunkBuilder::default();
        for s in samples {
            builder.push(*s);
        }
        builder.snapshot()
    }

    /// The samples; ends early where the bytes are damaged.
    pub fn samples(&self) -> ChunkIter<'_> {
        ChunkIter {
            bits: BitReader::new(&self.bytes),
            left: self.len,
            last: None,
            delta: 0,
            leading: 0,
            length: 0,
        }
    }

    pub fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        self.first_t <= end_ms && self.last_t >= start_ms
    }
}

#[derive(Debug)]
pub struct ChunkIter<'a> {
    bits: BitReader<'a>,
    left: u16,
    last: Option<Sample>,
    delta: i64,
    leading: u8,
    length: u8,
}

impl ChunkIter<'_> {
    fn time(&mut self, last_t: i64) -> Option<i64> {
        let mut ones = 0;
        while ones < 4 && self.bits.bit()? {
            ones += 1;
        }
        let d = match ones {
            0 => 0,
            4 => self.bits.bits(64)? as i64,
            n => {
                let width = DELTA_WIDTHS[n - 1];
                // Moves the sign bit to the top and back.
                let raw = self.bits.bits(width)? << (64 - width);
                raw as i64 >> (64 - width)
            }
        };
        self.delta = self.delta.wrapping_add(d);
        Some(last_t.wrapping_add(self.delta))
    }

    fn value(&mut self, last: f64) -> Option<f64> {
        if !self.bits.bit()? {
            return Some(last);
        }
        if self.bits.bit()? {
            self.leading = self.bits.bits(5)? as u8;
            let length = self.bits.bits(6)? as u8;
            self.length = if length == 0 { 64 } else { length };
        }
        let trailing = 64u8.checked_sub(self.leading)?.checked_sub(self.length)?;
        let x = self.bits.bits(self.length)?.checked_shl(u32::from(trailing))?;
        Some(f64::from_bits(last.to_bits() ^ x))
    }
}

impl Iterator for ChunkIter<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        self.left = self.left.checked_sub(1)?;
        let sample = match self.last {
            None => Sample { t_ms: self.bits.bits(64)? as i64, v: f64::from_bits(self.bits.bits(64)?) },
            Some(last) => {
                let t_ms = self.time(last.t_ms)?;
                Sample { t_ms, v: self.value(last.v)? }
            }
        };
        self.last = Some(sample);
        Some(sample)
    }
}
