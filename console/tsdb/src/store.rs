//! The store: log first, then memory.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use console_blockkit::{SegmentId, Wal, WalConfig, WalError, record::RecordError};
use parking_lot::{Mutex, RwLock};

use crate::{
    block::{Block, BlockCache, BlockError, BlockFolder, Mark, Opened},
    config::TsdbConfig,
    exemplars::ExemplarRing,
    explosion::Explosion,
    flush::FlushState,
    head::Head,
    memory::HeadMemory,
    record::MAX_PAYLOAD_BYTES,
    replay::{Replayed, replay},
    writer::Writer,
};

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the log of metrics")]
    Wal(#[from] WalError),
    #[error("cannot open the blocks of metrics")]
    Blocks(#[from] BlockError),
    #[error("segment {} of the log of metrics is of another release", segment.0)]
    Newer { segment: SegmentId, source: RecordError },
}

/// What the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TsdbStats {
    /// Series in memory: those with recent samples.
    pub series: u64,
    /// Floats and native histograms, in memory and in blocks.
    pub samples: u64,
    pub exemplars: u64,
    /// Compressed samples in memory, without labels and index.
    pub memory_bytes: u64,
    /// Log and blocks.
    pub disk_bytes: u64,
    pub blocks: u64,
    pub block_bytes: u64,
    /// Blocks that were set aside since the start.
    pub damaged_blocks: u64,
    /// Segments of the log.
    pub segments: u64,
    /// Segments begun since the start.
    pub begun_segments: u64,
    /// Segments deleted since the start because blocks hold all of them.
    pub flushed_segments: u64,
    /// Segments dropped since the start by age or by bytes.
    pub dropped_segments: u64,
    /// Records that replay could not read.
    pub damaged_records: u64,
}

pub struct Tsdb {
    pub(crate) config: TsdbConfig,
    pub(crate) wal: Wal,
    pub(crate) head: RwLock<Head>,
    pub(crate) writer: Mutex<Writer>,
    pub(crate) exemplars: RwLock<ExemplarRing>,
    pub(crate) explosion: Mutex<Explosion>,
    pub(crate) memory: HeadMemory,
    pub(crate) folder: BlockFolder,
    /// Held while blocks are made, merged or dropped.
    pub(crate) flush: Mutex<FlushState>,
    pub(crate) begun_segments: AtomicU64,
    pub(crate) flushed_segments: AtomicU64,
    pub(crate) dropped_segments: AtomicU64,
    damaged: u64,
}

impl Tsdb {
    /// Opens the log, replays it and applies the limits.
    pub fn open(config: TsdbConfig) -> Result<Self, OpenError> {
        let Opened { folder, blocks } = BlockFolder::open(
            &config.dir.join("blocks"),
            BlockCache::of_budget(config.block_cache_bytes, &config.budget),
            Arc::clone(&config.probe),
        )?;
        let marks: Vec<Mark> = blocks.iter().flat_map(|b| b.meta.marks.clone()).collect();
        let flush = FlushState::new(&marks);
        let exemplars = ExemplarRing::new(config.limits.max_exemplars);
        // The store starts new segments itself, because it must know the segment before it writes.
        let wal_config = WalConfig { segment_bytes: u64::MAX, max_record_bytes: MAX_PAYLOAD_BYTES as u32 };
        let (opened, replayed) = replay(marks, exemplars, |replay| {
            Wal::open(&config.dir, wal_config, &mut |segment, bytes| replay.record(segment, bytes))
        });
        let (wal, recovery) = opened?;
        let wal = wal.with_policy(config.sync.clone());
        let Replayed { mut head, mut writer, exemplars, next_number, damaged } =
            replayed.map_err(|(segment, source)| OpenError::Newer { segment, source })?;
        head.blocks = Arc::new(blocks);
        if damaged > 0 {
            tracing::warn!(damaged, "log of metrics has unreadable records");
        }
        tracing::info!(records = recovery.records, series = head.len(), "metrics store open");
        if let Some(active) = wal.segments().last() {
            writer.next_number = if active.id == writer.segment { next_number } else { 0 };
            writer.segment = active.id;
            writer.segment_bytes = active.bytes;
        }
        let store = Self {
            memory: HeadMemory::new(&config.budget, &head),
            wal,
            head: RwLock::new(head),
            writer: Mutex::new(writer),
            exemplars: RwLock::new(exemplars),
            explosion: Mutex::default(),
            folder,
            flush: Mutex::new(flush),
            begun_segments: 0.into(),
            flushed_segments: 0.into(),
            dropped_segments: 0.into(),
            damaged,
            config,
        };
        store.maintain((store.config.clock)());
        Ok(store)
    }

    /// Puts what was accepted onto the disk itself (`fsync`).
    pub fn sync(&self) -> Result<(), WalError> {
        self.wal.sync().inspect_err(|_| {
            // What is told is the failure; that its end is in blocks helps the next write.
            let _ = self.settle_log();
        })
    }

    pub fn stats(&self) -> TsdbStats {
        let head = self.head.read();
        TsdbStats {
            series: head.len() as u64,
            samples: head.all().map(|s| s.points()).sum::<u64>() + total(&head.blocks, |b| b.meta.samples),
            exemplars: self.exemplars.read().len() as u64,
            memory_bytes: head.all().map(|s| s.memory_bytes()).sum(),
            disk_bytes: self.wal.total_bytes() + total(&head.blocks, |b| b.bytes),
            blocks: head.blocks.len() as u64,
            block_bytes: total(&head.blocks, |b| b.bytes),
            damaged_blocks: self.folder.damaged(),
            segments: self.wal.segments().len() as u64,
            begun_segments: self.begun_segments.load(Ordering::Relaxed),
            flushed_segments: self.flushed_segments.load(Ordering::Relaxed),
            dropped_segments: self.dropped_segments.load(Ordering::Relaxed),
            damaged_records: self.damaged,
        }
    }
}

fn total(blocks: &[Arc<Block>], of: impl Fn(&Block) -> u64) -> u64 {
    blocks.iter().map(|b| of(b)).sum()
}
