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

    /// The newest sample.
    pub fn last(&self) -> Option<Sample> {
        self.last
    }

    /// Appends the samples of the range (both ends inclusive) of what was pushed so far.
    pub fn read(&self, start_ms: i64, end_ms: i64, out: &mut Vec<Sample>) {
        let (whole, rest) = self.out.parts();
        decode::open(whole, rest, self.len, (start_ms, end_ms), out);
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
