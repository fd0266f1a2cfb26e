//! What the store holds in memory.

use std::collections::{BTreeMap, HashSet};

use console_model::{Labels, metric::MetricMetadata};

use crate::{
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

    /// Drops chunks that end before `cutoff_ms`, and series that have nothing left.
    pub fn drop_before(&mut self, cutoff_ms: i64) {
        let mut gone = HashSet::new();
        self.series.retain(|id, s| {
            let empty = s.drop_before(cutoff_ms);
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
