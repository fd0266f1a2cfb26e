//! The store: log first, then memory, then parts.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use console_blockkit::{
    SegmentId, Wal, WalConfig, WalError,
    part::{Mark, Opened, PartError, PartFolder},
};
use console_model::log::LogStream;
use parking_lot::{Mutex, RwLock};
use tokio::sync::broadcast;

use crate::{
    codec,
    config::LogStoreConfig,
    head::{Head, Prepared},
    part::{Caches, FORMAT, LogPart},
    state::State,
};

const MAX_RECORD_BYTES: u32 = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the log of lines")]
    Wal(#[from] WalError),
    #[error("cannot open the parts of lines")]
    Parts(#[from] PartError),
}

/// What the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStoreStats {
    pub streams: u64,
    /// Lines; one that several parts have counts for each until they are merged.
    pub entries: u64,
    /// Lines that wait in memory, and decoded indexes and blocks.
    pub memory_bytes: u64,
    /// Log and parts.
    pub disk_bytes: u64,
    pub parts: u64,
    pub part_bytes: u64,
    /// Parts that were set aside since the start.
    pub damaged_parts: u64,
    /// Parts dropped since the start by age or by bytes.
    pub dropped_parts: u64,
    /// Segments of the log.
    pub segments: u64,
    /// Segments deleted since the start because parts hold all of them.
    pub flushed_segments: u64,
    /// Records that replay could not read.
    pub damaged_records: u64,
}

pub struct LogStore {
    pub(crate) config: LogStoreConfig,
    pub(crate) wal: Wal,
    /// Shared by pushes from their record to their visibility; alone for whoever says which segments memory holds.
    pub(crate) epoch: RwLock<()>,
    pub(crate) state: RwLock<State>,
    pub(crate) folder: PartFolder,
    pub(crate) caches: Caches,
    /// Held while memory becomes a part: the segment that began when its lines were frozen.
    pub(crate) flushing: Mutex<Option<SegmentId>>,
    /// Held while parts are merged or dropped.
    pub(crate) compacting: Mutex<()>,
    pub(crate) live: broadcast::Sender<Arc<LogStream>>,
    pub(crate) dropped_parts: AtomicU64,
    pub(crate) flushed_segments: AtomicU64,
    damaged: u64,
}

impl LogStore {
    /// Opens the parts, replays what the log has beyond them and applies the limits.
    pub fn open(config: LogStoreConfig) -> Result<Self, OpenError> {
        let load = |part, footer: &[u8]| LogPart::load(part, footer).map(Arc::new);
        std::fs::create_dir_all(&config.dir)
            .map_err(|source| PartError::Io { action: "create folder of", source })?;
        let dir = config.dir.join("parts");
        let Opened { folder, parts } = PartFolder::open(&dir, FORMAT, Arc::clone(&config.probe), load)?;
        let mut replay = Replay {
            in_parts: first_kept(&parts),
            folder: &folder,
            config: &config,
            now_ms: (config.clock)(),
            head: Head::default(),
            parts,
            damaged: 0,
            failed: None,
        };
        let wal_config =
            WalConfig { segment_bytes: config.segment_bytes, max_record_bytes: MAX_RECORD_BYTES };
        let (wal, recovery) =
            Wal::open(&config.dir, wal_config, &mut |segment, bytes| replay.record(segment, bytes))?;
        let wal = wal.with_policy(config.sync.clone());
        let Replay { head, parts, damaged, failed, .. } = replay;
        if let Some(error) = failed {
            return Err(error.into());
        }
        // Parts may be there without their log: what a segment of a lower number got would count as written.
        wal.skip_to(first_kept(&parts))?;
        if damaged > 0 {
            tracing::warn!(damaged, "log of lines has unreadable records");
        }
        let mut state = State::new(parts);
        state.head = head;
        state.head.reservation = Some(config.budget.reserve_over(state.head.bytes));
        tracing::info!(records = recovery.records, parts = state.parts.len(), "log store open");
        let (live, _) = broadcast::channel(config.subscriber_capacity.max(1));
        let store = Self {
            caches: Caches::of_budget(config.index_cache_bytes, config.block_cache_bytes, &config.budget),
            wal,
            epoch: RwLock::new(()),
            state: RwLock::new(state),
            folder,
            flushing: Mutex::new(None),
            compacting: Mutex::new(()),
            live,
            dropped_parts: 0.into(),
            flushed_segments: 0.into(),
            damaged,
            config,
        };
        store.cut_log();
        // Parts are merged later: whoever waits for the store does not wait for that.
        store.drop_old((store.config.clock)());
        Ok(store)
    }

    /// Puts what was accepted onto the disk itself (`fsync`).
    pub fn sync(&self) -> Result<(), WalError> {
        self.wal.sync().inspect_err(|_| {
            // What is told is the failure; that its end is in parts helps the next push.
            let _ = self.settle_log();
        })
    }

    pub fn stats(&self) -> LogStoreStats {
        // Not while the state is held: it may wait for the disk.
        let log = self.wal.segments();
        let log_bytes: u64 = log.iter().map(|s| s.bytes).sum();
        let state = self.state.read();
        LogStoreStats {
            streams: state.stream_count(),
            entries: state.entries(),
            memory_bytes: state.head_bytes() + self.caches.memory_bytes() as u64,
            disk_bytes: log_bytes + state.part_bytes(),
            parts: state.parts.len() as u64,
            part_bytes: state.part_bytes(),
            damaged_parts: self.folder.damaged(),
            dropped_parts: self.dropped_parts.load(Ordering::Relaxed),
            segments: log.len() as u64,
            flushed_segments: self.flushed_segments.load(Ordering::Relaxed),
            damaged_records: self.damaged,
        }
    }
}

/// The first segment of which parts do not hold everything.
pub(crate) fn first_kept(parts: &[Arc<LogPart>]) -> SegmentId {
    Mark::first_kept(parts.iter().flat_map(|p| &p.part.meta.marks))
}

/// Memory from the log. A log longer than memory becomes parts on the way.
struct Replay<'a> {
    /// Segments before this are in parts.
    in_parts: SegmentId,
    folder: &'a PartFolder,
    config: &'a LogStoreConfig,
    now_ms: i64,
    head: Head,
    parts: Vec<Arc<LogPart>>,
    /// Records that could not be read.
    damaged: u64,
    failed: Option<PartError>,
}

impl Replay<'_> {
    fn record(&mut self, segment: SegmentId, bytes: &[u8]) {
        if segment < self.in_parts || self.failed.is_some() {
            return;
        }
        if self.head.bytes >= self.config.max_head_bytes / 2 {
            let head = std::mem::take(&mut self.head);
            // Of this segment only a piece: it is read again after a crash, and what is there twice counts once.
            match crate::flush::write(self.folder, &head, Mark::all_before(segment), self.config.retention_ms)
            {
                Ok(parts) => self.parts.extend(parts),
                // Retention makes room once the store is open; until then memory holds what the log has.
                Err(error)
                    if error.is_full() && head.bytes < self.config.max_head_bytes.saturating_mul(2) =>
                {
                    self.head = head;
                }
                Err(error) => self.failed = Some(error),
            }
        }
        match codec::decode(bytes) {
            Ok(streams) => {
                for stream in streams {
                    self.head.add(Prepared::new(stream), None, self.now_ms);
                }
            }
            Err(_) => self.damaged += 1,
        }
    }
}
