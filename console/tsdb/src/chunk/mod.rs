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
mod decode;
pub mod histogram;

use console_model::metric::Sample;

use bits::BitWriter;

/// Float samples after which a chunk is closed.
pub const SAMPLES_PER_CHUNK: u16 = 120;

const DELTA_WIDTHS: [u8; 3] = [14, 17, 20];

/// A chunk that takes samples in order of time.
#[derive(Clone, Debug, Default)]
pub struct ChunkBuilder {
    out: BitWriter,
    len: u16,
    first_t: i64,
    before: Before,
}

/// What the next sample is written against.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    t_ms: i64,
    delta: i64,
    value: u64,
    leading: u8,
    trailing: u8,
    has_window: bool,
}

impl Before {
    #[inline]
    fn push(&mut self, out: &mut BitWriter, sample: Sample) {
        let delta = sample.t_ms.wrapping_sub(self.t_ms);
        let d = delta.wrapping_sub(self.delta);
        let x = self.value ^ sample.v.to_bits();
        (self.t_ms, self.delta, self.value) = (sample.t_ms, delta, sample.v.to_bits());
        // The zero bit of a steady time is written together with the value.
        let steady = if d == 0 {
            1
        } else {
            write_time(out, d);
            0
        };
        if x == 0 {
            out.bits(0, steady + 1);
            return;
        }
        let (leading, trailing) = (x.leading_zeros().min(31) as u8, x.trailing_zeros() as u8);
        let (head, head_width) = if self.has_window && leading >= self.leading && trailing >= self.trailing {
            (0b10, steady + 2)
        } else {
            (self.leading, self.trailing, self.has_window) = (leading, trailing, true);
            let length = u64::from(64 - leading - trailing) & 63;
            (0b11 << 11 | u64::from(leading) << 6 | length, steady + 13)
        };
        let length = 64 - self.leading - self.trailing;
        let meaningful = x >> self.trailing;
        if head_width + length <= 64 {
            out.bits(head << length | meaningful, head_width + length);
        } else {
            out.bits(head, head_width);
            out.bits(meaningful, length);
        }
    }
}

fn write_time(out: &mut BitWriter, d: i64) {
    for (i, width) in DELTA_WIDTHS.into_iter().enumerate() {
        let half = 1i64 << (width - 1);
        if (-half..half).contains(&d) {
            let prefix = (1u64 << (i + 2)) - 2;
            out.bits(prefix << width | d as u64 & ((1 << width) - 1), i as u8 + 2 + width);
            return;
        }
    }
    out.bits(0b1111, 4);
    out.bits(d as u64, 64);
}

impl ChunkBuilder {
    /// Appends a sample; the caller keeps times rising.
    #[inline]
    pub fn push(&mut self, sample: Sample) {
        self.extend(&[sample]);
    }

    /// Appends samples; the caller keeps times rising.
    pub fn extend(&mut self, samples: &[Sample]) {
        let mut rest = samples;
        if let (0, Some((first, others))) = (self.len, samples.split_first()) {
            self.first_t = first.t_ms;
            self.out.bits(first.t_ms as u64, 64);
            self.out.bits(first.v.to_bits(), 64);
            self.before = Before { t_ms: first.t_ms, value: first.v.to_bits(), ..Before::default() };
            rest = others;
        }
        // In registers for as long as the run is.
        let (mut out, mut before) = (std::mem::take(&mut self.out), self.before);
        for sample in rest {
            before.push(&mut out, *sample);
        }
        (self.out, self.before) = (out, before);
        self.len += samples.len() as u16;
    }

    /// The bytes of what was pushed so far. The next chunk begins in the same memory.
    pub fn take(&mut self) -> std::sync::Arc<[u8]> {
        self.len = 0;
        self.out.take()
    }

    pub fn memory_bytes(&self) -> usize {
        self.out.capacity()
    }

    /// The bits of what was pushed so far.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.out.to_bytes()
    }

    /// The newest sample.
    pub fn last(&self) -> Option<Sample> {
        let Before { t_ms, value, .. } = self.before;
        (self.len > 0).then(|| Sample { t_ms, v: f64::from_bits(value) })
    }

    /// Appends the samples of the range (both ends inclusive) of what was pushed so far.
    pub fn read(&self, start_ms: i64, end_ms: i64, out: &mut Vec<Sample>) {
        let (whole, rest) = self.out.parts();
        decode::open(whole, rest, self.len, (start_ms, end_ms), out);
    }

    /// What was pushed so far, as a chunk.
    pub fn snapshot(&self) -> Option<Chunk> {
        let (first_t, last_t) = (self.first_t, self.before.t_ms);
        (self.len > 0).then(|| Chunk { first_t, last_t, len: self.len, bytes: self.to_bytes().into() })
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
    pub fn samples(&self) -> Vec<Sample> {
        let mut out = Vec::with_capacity(usize::from(self.len));
        self.read(i64::MIN, i64::MAX, &mut out);
        out
    }

    /// Appends the samples of the range (both ends inclusive); ends early where the bytes are damaged.
    pub fn read(&self, start_ms: i64, end_ms: i64, out: &mut Vec<Sample>) {
        decode::samples(&self.bytes, self.len, (start_ms, end_ms), out);
    }

    pub fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        self.first_t <= end_ms && self.last_t >= start_ms
    }
}
