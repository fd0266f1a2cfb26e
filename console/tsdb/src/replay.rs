//! Memory from the log, on two threads: one reads and resolves, the other puts points into their series.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, ScopedJoinHandle},
};

use console_blockkit::SegmentId;
use console_model::{
    Labels,
    metric::{Exemplar, HistogramSample, MetricMetadata, Sample},
};

use crate::{
    block::Mark,
    exemplars::ExemplarRing,
    head::Head,
    index::{Index, SeriesId},
    record::{SeriesRecord, visit},
    series::MemSeries,
    slab::Slab,
    writer::Writer,
};

/// Samples that are put into series together: sorted by series, they meet each one in the processor's cache.
const SAMPLES_PER_BATCH: usize = 1 << 17;
/// Batches on their way.
const BATCHES: usize = 2;
/// Numbers of series in a segment are counted from 0; one far beyond what was declared is damage, not a reason to allocate.
const MAX_GAP: usize = 1 << 20;

/// What the log held.
pub(crate) struct Replayed {
    pub head: Head,
    pub writer: Writer,
    pub exemplars: ExemplarRing,
    /// The number that the current segment's next series gets.
    pub next_number: u32,
    /// Records that could not be read.
    pub damaged: u64,
}

/// Points in the log's order; what is in a block already is left out.
#[derive(Default)]
struct Batch {
    /// Series met for the first time, by rising number.
    created: Vec<Labels>,
    samples: Vec<(SeriesId, Sample)>,
    histograms: Vec<(SeriesId, HistogramSample)>,
    exemplars: Vec<(Labels, Exemplar)>,
}

/// The reading side.
pub(crate) struct Replay {
    marks: Vec<Mark>,
    index: Index,
    labels: Vec<Labels>,
    writer: Writer,
    /// Series by their number in the current segment.
    numbers: Vec<Option<SeriesId>>,
    metadata: BTreeMap<String, MetricMetadata>,
    damaged: u64,
    batch: Batch,
    out: SyncSender<Batch>,
}

/// Runs `read` with a place to put each record; answers what it gave and what the records held. `marks`: what blocks hold
/// already.
pub(crate) fn replay<T>(
    marks: Vec<Mark>,
    exemplars: ExemplarRing,
    read: impl FnOnce(&mut Replay) -> T,
) -> (T, Replayed) {
    thread::scope(|scope| {
        let (out, batches) = sync_channel(BATCHES);
        let filling = scope.spawn(move || fill(&batches, exemplars));
        let mut replay = Replay {
            marks,
            index: Index::default(),
            labels: Vec::new(),
            writer: Writer::default(),
            numbers: Vec::new(),
            metadata: BTreeMap::new(),
            damaged: 0,
            batch: Batch::default(),
            out,
        };
        let answer = read(&mut replay);
        (answer, replay.finish(filling))
    })
}

impl Replay {
    pub fn record(&mut self, segment: SegmentId, bytes: &[u8]) {
        if segment != self.writer.segment {
            self.writer.segment = segment;
            self.numbers.clear();
        }
        match visit(bytes, &mut |series| self.series(segment, series)) {
            Ok(metadata) => {
                self.metadata.extend(metadata.into_iter().flatten().map(|m| (m.metric.clone(), m)));
            }
            Err(_) => self.damaged += 1,
        }
        if self.batch.samples.len() + self.batch.histograms.len() >= SAMPLES_PER_BATCH {
            self.send();
        }
    }

    fn send(&mut self) {
        // The other side only goes away by a panic, which joining it passes on.
        let _ = self.out.send(std::mem::take(&mut self.batch));
    }

    fn series(&mut self, segment: SegmentId, record: &SeriesRecord) {
        let at = record.number as usize;
        let id = match &record.labels {
            Some(labels) if at < self.numbers.len() + MAX_GAP => Some(self.declare(at, labels)),
            Some(_) => None,
            None => self.numbers.get(at).copied().flatten(),
        };
        let Some(id) = id else {
            self.damaged += 1;
            return;
        };
        let marks = &self.marks;
        let in_block = |t_ms: i64| marks.iter().any(|m| m.covers(segment, t_ms));
        let mut newest = i64::MIN;
        for sample in &record.samples {
            newest = newest.max(sample.t_ms);
            if !in_block(sample.t_ms) {
                self.batch.samples.push((id, *sample));
            }
        }
        for sample in &record.histograms {
            newest = newest.max(sample.t_ms);
            if !in_block(sample.t_ms) {
                self.batch.histograms.push((id, sample.clone()));
            }
        }
        if newest > i64::MIN {
            self.writer.note_newest(newest);
        }
        if !record.exemplars.is_empty() {
            let labels = &self.labels[id as usize];
            self.batch.exemplars.extend(record.exemplars.iter().map(|e| (labels.clone(), e.clone())));
        }
    }

    fn declare(&mut self, number: usize, labels: &Labels) -> SeriesId {
        let id = self.index.find(labels).unwrap_or_else(|| {
            let id = self.labels.len() as SeriesId;
            let shared = self.index.insert(labels, id);
            self.labels.push(shared.clone());
            self.batch.created.push(shared);
            id
        });
        if number >= self.numbers.len() {
            self.numbers.resize(number + 1, None);
        }
        self.numbers[number] = Some(id);
        id
    }

    fn finish(mut self, filling: ScopedJoinHandle<'_, (Slab<MemSeries>, ExemplarRing)>) -> Replayed {
        self.send();
        drop(self.out);
        let (mut series, exemplars) = filling.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let segment = self.writer.segment;
        for (number, id) in self.numbers.iter().enumerate() {
            if let Some(series) = id.and_then(|id| series.get_mut(id)) {
                series.declared = Some((segment, number as u32));
            }
        }
        Replayed {
            head: Head::new(self.index, series, self.metadata),
            writer: self.writer,
            exemplars,
            next_number: self.numbers.len() as u32,
            damaged: self.damaged,
        }
    }
}

/// The filling side.
fn fill(batches: &Receiver<Batch>, mut exemplars: ExemplarRing) -> (Slab<MemSeries>, ExemplarRing) {
    let mut all: Slab<MemSeries> = Slab::default();
    while let Ok(mut batch) = batches.recv() {
        for labels in batch.created {
            all.push(MemSeries::new(labels));
        }
        // Stable: the points of a series stay in the log's order.
        batch.samples.sort_by_key(|(id, _)| *id);
        for of_one in batch.samples.chunk_by(|a, b| a.0 == b.0) {
            let Some(series) = all.get_mut(of_one[0].0) else { continue };
            for (_, sample) in of_one {
                if series.is_new(sample.t_ms) {
                    series.add(*sample);
                }
            }
        }
        for (id, sample) in batch.histograms {
            if let Some(series) = all.get_mut(id).filter(|s| s.is_new(sample.t_ms)) {
                series.add_histogram(&sample);
            }
        }
        for (labels, exemplar) in batch.exemplars {
            exemplars.push(&labels, exemplar);
        }
    }
    (all, exemplars)
}
