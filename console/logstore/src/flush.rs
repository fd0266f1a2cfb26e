//! Out of memory into parts.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

use console_blockkit::{
    SegmentId, WalError,
    part::{Mark, PartError, PartFolder, PartStep, PartWriter},
};
use console_model::Labels;

use crate::{
    LogStore,
    head::{Head, HeadRun, pairs},
    part::{LogPart, PartBuilder},
    store::first_kept,
};

/// A part is of one stretch of time, so that retention by age leaves little that is older: this part of the retention,
const STRETCHES: i64 = 7;
/// and no shorter or longer than this.
const STRETCH_MS: (i64, i64) = (3_600_000, 24 * 3_600_000);

/// Nanoseconds of the stretches of time that parts are of.
pub fn stretch_ns(retention_ms: i64) -> i64 {
    (retention_ms / STRETCHES).clamp(STRETCH_MS.0, STRETCH_MS.1) * 1_000_000
}

/// Writes memory as parts, one a stretch of time; the last one has the mark.
pub fn write(
    folder: &PartFolder,
    head: &Head,
    mark: Mark,
    retention_ms: i64,
) -> Result<Vec<Arc<LogPart>>, PartError> {
    let run = |(labels, stream): (&Labels, &crate::head::HeadStream)| {
        (labels.clone(), HeadRun::new(stream.chunks.clone(), i64::MIN, i64::MAX))
    };
    let mut runs: Vec<(Labels, HeadRun)> = head.streams.iter().map(run).collect();
    runs.sort_by(|a, b| a.0.cmp(&b.0));
    let length = stretch_ns(retention_ms);
    let stretch = |t_ns: i64| t_ns.div_euclid(length);
    let mut stretches = BTreeSet::new();
    for (_, run) in &runs {
        let mut row = 0;
        while row < run.len() {
            let at = stretch(run.t_ns(row));
            stretches.insert(at);
            row = run.before((at + 1).saturating_mul(length)).max(row + 1);
        }
    }
    let mut written: Vec<Arc<LogPart>> = Vec::new();
    let last = stretches.last().copied();
    for at in stretches {
        let marks = if Some(at) == last { vec![mark] } else { Vec::new() };
        let (from_ns, to_ns) = (at.saturating_mul(length), (at + 1).saturating_mul(length));
        let fill = |out: &mut PartWriter<'_>| {
            let mut builder = PartBuilder::new(out);
            for (labels, run) in &runs {
                let mut stream = None;
                for row in run.before(from_ns)..run.before(to_ns) {
                    if stream.is_none() {
                        stream = Some(builder.stream(labels)?);
                    }
                    let entry = run.entry(row);
                    let metadata: Vec<_> = pairs(entry).collect();
                    builder.push(entry.t_ns, &entry.line, &metadata)?;
                }
            }
            builder.finish(marks, Vec::new(), 0)
        };
        let load = |part, footer: &[u8]| LogPart::load(part, footer).map(Arc::new);
        match folder.write(fill, load) {
            Ok(part) => written.extend(part),
            Err(error) => {
                // All or nothing: the next try writes them again.
                for part in &written {
                    folder.remove(part.part.sequence);
                }
                return Err(error);
            }
        }
    }
    Ok(written)
}

impl LogStore {
    /// Writes what is in memory as parts, and lets the log forget it. Lines arrive and are read meanwhile. After an error
    /// everything is where it was, and the next call tries again.
    pub fn flush(&self) -> Result<(), PartError> {
        self.flush_alone(&mut self.flushing.lock())
    }

    /// Whether memory is to become a part.
    pub(crate) fn is_due(&self) -> bool {
        self.state.read().head.bytes >= self.config.max_head_bytes / 2
    }

    /// As [`LogStore::flush`], for whoever holds the lock.
    pub(crate) fn flush_alone(&self, began: &mut Option<SegmentId>) -> Result<(), PartError> {
        let Some((frozen, segment)) = self.freeze(began)? else { return Ok(()) };
        let parts = write(&self.folder, &frozen, Mark::all_before(segment), self.config.retention_ms)?;
        {
            let mut state = self.state.write();
            state.change_parts(&[], parts);
            state.frozen = None;
        }
        *began = None;
        drop(frozen);
        self.cut_log();
        Ok(())
    }

    /// Takes memory aside, at the beginning of a segment; what a failed flush left first.
    fn freeze(&self, began: &mut Option<SegmentId>) -> Result<Option<(Arc<Head>, SegmentId)>, PartError> {
        if let (Some(frozen), Some(segment)) = (self.state.read().frozen.clone(), *began) {
            return Ok(Some((frozen, segment)));
        }
        // Little is left to write to the disk while pushes wait.
        if let Err(error) = self.wal.sync() {
            tracing::warn!(%error, "log of lines cannot be put onto the disk");
        }
        let _alone = self.epoch.write();
        if self.state.read().head.entries == 0 {
            return Ok(None);
        }
        let segment = self.wal.rotate().map_err(|e| PartError::Io {
            action: "begin a log segment before a",
            source: match e {
                WalError::DiskFull => std::io::ErrorKind::StorageFull.into(),
                other => std::io::Error::other(other),
            },
        })?;
        let mut state = self.state.write();
        let frozen = Arc::new(std::mem::take(&mut state.head));
        state.frozen = Some(Arc::clone(&frozen));
        *began = Some(segment);
        Ok(Some((frozen, segment)))
    }

    /// Removes segments of the log of which every line is in a part.
    pub(crate) fn cut_log(&self) {
        let first_kept = first_kept(&self.state.read().parts);
        let gone = self.wal.segments().iter().filter(|s| s.id < first_kept).count();
        if gone == 0 {
            return;
        }
        let removed = self.folder.probe().before(PartStep::RemoveSegments);
        let removed = removed.map_err(|e| e.to_string());
        let removed = removed.and_then(|()| self.wal.remove_before(first_kept).map_err(|e| e.to_string()));
        match removed {
            Ok(()) => {
                self.flushed_segments.fetch_add(gone as u64, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(error, "cannot remove flushed segments of the log of lines"),
        }
    }
}
