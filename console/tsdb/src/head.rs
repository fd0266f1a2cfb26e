//! What the store holds in memory.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Bound,
    sync::Arc,
};

use console_model::{Labels, metric::MetricMetadata};

use crate::{
    block::Block,
    chunk::Chunk,
    index::{Index, SeriesId},
    matching::Compiled,
    series::MemSeries,
};

#[derive(Debug, Default)]
pub(crate) struct Head {
    pub index: Index,
    series: BTreeMap<SeriesId, MemSeries>,
    next_id: SeriesId,
    pub metadata: BTreeMap<String, MetricMetadata>,
    /// Blocks by rising sequence. Kept here so that a sample never shows twice or not at all while it moves into one.
    pub blocks: Arc<Vec<Arc<Block>>>,
}

impl Head {
    pub fn len(&self) -> usize {
        self.series.len()
    }

    pub fn find(&self, labels: &Labels) -> Option<(SeriesId, &MemSeries)> {
        let id = self.index.find(labels)?;
        Some((id, self.series.get(&id)?))
    }

    pub fn get_mut(&mut self, id: SeriesId) -> Option<&mut MemSeries> {
        self.series.get_mut(&id)
    }

    pub fn find_or_create(&mut self, labels: &Labels) -> SeriesId {
        if let Some(id) = self.index.find(labels) {
            return id;
        }
        let id = self.next_id;
        self.next_id += 1;
        let labels = self.index.insert(labels, id);
        self.series.insert(id, MemSeries::new(labels));
        id
    }

    pub fn all(&self) -> impl Iterator<Item = &MemSeries> {
        self.series.values()
    }

    /// Series that match and may hold samples of the range (both ends inclusive).
    pub fn matching<'a>(
        &'a self,
        matchers: &[Compiled],
        start_ms: i64,
        end_ms: i64,
    ) -> impl Iterator<Item = &'a MemSeries> + 'a {
        let labels_of = |id| self.series.get(&id).map(|s: &MemSeries| s.labels.clone());
        let ids = self.index.select(matchers, labels_of);
        ids.into_iter().filter_map(|id| self.series.get(&id)).filter(move |s| s.overlaps(start_ms, end_ms))
    }

    /// The matching series' compressed data, for decoding outside the lock.
    pub fn chunks(&self, matchers: &[Compiled], start_ms: i64, end_ms: i64) -> Vec<(Labels, Vec<Chunk>)> {
        self.matching(matchers, start_ms, end_ms)
            .map(|s| (s.labels.clone(), s.chunks(start_ms, end_ms)))
            .collect()
    }

    /// The time of the oldest sample in memory.
    pub fn first_t(&self) -> Option<i64> {
        self.all().filter_map(MemSeries::first_t).min()
    }

    /// Puts what at most `count` series after `after` hold before `before_ms` on its way into a block; answers the last
    /// series seen, none at the end.
    pub fn leave(&mut self, after: Option<SeriesId>, count: usize, before_ms: i64) -> Option<SeriesId> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut last = None;
        for (id, series) in self.series.range_mut((from, Bound::Unbounded)).take(count) {
            series.leave(before_ms);
            last = Some(*id);
        }
        last
    }

    /// What is on its way into a block, sorted by labels.
    pub fn leaving(&self) -> Vec<(Labels, Vec<Chunk>)> {
        let moving = self.all().filter(|s| !s.leaving().is_empty());
        let mut out: Vec<_> = moving.map(|s| (s.labels.clone(), s.leaving().to_vec())).collect();
        out.sort_by(|a, b| a.0.cmp(&b.0));
        out
    }

    /// Forgets what is in a block now.
    pub fn left(&mut self) {
        self.retain(|s| {
            s.left();
            !s.is_empty()
        });
    }

    pub fn stay(&mut self) {
        self.series.values_mut().for_each(MemSeries::stay);
    }

    /// Drops chunks that end before `cutoff_ms`, and series that have nothing left.
    pub fn drop_before(&mut self, cutoff_ms: i64) {
        self.retain(|s| !s.drop_before(cutoff_ms));
    }

    fn retain(&mut self, mut keep: impl FnMut(&mut MemSeries) -> bool) {
        let mut gone = HashSet::new();
        self.series.retain(|id, s| {
            let empty = !keep(s);
            if empty {
                gone.insert(*id);
            }
            !empty
        });
        if !gone.is_empty() {
            self.index.remove(&gone);
        }
    }
}
