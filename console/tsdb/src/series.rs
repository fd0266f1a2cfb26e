//! One series in memory: finished chunks, the chunk being filled, and what came late.

use console_blockkit::SegmentId;
use console_model::{Labels, metric::Sample};

use crate::chunk::{Chunk, ChunkBuilder, SAMPLES_PER_CHUNK};

/// Where a sample would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    InOrder,
    Late,
    /// The same sample is there already.
    Known,
    /// Another value is there already.
    Conflict,
    /// Older than the out-of-order window allows.
    TooLate,
}

#[derive(Debug)]
pub(crate) struct MemSeries {
    pub labels: Labels,
    /// Finished chunks in the order in which they were finished; chunks of late samples may overlap others.
    chunks: Vec<Chunk>,
    /// Chunks on their way into a block; read like the others until the block is there.
    leaving: Vec<Chunk>,
    open: ChunkBuilder,
    /// Late samples, in order of time.
    late: Vec<Sample>,
    /// The newest sample.
    last: Option<Sample>,
    /// The log segment that declares this series last, and its number there.
    pub declared: Option<(SegmentId, u32)>,
}

impl MemSeries {
    pub fn new(labels: Labels) -> Self {
        Self {
            labels,
            chunks: Vec::new(),
            leaving: Vec::new(),
            open: ChunkBuilder::default(),
            late: Vec::new(),
            last: None,
            declared: None,
        }
    }

    pub fn last(&self) -> Option<Sample> {
        self.last
    }

    /// Judges a sample that is not newer than the newest one.
    pub fn place(&self, sample: Sample, out_of_order_ms: i64) -> Place {
        let Some(last) = self.last else { return Place::InOrder };
        if sample.t_ms > last.t_ms {
            return Place::InOrder;
        }
        if sample.t_ms < last.t_ms.saturating_sub(out_of_order_ms) {
            return Place::TooLate;
        }
        match self.at(sample.t_ms) {
            None => Place::Late,
            Some(v) if v.to_bits() == sample.v.to_bits() => Place::Known,
            Some(_) => Place::Conflict,
        }
    }

    fn at(&self, t_ms: i64) -> Option<f64> {
        if let Some(last) = self.last.filter(|l| l.t_ms == t_ms) {
            return Some(last.v);
        }
        let within = |c: &Chunk| c.samples().find(|s| s.t_ms == t_ms).map(|s| s.v);
        let late = self.late.binary_search_by_key(&t_ms, |s| s.t_ms).ok().map(|i| self.late[i].v);
        late.or_else(|| self.open.snapshot().filter(|c| c.overlaps(t_ms, t_ms)).as_ref().and_then(within))
            .or_else(|| self.closed().rev().filter(|c| c.overlaps(t_ms, t_ms)).find_map(within))
    }

    /// Stores a sample that was judged `InOrder` or `Late`; true where it was stored.
    pub fn apply(&mut self, sample: Sample) -> bool {
        match self.last {
            Some(last) if sample.t_ms <= last.t_ms => {
                if self.at(sample.t_ms).is_some() {
                    return false;
                }
                let at = self.late.partition_point(|s| s.t_ms < sample.t_ms);
                self.late.insert(at, sample);
                if self.late.len() >= usize::from(SAMPLES_PER_CHUNK) {
                    self.chunks.extend(Chunk::from_samples(&self.late));
                    self.late = Vec::new();
                }
            }
            _ => {
                if self.open.is_full() {
                    self.chunks.extend(self.open.snapshot());
                    self.open = ChunkBuilder::default();
                }
                self.open.push(sample);
                self.last = Some(sample);
            }
        }
        true
    }

    /// Chunks that may hold samples of the range (both ends inclusive).
    pub fn chunks(&self, start_ms: i64, end_ms: i64) -> Vec<Chunk> {
        let closed = self.closed().filter(|c| c.overlaps(start_ms, end_ms)).cloned();
        let open = self.open.snapshot().filter(|c| c.overlaps(start_ms, end_ms));
        let late = Chunk::from_samples(&self.late).filter(|c| c.overlaps(start_ms, end_ms));
        closed.chain(open).chain(late).collect()
    }

    /// Whether some chunk covers a part of the range (both ends inclusive).
    pub fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        let late = self.late.first().zip(self.late.last());
        self.closed().any(|c| c.overlaps(start_ms, end_ms))
            || self.open.snapshot().is_some_and(|c| c.overlaps(start_ms, end_ms))
            || late.is_some_and(|(a, b)| a.t_ms <= end_ms && b.t_ms >= start_ms)
    }

    /// Drops chunks that end before `cutoff_ms`; answers whether nothing is left.
    pub fn drop_before(&mut self, cutoff_ms: i64) -> bool {
        self.chunks.retain(|c| c.last_t >= cutoff_ms);
        self.late.retain(|s| s.t_ms >= cutoff_ms);
        if self.open.last().is_some_and(|s| s.t_ms < cutoff_ms) {
            self.open = ChunkBuilder::default();
        }
        self.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.closed().next().is_none() && self.late.is_empty() && self.open.is_empty()
    }

    fn closed(&self) -> impl DoubleEndedIterator<Item = &Chunk> {
        self.leaving.iter().chain(&self.chunks)
    }

    /// The time of the oldest sample.
    pub fn first_t(&self) -> Option<i64> {
        let closed = self.closed().map(|c| c.first_t).min();
        let rest = self.open.first_t().into_iter().chain(self.late.first().map(|s| s.t_ms)).min();
        closed.into_iter().chain(rest).min()
    }

    /// Puts everything before `before_ms` on its way into a block.
    pub fn leave(&mut self, before_ms: i64) {
        for chunk in std::mem::take(&mut self.chunks) {
            if chunk.last_t < before_ms {
                self.leaving.push(chunk);
            } else if chunk.first_t >= before_ms {
                self.chunks.push(chunk);
            } else {
                let samples: Vec<Sample> = chunk.samples().collect();
                let (old, new) = samples.split_at(samples.partition_point(|s| s.t_ms < before_ms));
                self.leaving.extend(Chunk::from_samples(old));
                self.chunks.extend(Chunk::from_samples(new));
            }
        }
        let new = self.late.split_off(self.late.partition_point(|s| s.t_ms < before_ms));
        self.leaving.extend(Chunk::from_samples(&std::mem::replace(&mut self.late, new)));
        if self.open.first_t().is_some_and(|t| t < before_ms)
            && let Some(open) = self.open.snapshot()
        {
            self.open = ChunkBuilder::default();
            let samples: Vec<Sample> = open.samples().collect();
            let (old, new) = samples.split_at(samples.partition_point(|s| s.t_ms < before_ms));
            self.leaving.extend(Chunk::from_samples(old));
            for s in new {
                self.open.push(*s);
            }
        }
    }

    pub fn leaving(&self) -> &[Chunk] {
        &self.leaving
    }

    /// The block is there: memory need not hold its samples.
    pub fn left(&mut self) {
        self.leaving = Vec::new();
    }

    /// There is no block after all.
    pub fn stay(&mut self) {
        let mut chunks = std::mem::take(&mut self.leaving);
        chunks.append(&mut self.chunks);
        self.chunks = chunks;
    }

    pub fn samples(&self) -> u64 {
        let closed: u64 = self.closed().map(|c| u64::from(c.len)).sum();
        closed + u64::from(self.open.len()) + self.late.len() as u64
    }

    pub fn memory_bytes(&self) -> u64 {
        let closed: usize = self.closed().map(|c| c.bytes.len() + size_of::<Chunk>()).sum();
        (closed + self.open.memory_bytes() + self.late.len() * size_of::<Sample>() + size_of::<Self>()) as u64
    }
}

/// The samples of `chunks` in the range (both ends inclusive), in order of time.
pub(crate) fn decode(chunks: &[Chunk], start_ms: i64, end_ms: i64) -> Vec<Sample> {
    let mut out: Vec<Sample> = Vec::with_capacity(chunks.iter().map(|c| usize::from(c.len)).sum());
    for chunk in chunks {
        out.extend(chunk.samples().filter(|s| (start_ms..=end_ms).contains(&s.t_ms)));
    }
    in_order(&mut out);
    out
}

/// Sorts by time; of several samples of one time the last one stays, which was written last.
pub(crate) fn in_order(samples: &mut Vec<Sample>) {
    if samples.windows(2).all(|w| w[0].t_ms < w[1].t_ms) {
        return;
    }
    samples.sort_by_key(|s| s.t_ms);
    samples.dedup_by(|later, kept| {
        let same = later.t_ms == kept.t_ms;
        if same {
            *kept = *later;
        }
        same
    });
}
