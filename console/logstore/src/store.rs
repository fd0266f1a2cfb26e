//! The store: log first, then memory, then subscribers.

use std::{collections::BTreeMap, collections::BTreeSet, ops::ControlFlow, sync::Arc};

use console_blockkit::{SegmentId, Wal, WalConfig, WalError};
use console_model::{
    Labels, Matcher, TimeRange,
    log::{Direction, LogEntry, LogStream},
};
use console_storage::{
    AppendError, StorageError,
    logs::{LogAppender, LogReader},
    metrics::AppendOutcome,
};
use parking_lot::{Mutex, RwLock};
use tokio::sync::broadcast;

use crate::{codec, config::LogStoreConfig, limits, matching::Matchers, merge::Merge, state::State};

const MAX_RECORD_BYTES: u32 = 64 << 20;
/// Raw bytes of one record; larger pushes become several.
const RECORD_BYTES: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the log of lines")]
    Wal(#[from] WalError),
}

/// What the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStoreStats {
    pub streams: u64,
    pub entries: u64,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
    pub dropped_segments: u64,
    /// Records that replay could not read.
    pub damaged_records: u64,
}

pub struct LogStore {
    config: LogStoreConfig,
    wal: Wal,
    state: RwLock<State>,
    /// Held from the write of a record to its visibility: keeps the order of memory that of the log, so that no block
    /// spans two segments.
    writer: Mutex<BTreeMap<SegmentId, i64>>,
    live: broadcast::Sender<Arc<LogStream>>,
    dropped_segments: std::sync::atomic::AtomicU64,
    damaged: u64,
}

impl LogStore {
    /// Opens the log, replays it and applies the limits.
    pub fn open(config: LogStoreConfig) -> Result<Self, OpenError> {
        let mut state = State::default();
        let mut newest = BTreeMap::new();
        let mut damaged = 0;
        let wal_config =
            WalConfig { segment_bytes: config.segment_bytes, max_record_bytes: MAX_RECORD_BYTES };
        let (wal, recovery) =
            Wal::open(&config.dir, wal_config, &mut |segment, bytes| match codec::decode(bytes) {
                Ok(streams) => {
                    for stream in &streams {
                        note_newest(&mut newest, segment, stream);
                        state.apply(stream, segment, config.block_bytes);
                    }
                    state.seal_heads(config.max_head_bytes);
                }
                Err(_) => damaged += 1,
            })?;
        if damaged > 0 {
            tracing::warn!(damaged, "log of lines has unreadable records");
        }
        tracing::info!(records = recovery.records, streams = state.len(), "log store open");
        let (live, _) = broadcast::channel(config.subscriber_capacity.max(1));
        let store = Self {
            wal,
            state: RwLock::new(state),
            writer: Mutex::new(newest),
            live,
            dropped_segments: 0.into(),
            damaged,
            config,
        };
        store.maintain((store.config.clock)());
        Ok(store)
    }

    /// Applies retention: whole segments go, by age and by bytes (disk and memory), together with what they hold.
    pub fn maintain(&self, now_ms: i64) {
        let cutoff_ns = now_ms.saturating_sub(self.config.retention_ms).saturating_mul(1_000_000);
        let mut newest = self.writer.lock();
        self.state.write().drop_older(cutoff_ns);
        let mut gone = 0;
        loop {
            let segments = self.wal.segments();
            let [oldest, rest @ ..] = segments.as_slice() else { break };
            let disk: u64 = segments.iter().map(|s| s.bytes).sum();
            let expired = newest.get(&oldest.id).is_none_or(|t| *t < cutoff_ns);
            let full = disk > self.config.max_bytes || self.state.read().bytes > self.config.max_memory_bytes;
            if !(full || expired && !rest.is_empty()) {
                break;
            }
            let first_kept = match rest.first() {
                Some(next) => next.id,
                // The only segment is over the limit: it goes too, behind a new one.
                None => match self.wal.rotate() {
                    Ok(id) => id,
                    Err(error) => {
                        tracing::warn!(%error, "cannot rotate the log of lines");
                        break;
                    }
                },
            };
            if let Err(error) = self.wal.remove_before(first_kept) {
                tracing::warn!(%error, "cannot remove old segments of the log of lines");
                break;
            }
            newest.retain(|id, _| *id >= first_kept);
            self.state.write().drop_segments_before(first_kept);
            gone += 1;
        }
        self.dropped_segments.fetch_add(gone, std::sync::atomic::Ordering::Relaxed);
    }

    /// Puts what was accepted onto the disk itself (`fsync`).
    pub fn sync(&self) -> Result<(), WalError> {
        self.wal.sync()
    }

    pub fn stats(&self) -> LogStoreStats {
        let state = self.state.read();
        LogStoreStats {
            streams: state.len() as u64,
            entries: state.entries(),
            memory_bytes: state.bytes,
            disk_bytes: self.wal.total_bytes(),
            dropped_segments: self.dropped_segments.load(std::sync::atomic::Ordering::Relaxed),
            damaged_records: self.damaged,
        }
    }

    /// Splits a push into what is allowed, how much is not, and the first reason.
    fn screen(&self, streams: Vec<LogStream>) -> (Vec<LogStream>, u64, Option<AppendError>) {
        let now_ms = (self.config.clock)();
        let limits = &self.config.limits;
        let (mut good, mut rejected, mut reason) = (Vec::new(), 0, None);
        let state = self.state.read();
        let mut new_streams = BTreeSet::new();
        for mut stream in streams {
            let mut fits = limits::check_labels(&stream.labels, limits);
            if fits.is_ok() && !state.contains(&stream.labels) && !new_streams.contains(&stream.labels) {
                if state.len() + new_streams.len() >= limits.max_streams {
                    fits = Err(AppendError::Limit(format!(
                        "stream {} would exceed max_streams ({})",
                        stream.labels, limits.max_streams
                    )));
                } else {
                    new_streams.insert(stream.labels.clone());
                }
            }
            if let Err(e) = fits {
                rejected += stream.entries.len() as u64;
                reason.get_or_insert(e);
                continue;
            }
            stream.entries.retain_mut(|entry| {
                entry.metadata.sort();
                match limits::check_entry(entry, limits, now_ms, self.config.retention_ms) {
                    Ok(()) => true,
                    Err(e) => {
                        rejected += 1;
                        reason.get_or_insert(e);
                        false
                    }
                }
            });
            if !stream.entries.is_empty() {
                good.push(stream);
            }
        }
        (good, rejected, reason)
    }

    fn store(&self, streams: &[LogStream]) -> Result<(), AppendError> {
        let record = codec::encode(streams);
        let mut newest = self.writer.lock();
        let segment = self.wal.append(&record).map_err(append_error)?;
        let mut state = self.state.write();
        for stream in streams {
            note_newest(&mut newest, segment, stream);
            let added = state.apply(stream, segment, self.config.block_bytes);
            if !added.entries.is_empty() && self.live.receiver_count() > 0 {
                // Fails only without subscribers.
                let _ = self.live.send(Arc::new(added));
            }
        }
        state.seal_heads(self.config.max_head_bytes);
        let over = state.bytes > self.config.max_memory_bytes;
        drop((state, newest));
        if over {
            self.maintain((self.config.clock)());
        }
        Ok(())
    }
}

fn note_newest(newest: &mut BTreeMap<SegmentId, i64>, segment: SegmentId, stream: &LogStream) {
    if let Some(max) = stream.entries.iter().map(|e| e.t_ns).max() {
        let slot = newest.entry(segment).or_insert(max);
        *slot = (*slot).max(max);
    }
}

fn append_error(e: WalError) -> AppendError {
    match e {
        WalError::DiskFull => AppendError::Busy { reason: e.to_string(), retry_after_s: 10 },
        other => AppendError::Storage(other.to_string()),
    }
}

/// Parts of about [`RECORD_BYTES`] each.
fn parts(streams: Vec<LogStream>) -> Vec<Vec<LogStream>> {
    let mut out: Vec<Vec<LogStream>> = vec![Vec::new()];
    let mut bytes = 0;
    for stream in streams {
        let mut part = LogStream { labels: stream.labels.clone(), entries: Vec::new() };
        for entry in stream.entries {
            bytes += entry.line.len() + 32;
            part.entries.push(entry);
            if bytes >= RECORD_BYTES {
                let full = std::mem::replace(
                    &mut part,
                    LogStream { labels: stream.labels.clone(), entries: Vec::new() },
                );
                if let Some(last) = out.last_mut() {
                    last.push(full);
                }
                out.push(Vec::new());
                bytes = 0;
            }
        }
        if !part.entries.is_empty()
            && let Some(last) = out.last_mut()
        {
            last.push(part);
        }
    }
    out.retain(|p| !p.is_empty());
    out
}

impl LogAppender for LogStore {
    fn append(&self, streams: Vec<LogStream>) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        let (good, mut rejected, mut reason) = self.screen(streams);
        let total: u64 = good.iter().map(|s| s.entries.len() as u64).sum();
        let mut accepted = 0;
        for part in parts(good) {
            match self.store(&part) {
                Ok(()) => accepted += part.iter().map(|s| s.entries.len() as u64).sum::<u64>(),
                Err(e) if accepted == 0 => return Err(e),
                Err(e) => {
                    rejected += total - accepted;
                    reason = Some(e);
                    break;
                }
            }
        }
        Ok((AppendOutcome { accepted, rejected, ..AppendOutcome::default() }, reason))
    }
}

impl LogReader for LogStore {
    fn scan(
        &self,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
        direction: Direction,
        line_hints: &[String],
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<u64, StorageError> {
        let matchers = Matchers::compile(matchers)?;
        let sources = self.state.read().sources(&matchers, start_ns, end_ns);
        Merge { start_ns, end_ns, direction, line_hints }.run(sources, visit)
    }

    fn streams(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, StorageError> {
        let matchers = Matchers::compile(matchers)?;
        let state = self.state.read();
        Ok(state.matching(&matchers, range.start_ns(), range.end_ns()).take(limit).cloned().collect())
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, StorageError> {
        let matchers = Matchers::compile(matchers)?;
        let state = self.state.read();
        let names: BTreeSet<&str> = state
            .matching(&matchers, range.start_ns(), range.end_ns())
            .flat_map(|l| l.iter().map(|label| &*label.name))
            .collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, StorageError> {
        let matchers = Matchers::compile(matchers)?;
        let state = self.state.read();
        let values: BTreeSet<&str> =
            state.matching(&matchers, range.start_ns(), range.end_ns()).filter_map(|l| l.get(name)).collect();
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<LogStream>> {
        self.live.subscribe()
    }
}
