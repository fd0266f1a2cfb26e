//! What the store holds in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::Arc,
};

use console_model::{Labels, metric::MetricMetadata};
use console_storage::{metrics::Part, parallel};

use crate::{
    block::Block,
    index::{Index, SeriesId},
    matching::Compiled,
    series::{Cuts, MemSeries},
    slab::Slab,
};

/// Fewer series are not worth a thread.
const SERIES_PER_THREAD: usize = 2_000;

#[derive(Debug, Default)]
pub(crate) struct Head {
    pub index: Index,
    series: Slab<MemSeries>,
    pub metadata: BTreeMap<String, MetricMetadata>,
    /// Blocks by rising sequence. Kept here so that a sample never shows twice or not at all while it moves into one.
    pub blocks: Arc<Vec<Arc<Block>>>,
}

impl Head {
    /// `index` and `series` must agree.
    pub fn new(index: Index, series: Slab<MemSeries>, metadata: BTreeMap<String, MetricMetadata>) -> Self {
        Self { index, series, metadata, blocks: Arc::default() }
    }

    pub fn len(&self) -> usize {
        self.series.len()
    }

    pub fn get(&self, id: SeriesId) -> Option<&MemSeries> {
        self.series.get(id)
    }

    pub fn get_mut(&mut self, id: SeriesId) -> Option<&mut MemSeries> {
        self.series.get_mut(id)
    }

    pub fn find_or_create(&mut self, labels: &Labels) -> SeriesId {
        if let Some(id) = self.index.find(labels) {
            return id;
        }
        let labels = self.index.insert(labels, self.series.next());
        self.series.push(MemSeries::new(labels))
    }

    pub fn all(&self) -> impl Iterator<Item = &MemSeries> {
        self.series.values()
    }

    fn labels_of(&self, id: SeriesId) -> Option<Labels> {
        self.series.get(id).map(|s| s.labels.clone())
    }

    /// Series that match and may hold points of the range (both ends inclusive).
    pub fn matching<'a>(
        &'a self,
        matchers: &[Compiled],
        start_ms: i64,
        end_ms: i64,
    ) -> impl Iterator<Item = &'a MemSeries> + 'a {
        let ids = self.index.select(matchers, |id| self.labels_of(id));
        ids.into_iter().filter_map(|id| self.series.get(id)).filter(move |s| s.overlaps(start_ms, end_ms))
    }

    /// What the matching series have in the range (both ends inclusive), in the order in which they were made.
    pub fn cuts(&self, matchers: &[Compiled], range: (i64, i64), part: Part) -> Vec<(Labels, Cuts)> {
        let ids = self.index.select(matchers, |id| self.labels_of(id));
        let cut = |id: &SeriesId| {
            let series = self.series.get(*id).filter(|s| s.overlaps(range.0, range.1))?;
            let cuts = match part {
                Part::All => series.cut(range.0, range.1),
                Part::Newest => series.newest(range.0, range.1),
            };
            Some((series.labels.clone(), cuts))
        };
        let all = parallel::map(ids.len(), ids.len(), SERIES_PER_THREAD, |part| {
            Ok::<_, Infallible>(ids[part].iter().filter_map(cut).collect())
        });
        all.unwrap_or_else(|never| match never {})
    }

    /// Names of labels of series that may hold points of the range (both ends inclusive).
    pub fn label_names(&self, start_ms: i64, end_ms: i64) -> BTreeSet<String> {
        let there = |ids: &[SeriesId]| self.any_overlaps(ids, start_ms, end_ms);
        let names = self.index.names().filter_map(|(name, mut values)| values.any(there).then_some(name));
        names.map(Arc::to_string).collect()
    }

    /// Values of a label, as [`Head::label_names`].
    pub fn label_values(&self, name: &str, start_ms: i64, end_ms: i64) -> BTreeSet<String> {
        let there = |ids: &[SeriesId]| self.any_overlaps(ids, start_ms, end_ms);
        let values = self.index.values(name).filter(|(_, ids)| there(ids));
        values.map(|(value, _)| value.to_string()).collect()
    }

    fn any_overlaps(&self, ids: &[SeriesId], start_ms: i64, end_ms: i64) -> bool {
        ids.iter().filter_map(|id| self.series.get(*id)).any(|s| s.overlaps(start_ms, end_ms))
    }

    /// The time of the oldest point in memory.
    pub fn first_t(&self) -> Option<i64> {
        self.all().filter_map(MemSeries::first_t).min()
    }

    /// Puts what some series hold before `before_ms` on its way into a block, beginning with number `from`; answers where
    /// to go on, none at the end.
    pub fn leave(&mut self, from: SeriesId, count: usize, before_ms: i64) -> Option<SeriesId> {
        let (series, next) = self.series.step(from, count);
        series.for_each(|s| s.leave(before_ms));
        next
    }

    /// What is on its way into a block, sorted by labels.
    pub fn leaving(&self) -> Vec<(Labels, Cuts)> {
        let mut out: Vec<_> = self.all().filter_map(|s| Some((s.labels.clone(), s.leaving()?))).collect();
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

    fn retain(&mut self, keep: impl FnMut(&mut MemSeries) -> bool) {
        let gone = self.series.retain(keep);
        if !gone.is_empty() {
            self.index.remove(&gone);
        }
    }
}
