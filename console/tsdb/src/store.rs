//! The store: log first, then memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::AtomicU64},
};

use console_blockkit::{SegmentId, Wal, WalConfig, WalError};
use console_model::{
    Labels,
    metric::{MetricMetadata, Sample},
};
use console_storage::{
    AppendError,
    metrics::{AppendOutcome, SampleAppender, SeriesBatch},
};
use parking_lot::{Mutex, RwLock};

use crate::{
    block::{Block, BlockError, BlockFolder, Mark, Opened},
    config::TsdbConfig,
    flush::FlushState,
    head::Head,
    index::SeriesId,
    limits,
    record::{MAX_PAYLOAD_BYTES, Record, SeriesRecord},
    series::{Place, in_order},
};

/// Samples of one record; larger writes become several.
const SAMPLES_PER_RECORD: usize = 50_000;
const LABEL_BYTES_PER_RECORD: usize = 8 << 20;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the log of metrics")]
    Wal(#[from] WalError),
    #[error("cannot open the blocks of metrics")]
    Blocks(#[from] BlockError),
}

/// What the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TsdbStats {
    /// Series in memory: those with recent samples.
    pub series: u64,
    pub samples: u64,
    /// Compressed samples in memory, without labels and index.
    pub memory_bytes: u64,
    /// Log and blocks.
    pub disk_bytes: u64,
    pub blocks: u64,
    pub block_bytes: u64,
    /// Blocks that were set aside since the start.
    pub damaged_blocks: u64,
    pub dropped_segments: u64,
    /// Records that replay could not read.
    pub damaged_records: u64,
}

/// State of the write side. Held from the choice of a segment to the visibility of what was written, so that the log's
/// order is memory's.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub segment: SegmentId,
    segment_bytes: u64,
    /// The number of the next series that this segment declares.
    next_number: u32,
    /// The newest sample of each segment.
    pub newest: BTreeMap<SegmentId, i64>,
}

pub struct Tsdb {
    pub(crate) config: TsdbConfig,
    pub(crate) wal: Wal,
    pub(crate) head: RwLock<Head>,
    pub(crate) writer: Mutex<Writer>,
    pub(crate) folder: BlockFolder,
    /// Held while blocks are made, merged or dropped.
    pub(crate) flush: Mutex<FlushState>,
    pub(crate) dropped_segments: AtomicU64,
    damaged: u64,
}

/// A series of a write, judged.
struct Planned {
    labels: Labels,
    id: Option<SeriesId>,
    newest: Option<Sample>,
    samples: Vec<Sample>,
    /// From a time on, what blocks hold of the series; read when a sample that old arrives.
    flushed: Option<(i64, Vec<Sample>)>,
}

impl Tsdb {
    /// Opens the log, replays it and applies the limits.
    pub fn open(config: TsdbConfig) -> Result<Self, OpenError> {
        let Opened { folder, blocks } = BlockFolder::open(
            &config.dir.join("blocks"),
            config.block_cache_bytes,
            Arc::clone(&config.probe),
        )?;
        let marks: Vec<Mark> = blocks.iter().flat_map(|b| b.meta.marks.clone()).collect();
        let flush = FlushState::new(&marks);
        let mut replay = Replay { marks, ..Replay::default() };
        // The store starts new segments itself, because it must know the segment before it writes.
        let wal_config = WalConfig { segment_bytes: u64::MAX, max_record_bytes: MAX_PAYLOAD_BYTES as u32 };
        let (wal, recovery) =
            Wal::open(&config.dir, wal_config, &mut |segment, bytes| replay.record(segment, bytes))?;
        let Replay { mut head, mut writer, damaged, numbers, .. } = replay;
        head.blocks = Arc::new(blocks);
        if damaged > 0 {
            tracing::warn!(damaged, "log of metrics has unreadable records");
        }
        tracing::info!(records = recovery.records, series = head.len(), "metrics store open");
        if let Some(active) = wal.segments().last() {
            if active.id != writer.segment {
                writer.next_number = 0;
            } else {
                writer.next_number = numbers.keys().max().map_or(0, |n| n + 1);
            }
            writer.segment = active.id;
            writer.segment_bytes = active.bytes;
        }
        let store = Self {
            wal,
            head: RwLock::new(head),
            writer: Mutex::new(writer),
            folder,
            flush: Mutex::new(flush),
            dropped_segments: 0.into(),
            damaged,
            config,
        };
        store.maintain((store.config.clock)());
        Ok(store)
    }

    /// Puts what was accepted onto the disk itself (`fsync`).
    pub fn sync(&self) -> Result<(), WalError> {
        self.wal.sync()
    }

    pub fn stats(&self) -> TsdbStats {
        let head = self.head.read();
        TsdbStats {
            series: head.len() as u64,
            samples: head.all().map(|s| s.samples()).sum::<u64>() + total(&head.blocks, |b| b.meta.samples),
            memory_bytes: head.all().map(|s| s.memory_bytes()).sum(),
            disk_bytes: self.wal.total_bytes() + total(&head.blocks, |b| b.bytes),
            blocks: head.blocks.len() as u64,
            block_bytes: total(&head.blocks, |b| b.bytes),
            damaged_blocks: self.folder.damaged(),
            dropped_segments: self.dropped_segments.load(std::sync::atomic::Ordering::Relaxed),
            damaged_records: self.damaged,
        }
    }

    /// Splits a write into what is allowed and what is not.
    fn plan(&self, batch: &[SeriesBatch], refused: &mut Refused) -> (Vec<Planned>, u64) {
        let now_ms = (self.config.clock)();
        let head = self.head.read();
        let flushed_until = head.blocks.iter().map(|b| b.meta.last_t).max();
        let mut planned: Vec<Planned> = Vec::new();
        let mut seen: HashMap<&Labels, usize> = HashMap::with_capacity(batch.len());
        let (mut fresh, mut known) = (0, 0);
        for part in batch {
            let at = match seen.get(&part.labels) {
                Some(at) => *at,
                None => {
                    let found = head.find(&part.labels);
                    if found.is_none()
                        && let Err(e) = self.check_new(&part.labels, head.len() + fresh)
                    {
                        refused.add(part.samples.len(), e);
                        continue;
                    }
                    fresh += usize::from(found.is_none());
                    planned.push(Planned {
                        labels: part.labels.clone(),
                        id: found.map(|(id, _)| id),
                        newest: found.and_then(|(_, s)| s.last()),
                        samples: Vec::new(),
                        flushed: None,
                    });
                    seen.insert(&part.labels, planned.len() - 1);
                    planned.len() - 1
                }
            };
            for sample in &part.samples {
                if flushed_until.is_some_and(|t| sample.t_ms <= t) {
                    planned[at].look_up(&head.blocks, sample.t_ms, self.config.out_of_order_ms);
                }
                let judged = limits::check_time(&part.labels, *sample, now_ms, &self.config)
                    .and_then(|()| self.judge(&head, &planned[at], *sample));
                match judged {
                    Ok(true) => {
                        let plan = &mut planned[at];
                        plan.samples.push(*sample);
                        if plan.newest.is_none_or(|n| n.t_ms < sample.t_ms) {
                            plan.newest = Some(*sample);
                        }
                    }
                    Ok(false) => known += 1,
                    Err(e) => refused.add(1, e),
                }
            }
        }
        planned.retain(|p| !p.samples.is_empty());
        (planned, known)
    }

    fn check_new(&self, labels: &Labels, series: usize) -> Result<(), AppendError> {
        limits::check_labels(labels, &self.config.limits)?;
        let limit = self.config.limits.max_series;
        if series >= limit {
            return Err(AppendError::Limit(format!("series {labels} would exceed max_series ({limit})")));
        }
        Ok(())
    }

    /// Whether the sample is new (true) or known (false).
    fn judge(&self, head: &Head, plan: &Planned, sample: Sample) -> Result<bool, AppendError> {
        let Some(newest) = plan.newest.filter(|n| sample.t_ms <= n.t_ms) else { return Ok(true) };
        let known = |samples: &[Sample]| samples.iter().find(|s| s.t_ms == sample.t_ms).map(|s| s.v);
        let planned =
            known(&plan.samples).or_else(|| plan.flushed.as_ref().and_then(|(_, samples)| known(samples)));
        let place = match planned {
            Some(v) if v.to_bits() == sample.v.to_bits() => Place::Known,
            Some(_) => Place::Conflict,
            None if sample.t_ms < newest.t_ms.saturating_sub(self.config.out_of_order_ms) => Place::TooLate,
            None => plan
                .id
                .and_then(|_| head.find(&plan.labels))
                .map_or(Place::InOrder, |(_, s)| s.place(sample, self.config.out_of_order_ms)),
        };
        match place {
            Place::InOrder | Place::Late => Ok(true),
            Place::Known => Ok(false),
            Place::Conflict => Err(AppendError::Invalid(format!(
                "duplicate sample of {} at {} with another value",
                plan.labels, sample.t_ms
            ))),
            Place::TooLate => Err(AppendError::Invalid(format!(
                "out-of-order sample of {} at {}: more than {} ms behind the newest",
                plan.labels, sample.t_ms, self.config.out_of_order_ms
            ))),
        }
    }

    /// Writes one record and makes it visible.
    fn store(&self, planned: &[Planned], writer: &mut Writer) -> Result<(), AppendError> {
        self.rotate_when_full(writer)?;
        let segment = writer.segment;
        let mut next = writer.next_number;
        let mut numbers = Vec::with_capacity(planned.len());
        let record = {
            let head = self.head.read();
            let series = planned
                .iter()
                .map(|p| {
                    let declared = head.find(&p.labels).and_then(|(_, s)| s.declared);
                    let (number, labels) = match declared.filter(|(s, _)| *s == segment) {
                        Some((_, number)) => (number, None),
                        None => {
                            next += 1;
                            (next - 1, Some(p.labels.clone()))
                        }
                    };
                    numbers.push(number);
                    SeriesRecord { number, labels, samples: p.samples.clone() }
                })
                .collect();
            Record::Samples(series).encode()
        };
        self.write(writer, &record)?;
        writer.next_number = next;
        let mut head = self.head.write();
        for (p, number) in planned.iter().zip(numbers) {
            let id = head.find_or_create(&p.labels);
            let Some(series) = head.get_mut(id) else { continue };
            series.declared = Some((segment, number));
            for sample in &p.samples {
                series.apply(*sample);
            }
            note_newest(&mut writer.newest, segment, &p.samples);
        }
        Ok(())
    }

    fn write(&self, writer: &mut Writer, record: &[u8]) -> Result<(), AppendError> {
        self.wal.append(record).map_err(append_error)?;
        writer.segment_bytes += record.len() as u64;
        Ok(())
    }

    fn rotate_when_full(&self, writer: &mut Writer) -> Result<(), AppendError> {
        // Several segments, or retention by bytes would drop all or nothing.
        if writer.segment_bytes < self.config.segment_bytes.min(self.config.max_bytes / 4) {
            return Ok(());
        }
        self.rotate(writer)
    }

    /// Begins a segment, with all metadata.
    pub(crate) fn rotate(&self, writer: &mut Writer) -> Result<(), AppendError> {
        writer.segment = self.wal.rotate().map_err(append_error)?;
        writer.segment_bytes = 0;
        writer.next_number = 0;
        let metadata: Vec<MetricMetadata> = self.head.read().metadata.values().cloned().collect();
        if !metadata.is_empty() {
            self.write(writer, &Record::Metadata(metadata).encode())?;
        }
        Ok(())
    }
}

impl SampleAppender for Tsdb {
    fn append(&self, batch: &[SeriesBatch]) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        let mut refused = Refused::default();
        let mut writer = self.writer.lock();
        let (planned, mut accepted) = self.plan(batch, &mut refused);
        for part in parts(planned) {
            let samples: u64 = part.iter().map(|p| p.samples.len() as u64).sum();
            match self.store(&part, &mut writer) {
                Ok(()) => accepted += samples,
                Err(e) if accepted == 0 => return Err(e),
                Err(e) => refused.add(samples as usize, e),
            }
        }
        Ok((AppendOutcome { accepted, rejected: refused.count }, refused.first))
    }

    fn put_metadata(&self, metadata: &[MetricMetadata]) -> Result<(), AppendError> {
        let limits = &self.config.limits;
        let mut writer = self.writer.lock();
        let fresh: Vec<MetricMetadata> = {
            let head = self.head.read();
            let room = limits.max_metadata.saturating_sub(head.metadata.len());
            let news = metadata.iter().filter(|m| head.metadata.get(&m.metric) != Some(*m));
            let fits =
                |m: &&MetricMetadata| m.help.len() + m.unit.len() + m.metric.len() <= limits.max_help_bytes;
            news.filter(fits).take(room).cloned().collect()
        };
        if fresh.is_empty() {
            return Ok(());
        }
        self.rotate_when_full(&mut writer)?;
        let record = Record::Metadata(fresh.clone()).encode();
        self.write(&mut writer, &record)?;
        let mut head = self.head.write();
        head.metadata.extend(fresh.into_iter().map(|m| (m.metric.clone(), m)));
        Ok(())
    }
}

impl Planned {
    /// Reads what blocks hold of the series from `t_ms` on, unless the sample is too late anyway.
    fn look_up(&mut self, blocks: &[Arc<Block>], t_ms: i64, out_of_order_ms: i64) {
        let too_late = self.newest.is_some_and(|n| t_ms < n.t_ms.saturating_sub(out_of_order_ms));
        if too_late || self.flushed.as_ref().is_some_and(|(from, _)| *from <= t_ms) {
            return;
        }
        let mut samples = Vec::new();
        for block in blocks.iter().filter(|b| b.overlaps(t_ms, i64::MAX)) {
            match block.samples(&self.labels, (t_ms, i64::MAX)) {
                Ok(found) => samples.extend(found),
                Err(e) if block.note(&e) => {}
                Err(error) => tracing::warn!(%error, "cannot read block of metrics"),
            }
        }
        in_order(&mut samples);
        if let Some(last) = samples.last().filter(|l| self.newest.is_none_or(|n| n.t_ms < l.t_ms)) {
            self.newest = Some(*last);
        }
        self.flushed = Some((t_ms, samples));
    }
}

fn total(blocks: &[Arc<Block>], of: impl Fn(&Block) -> u64) -> u64 {
    blocks.iter().map(|b| of(b)).sum()
}

/// Refused samples and the first reason.
#[derive(Default)]
struct Refused {
    count: u64,
    first: Option<AppendError>,
}

impl Refused {
    fn add(&mut self, samples: usize, reason: AppendError) {
        self.count += samples as u64;
        self.first.get_or_insert(reason);
    }
}

/// The head being rebuilt from the log.
#[derive(Default)]
struct Replay {
    head: Head,
    writer: Writer,
    /// Series by their number in the current segment.
    numbers: HashMap<u32, SeriesId>,
    damaged: u64,
    /// What blocks hold already.
    marks: Vec<Mark>,
}

impl Replay {
    fn record(&mut self, segment: SegmentId, bytes: &[u8]) {
        if segment != self.writer.segment {
            self.writer.segment = segment;
            self.numbers.clear();
        }
        match Record::decode(bytes) {
            Ok(Record::Samples(series)) => series.into_iter().for_each(|s| self.series(segment, s)),
            Ok(Record::Metadata(metadata)) => {
                self.head.metadata.extend(metadata.into_iter().map(|m| (m.metric.clone(), m)));
            }
            Err(_) => self.damaged += 1,
        }
    }

    fn series(&mut self, segment: SegmentId, record: SeriesRecord) {
        let id = match record.labels {
            Some(labels) => {
                let id = self.head.find_or_create(&labels);
                self.numbers.insert(record.number, id);
                id
            }
            None => match self.numbers.get(&record.number) {
                Some(id) => *id,
                None => {
                    self.damaged += 1;
                    return;
                }
            },
        };
        note_newest(&mut self.writer.newest, segment, &record.samples);
        if let Some(series) = self.head.get_mut(id) {
            series.declared = Some((segment, record.number));
            for sample in record.samples {
                if !self.marks.iter().any(|m| m.covers(segment, sample.t_ms)) {
                    series.apply(sample);
                }
            }
        }
    }
}

fn note_newest(newest: &mut BTreeMap<SegmentId, i64>, segment: SegmentId, samples: &[Sample]) {
    if let Some(max) = samples.iter().map(|s| s.t_ms).max() {
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

/// Parts of at most [`SAMPLES_PER_RECORD`] samples and about [`LABEL_BYTES_PER_RECORD`] of labels; a series' samples stay
/// in order.
fn parts(planned: Vec<Planned>) -> Vec<Vec<Planned>> {
    let mut out: Vec<Vec<Planned>> = Vec::new();
    let (mut part, mut room, mut labels) = (Vec::new(), SAMPLES_PER_RECORD, 0);
    for mut series in planned {
        labels += series.labels.iter().map(|l| l.name.len() + l.value.len() + 4).sum::<usize>();
        while series.samples.len() > room || labels > LABEL_BYTES_PER_RECORD {
            let tail = series.samples.split_off(room.min(series.samples.len()));
            let rest = Planned {
                labels: series.labels.clone(),
                id: series.id,
                newest: series.newest,
                samples: tail,
                flushed: None,
            };
            part.push(std::mem::replace(&mut series, rest));
            out.push(std::mem::take(&mut part));
            (room, labels) = (SAMPLES_PER_RECORD, 0);
        }
        room -= series.samples.len();
        part.push(series);
    }
    out.push(part);
    for part in &mut out {
        part.retain(|p| !p.samples.is_empty());
    }
    out.retain(|part| !part.is_empty());
    out
}
