//! Points of one kind of one series in memory: finished chunks, the chunk being filled, and what came late.

use std::{fmt::Debug, sync::Arc};

use console_model::metric::{HistogramSample, Sample};

use crate::chunk::{
    Chunk, ChunkBuilder, SAMPLES_PER_CHUNK,
    histogram::{self, HistogramWriter},
};

/// Histograms after which a chunk is closed: they are larger than floats.
const HISTOGRAMS_PER_CHUNK: u16 = 30;

/// Floats or histograms.
pub(crate) trait Kind {
    type Item: Clone + Debug;
    /// A chunk being filled.
    type Open: Debug + Default;
    const PER_CHUNK: u16;
    /// Whether the chunk being filled is decoded faster than copied, about.
    const DECODES_IN_PLACE: bool;

    fn t_ms(item: &Self::Item) -> i64;
    fn extend(open: &mut Self::Open, items: &[Self::Item]);
    fn bytes(open: &Self::Open) -> Vec<u8>;
    /// The bytes; nothing is left of them.
    fn take(open: &mut Self::Open) -> Arc<[u8]>;
    fn capacity(open: &Self::Open) -> usize;
    /// Appends what a chunk holds in the range (both ends inclusive); ends early where it is damaged.
    fn decode(chunk: &Chunk, start_ms: i64, end_ms: i64, out: &mut Vec<Self::Item>);
    /// As [`Kind::decode`], of the chunk that is being filled.
    fn decode_open(open: &Self::Open, start_ms: i64, end_ms: i64, out: &mut Vec<Self::Item>);
    /// What came last into the chunk that is being filled, where that is at hand.
    fn newest(open: &Self::Open) -> Option<Self::Item>;
}

#[derive(Clone, Debug)]
pub(crate) struct Floats;

#[derive(Clone, Debug)]
pub(crate) struct Histograms;

impl Kind for Floats {
    type Item = Sample;
    type Open = ChunkBuilder;
    const PER_CHUNK: u16 = SAMPLES_PER_CHUNK;
    const DECODES_IN_PLACE: bool = true;

    fn t_ms(item: &Sample) -> i64 {
        item.t_ms
    }

    fn extend(open: &mut ChunkBuilder, items: &[Sample]) {
        open.extend(items);
    }

    fn bytes(open: &ChunkBuilder) -> Vec<u8> {
        open.to_bytes()
    }

    fn take(open: &mut ChunkBuilder) -> Arc<[u8]> {
        open.take()
    }

    fn capacity(open: &ChunkBuilder) -> usize {
        open.memory_bytes()
    }

    fn decode(chunk: &Chunk, start_ms: i64, end_ms: i64, out: &mut Vec<Sample>) {
        chunk.read(start_ms, end_ms, out);
    }

    fn decode_open(open: &ChunkBuilder, start_ms: i64, end_ms: i64, out: &mut Vec<Sample>) {
        open.read(start_ms, end_ms, out);
    }

    fn newest(open: &ChunkBuilder) -> Option<Sample> {
        open.last()
    }
}

impl Kind for Histograms {
    type Item = HistogramSample;
    type Open = HistogramWriter;
    const PER_CHUNK: u16 = HISTOGRAMS_PER_CHUNK;
    const DECODES_IN_PLACE: bool = false;

    fn t_ms(item: &HistogramSample) -> i64 {
        item.t_ms
    }

    fn extend(open: &mut HistogramWriter, items: &[HistogramSample]) {
        for item in items {
            open.push(item);
        }
    }

    fn bytes(open: &HistogramWriter) -> Vec<u8> {
        open.as_bytes().to_vec()
    }

    fn take(open: &mut HistogramWriter) -> Arc<[u8]> {
        std::mem::take(open).as_bytes().into()
    }

    fn capacity(open: &HistogramWriter) -> usize {
        open.as_bytes().len()
    }

    fn decode(chunk: &Chunk, start_ms: i64, end_ms: i64, out: &mut Vec<HistogramSample>) {
        histograms(&chunk.bytes, start_ms, end_ms, out);
    }

    fn decode_open(open: &HistogramWriter, start_ms: i64, end_ms: i64, out: &mut Vec<HistogramSample>) {
        histograms(open.as_bytes(), start_ms, end_ms, out);
    }

    fn newest(_: &HistogramWriter) -> Option<HistogramSample> {
        None
    }
}

fn histograms(bytes: &[u8], start_ms: i64, end_ms: i64, out: &mut Vec<HistogramSample>) {
    let all = histogram::decode(bytes).unwrap_or_default();
    out.extend(all.into_iter().filter(|h| (start_ms..=end_ms).contains(&h.t_ms)));
}

/// The chunk being filled and what is known of it.
#[derive(Debug)]
struct Open<K: Kind> {
    out: K::Open,
    first_t: i64,
    last_t: i64,
    len: u16,
}

impl<K: Kind> Open<K> {
    fn new(first: &K::Item) -> Self {
        let t_ms = K::t_ms(first);
        let mut open = Self { out: K::Open::default(), first_t: t_ms, last_t: t_ms, len: 0 };
        open.extend(std::slice::from_ref(first));
        open
    }

    /// Items that fit.
    fn extend(&mut self, items: &[K::Item]) {
        let Some(last) = items.last() else { return };
        K::extend(&mut self.out, items);
        self.last_t = K::t_ms(last);
        self.len += items.len() as u16;
    }

    /// Gives the chunk and begins the next one.
    fn close(&mut self, first: &K::Item) -> Chunk {
        let bytes = K::take(&mut self.out);
        let closed = Chunk { first_t: self.first_t, last_t: self.last_t, len: self.len, bytes };
        (self.first_t, self.len) = (K::t_ms(first), 0);
        self.extend(std::slice::from_ref(first));
        closed
    }

    fn finish(&self) -> Chunk {
        Chunk { first_t: self.first_t, last_t: self.last_t, len: self.len, bytes: K::bytes(&self.out).into() }
    }
}

#[derive(Debug)]
pub(crate) struct Track<K: Kind> {
    /// Finished chunks in the order in which they were finished; chunks of late points may overlap others.
    chunks: Vec<Chunk>,
    /// Chunks on their way into a block; read like the others until the block is there.
    leaving: Vec<Chunk>,
    open: Option<Open<K>>,
    /// Late points, in order of time.
    late: Vec<K::Item>,
}

impl<K: Kind> Default for Track<K> {
    fn default() -> Self {
        Self { chunks: Vec::new(), leaving: Vec::new(), open: None, late: Vec::new() }
    }
}

/// Points that rise in time as chunks.
pub(crate) fn pack<K: Kind>(items: &[K::Item]) -> Vec<Chunk> {
    let chunk = |part: &[K::Item]| {
        let (first, rest) = part.split_first()?;
        let mut open = Open::<K>::new(first);
        open.extend(rest);
        Some(open.finish())
    };
    items.chunks(usize::from(K::PER_CHUNK)).filter_map(chunk).collect()
}

impl<K: Kind> Track<K> {
    /// The point at a time, if there is one.
    pub fn at(&self, t_ms: i64) -> Option<K::Item> {
        if let Ok(i) = self.late.binary_search_by_key(&t_ms, K::t_ms) {
            return Some(self.late[i].clone());
        }
        let within = |c: &Chunk| items::<K>(c).into_iter().find(|item| K::t_ms(item) == t_ms);
        let open = self.open.as_ref().filter(|o| o.first_t <= t_ms && t_ms <= o.last_t).map(Open::finish);
        open.as_ref()
            .and_then(within)
            .or_else(|| self.closed().rev().filter(|c| c.overlaps(t_ms, t_ms)).find_map(within))
    }

    /// Appends a point that is newer than all others of the series.
    pub fn push(&mut self, item: &K::Item) {
        match &mut self.open {
            Some(open) if open.len < K::PER_CHUNK => open.extend(std::slice::from_ref(item)),
            Some(open) => self.chunks.push(open.close(item)),
            None => self.open = Some(Open::new(item)),
        }
    }

    /// Appends points that rise in time and are newer than all others of the series.
    pub fn extend(&mut self, mut items: &[K::Item]) {
        while let Some((first, others)) = items.split_first() {
            match self.open.as_mut().filter(|o| o.len < K::PER_CHUNK) {
                Some(open) => {
                    let room = usize::from(K::PER_CHUNK - open.len);
                    let (fitting, rest) = items.split_at(items.len().min(room));
                    open.extend(fitting);
                    items = rest;
                }
                None => {
                    self.push(first);
                    items = others;
                }
            }
        }
    }

    /// Stores a point that is not the newest and not there yet.
    pub fn insert_late(&mut self, item: K::Item) {
        let at = self.late.partition_point(|other| K::t_ms(other) < K::t_ms(&item));
        self.late.insert(at, item);
        if self.late.len() >= usize::from(K::PER_CHUNK) {
            self.chunks.extend(pack::<K>(&std::mem::take(&mut self.late)));
        }
    }

    /// What the range (both ends inclusive) has.
    pub fn cut(&self, start_ms: i64, end_ms: i64) -> Cut<K> {
        let mut chunks: Vec<Chunk> =
            self.closed().filter(|c| c.overlaps(start_ms, end_ms)).cloned().collect();
        let mut rest = Vec::new();
        if let Some(o) = self.open.as_ref().filter(|o| o.first_t <= end_ms && o.last_t >= start_ms) {
            if K::DECODES_IN_PLACE {
                // Of a chunk that begins before the range it is not known how much is in it.
                if start_ms <= o.first_t {
                    rest.reserve(usize::from(o.len));
                }
                K::decode_open(&o.out, start_ms, end_ms, &mut rest);
            } else {
                chunks.push(o.finish());
            }
        }
        if self.late_overlaps(start_ms, end_ms) {
            let late = self.late.iter().filter(|item| (start_ms..=end_ms).contains(&K::t_ms(item)));
            rest.extend(late.cloned());
        }
        Cut { chunks, rest }
    }

    /// The newest point, where it is at hand.
    pub fn newest(&self) -> Option<K::Item> {
        K::newest(&self.open.as_ref()?.out)
    }

    fn late_overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        let ends = self.late.first().zip(self.late.last());
        ends.is_some_and(|(a, b)| K::t_ms(a) <= end_ms && K::t_ms(b) >= start_ms)
    }

    /// Whether some chunk covers a part of the range (both ends inclusive).
    pub fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        self.open.as_ref().is_some_and(|o| o.first_t <= end_ms && o.last_t >= start_ms)
            || self.closed().any(|c| c.overlaps(start_ms, end_ms))
            || self.late_overlaps(start_ms, end_ms)
    }

    /// Drops chunks that end before `cutoff_ms`.
    pub fn drop_before(&mut self, cutoff_ms: i64) {
        self.chunks.retain(|c| c.last_t >= cutoff_ms);
        self.late.retain(|item| K::t_ms(item) >= cutoff_ms);
        if self.open.as_ref().is_some_and(|o| o.last_t < cutoff_ms) {
            self.open = None;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_none() && self.closed().next().is_none() && self.late.is_empty()
    }

    fn closed(&self) -> impl DoubleEndedIterator<Item = &Chunk> {
        self.leaving.iter().chain(&self.chunks)
    }

    /// The time of the oldest point.
    pub fn first_t(&self) -> Option<i64> {
        let closed = self.closed().map(|c| c.first_t);
        closed.chain(self.open.as_ref().map(|o| o.first_t)).chain(self.late.first().map(K::t_ms)).min()
    }

    /// Puts everything before `before_ms` on its way into a block.
    pub fn leave(&mut self, before_ms: i64) {
        let split = |chunk: &Chunk| {
            let mut old = items::<K>(chunk);
            let new = old.split_off(old.partition_point(|item| K::t_ms(item) < before_ms));
            (old, new)
        };
        for chunk in std::mem::take(&mut self.chunks) {
            if chunk.last_t < before_ms {
                self.leaving.push(chunk);
            } else if chunk.first_t >= before_ms {
                self.chunks.push(chunk);
            } else {
                let (old, new) = split(&chunk);
                self.leaving.extend(pack::<K>(&old));
                self.chunks.extend(pack::<K>(&new));
            }
        }
        let new = self.late.split_off(self.late.partition_point(|item| K::t_ms(item) < before_ms));
        self.leaving.extend(pack::<K>(&std::mem::replace(&mut self.late, new)));
        if let Some(open) = self.open.take_if(|o| o.first_t < before_ms) {
            let (old, new) = split(&open.finish());
            self.leaving.extend(pack::<K>(&old));
            for item in &new {
                self.push(item);
            }
        }
    }

    pub fn leaving(&self) -> Cut<K> {
        Cut { chunks: self.leaving.clone(), rest: Vec::new() }
    }

    /// The block is there: memory need not hold its points.
    pub fn left(&mut self) {
        self.leaving = Vec::new();
        self.chunks.shrink_to_fit();
    }

    /// There is no block after all.
    pub fn stay(&mut self) {
        let mut chunks = std::mem::take(&mut self.leaving);
        chunks.append(&mut self.chunks);
        self.chunks = chunks;
    }

    pub fn len(&self) -> u64 {
        let closed: u64 = self.closed().map(|c| u64::from(c.len)).sum();
        closed + self.open.as_ref().map_or(0, |o| u64::from(o.len)) + self.late.len() as u64
    }

    /// With the one that is being filled.
    pub fn chunk_count(&self) -> u64 {
        (self.closed().count() + usize::from(self.open.is_some())) as u64
    }

    pub fn memory_bytes(&self) -> usize {
        let closed: usize = self.closed().map(|c| c.bytes.len() + size_of::<Chunk>()).sum();
        closed
            + self.open.as_ref().map_or(0, |o| K::capacity(&o.out))
            + self.late.len() * size_of::<K::Item>()
    }
}

fn items<K: Kind>(chunk: &Chunk) -> Vec<K::Item> {
    let mut out = Vec::with_capacity(usize::from(chunk.len));
    K::decode(chunk, i64::MIN, i64::MAX, &mut out);
    out
}

/// The points of a range: those in finished chunks are still compressed, the rest was written later.
#[derive(Clone, Debug)]
pub(crate) struct Cut<K: Kind> {
    pub chunks: Vec<Chunk>,
    rest: Vec<K::Item>,
}

impl<K: Kind> Default for Cut<K> {
    fn default() -> Self {
        Self { chunks: Vec::new(), rest: Vec::new() }
    }
}

impl<K: Kind> Cut<K> {
    /// Only points, in order of time.
    pub fn of(rest: Vec<K::Item>) -> Self {
        Self { chunks: Vec::new(), rest }
    }

    /// Points that are in the range at most.
    pub fn at_most(&self) -> usize {
        self.chunks.iter().map(|c| usize::from(c.len)).sum::<usize>() + self.rest.len()
    }

    /// Points that are in the range for certain.
    pub fn at_least(&self, start_ms: i64, end_ms: i64) -> usize {
        let inner = |c: &&Chunk| start_ms <= c.first_t && c.last_t <= end_ms;
        let chunks: usize = self.chunks.iter().filter(inner).map(|c| usize::from(c.len)).sum();
        chunks + self.rest.len()
    }

    /// Appends the points in the range (both ends inclusive).
    pub fn read(&self, start_ms: i64, end_ms: i64, out: &mut Vec<K::Item>) {
        out.reserve(self.at_most());
        for chunk in &self.chunks {
            K::decode(chunk, start_ms, end_ms, out);
        }
        out.extend_from_slice(&self.rest);
    }
}

/// Sorts by time; of several points of one time the last one stays, which was written last.
pub(crate) fn in_order<K: Kind>(items: &mut Vec<K::Item>) {
    if items.windows(2).all(|w| K::t_ms(&w[0]) < K::t_ms(&w[1])) {
        return;
    }
    items.sort_by_key(K::t_ms);
    items.dedup_by(|later, kept| {
        let same = K::t_ms(later) == K::t_ms(kept);
        if same {
            std::mem::swap(kept, later);
        }
        same
    });
}
