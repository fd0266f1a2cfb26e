//! Points of the log on their way into series, on several threads: each has its share of the series.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{Scope, ScopedJoinHandle},
};

use console_model::Labels;
use console_storage::parallel::processors;

use crate::{
    index::SeriesId,
    pieces::{NOBODY, Numbers},
    record::{Histograms, Position, Samples},
    series::MemSeries,
    shard::{Shard, block_of},
    slab::Slab,
};

/// Points that are put into series together: some of each series, as far as memory goes.
const POINTS_PER_SERIES: usize = 32;
/// As much memory, about.
const POINTS_PER_HISTOGRAM: usize = 16;
const MIN_POINTS: usize = 1 << 19;
const MAX_POINTS: usize = 1 << 22;
const BATCHES_WAITING: usize = 1;
/// Threads; with more than this, the one that reads is the slowest.
const MAX_SHARDS: usize = 8;

/// Samples for series of one block.
pub(crate) struct Piece {
    pub block: u32,
    pub entry: u32,
    pub samples: PieceSamples,
}

pub(crate) enum PieceSamples {
    /// One of each of some series that follow each other from `first` on, all of one time.
    Column { first: SeriesId, series: u32, t_ms: i64, values: Position },
    /// Some of each of some series that follow each other from `first` on.
    Many { first: SeriesId, series: u32, first_place: u32, first_sample: u32 },
    /// Native histograms of one series, those from a time on.
    Histograms { series: SeriesId, start: u32, end: u32, keep_from: i64 },
}

/// What a record has.
pub(crate) struct Entry {
    pub samples: Samples,
    /// Chunks of native histograms.
    pub histograms: Vec<u8>,
}

/// What records have, in the log's order.
#[derive(Default)]
pub(crate) struct Batch {
    /// Series met for the first time, by rising number from `first_created` on.
    pub created: Vec<Labels>,
    pub first_created: SeriesId,
    pub entries: Vec<Entry>,
    pub pieces: Vec<Piece>,
    points: usize,
}

/// A thread that fills its share.
struct Worker<'scope> {
    batches: SyncSender<Arc<Batch>>,
    filled: ScopedJoinHandle<'scope, Shard>,
}

impl<'scope> Worker<'scope> {
    fn start(scope: &'scope Scope<'scope, '_>, mut shard: Shard) -> Self {
        let (batches, due) = sync_channel::<Arc<Batch>>(BATCHES_WAITING);
        let filled = scope.spawn(move || {
            for batch in due {
                shard.fill(&batch);
            }
            shard
        });
        Self { batches, filled }
    }

    fn finish(self) -> Shard {
        drop(self.batches);
        self.filled.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Where points go.
pub(crate) struct Filling<'scope> {
    batch: Batch,
    created: SeriesId,
    workers: Vec<Worker<'scope>>,
}

impl<'scope> Filling<'scope> {
    pub fn start(scope: &'scope Scope<'scope, '_>) -> Self {
        let shards = 1 << processors().clamp(1, MAX_SHARDS).ilog2();
        let worker = |number| Worker::start(scope, Shard::new(number, shards));
        Self { batch: Batch::default(), created: 0, workers: (0..shards).map(worker).collect() }
    }

    /// A series; answers its number.
    pub fn create(&mut self, labels: Labels) -> SeriesId {
        self.batch.created.push(labels);
        self.created += 1;
        self.created - 1
    }

    /// Takes a record's points of series that were created before; answers how often they are nobody's.
    pub fn add(&mut self, samples: Samples, histograms: Histograms, numbers: &Numbers<'_>) -> u64 {
        let (entry, mut unknown) = (self.batch.entries.len() as u32, 0);
        let pieces = &mut self.batch.pieces;
        let mut add = |first, samples| match first {
            NOBODY => unknown += 1,
            _ => pieces.push(Piece { block: block_of(first), entry, samples }),
        };
        match &samples {
            Samples::One(column) => numbers.pieces_of_column(column, &mut add),
            Samples::Many { counts, .. } => numbers.pieces_of_many(counts, &mut add),
        }
        numbers.pieces_of_histograms(&histograms, &mut add);
        let native: usize = histograms.chunks.iter().map(|(_, count, _)| count).sum();
        self.batch.points += samples.len() + native * POINTS_PER_HISTOGRAM;
        self.batch.entries.push(Entry { samples, histograms: histograms.bytes });
        let wanted = self.created as usize * POINTS_PER_SERIES;
        if self.batch.points >= wanted.clamp(MIN_POINTS, MAX_POINTS) {
            self.send();
        }
        unknown
    }

    fn send(&mut self) {
        let next = Batch { first_created: self.created, ..Batch::default() };
        let batch = Arc::new(std::mem::replace(&mut self.batch, next));
        for worker in &self.workers {
            // The other side only goes away by a panic, which joining it passes on.
            let _ = worker.batches.send(Arc::clone(&batch));
        }
    }

    /// All series, and how many chunks could not be read.
    pub fn finish(mut self) -> (Slab<MemSeries>, u64) {
        self.send();
        let mut shards: Vec<Shard> = self.workers.into_iter().map(Worker::finish).collect();
        let damaged = shards.iter().map(|s| s.damaged).sum();
        let mut all = Slab::default();
        for id in 0..self.created {
            let owner = shards.iter_mut().find(|s| s.has(block_of(id)));
            all.push(owner.and_then(Shard::next).expect("each series has its shard, which took it in turn"));
        }
        (all, damaged)
    }
}
