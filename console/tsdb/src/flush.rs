//! Out of memory into blocks, and small blocks into larger ones.

use std::sync::{Arc, atomic::Ordering};

use console_blockkit::SegmentId;

use crate::{
    Tsdb,
    block::{Block, BlockError, BlockStep, Mark, merge},
};

/// Series that are looked at under one lock.
const SERIES_PER_STEP: usize = 2_000;
/// Blocks that one call makes, and merges that it does.
const BLOCKS_PER_CALL: usize = 8;
const MERGES_PER_CALL: usize = 2;
/// Lengths of merged blocks, in those of a fresh one; each is a multiple of the one before, and the first merges what came
/// late into its window.
const MERGE_STEPS: [i64; 3] = [1, 4, 12];
/// A merged block is at most this part of the retention.
const RETENTION_PER_BLOCK: i64 = 3;

#[derive(Debug)]
pub(crate) struct FlushState {
    /// Everything before this was flushed once; what comes late waits in memory for the next flush.
    flushed_until: i64,
    /// A flush under way: until when, and the segment that began with it.
    pending: Option<(i64, SegmentId)>,
}

impl FlushState {
    pub fn new(marks: &[Mark]) -> Self {
        let flushed_until = marks.iter().map(|m| m.before_ms).max().unwrap_or(i64::MIN);
        Self { flushed_until, pending: None }
    }
}

fn align_down(t_ms: i64, to: i64) -> i64 {
    t_ms.saturating_sub(t_ms.rem_euclid(to))
}

/// A stretch of time without a moment.
const NO_TIME: (i64, i64) = (i64::MAX, i64::MIN);

fn joined(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    (a.0.min(b.0), a.1.max(b.1))
}

impl Tsdb {
    fn block_ms(&self) -> i64 {
        self.config.block_ms.max(1)
    }

    /// Moves whole windows that are old enough into blocks, one block a window.
    pub(crate) fn flush_old(&self, now_ms: i64, state: &mut FlushState) -> Result<(), BlockError> {
        let block_ms = self.block_ms();
        let until = align_down(now_ms.saturating_sub(block_ms / 2), block_ms);
        if until <= state.flushed_until {
            return Ok(());
        }
        for _ in 0..BLOCKS_PER_CALL {
            let Some(first_t) = self.head.read().first_t().filter(|t| *t < until) else {
                // Where there was nothing to flush, what arrives later need not wait.
                if state.pending.take().is_some() {
                    state.flushed_until = until;
                }
                return Ok(());
            };
            let segment = match state.pending.filter(|(t, _)| *t == until) {
                Some((_, segment)) => segment,
                None => {
                    // From here on, what arrives is in a segment that the mark does not cover.
                    let mut writer = self.writer.lock();
                    if let Err(error) = self.rotate(&mut writer) {
                        tracing::warn!(%error, "cannot begin a log segment");
                        return Ok(());
                    }
                    state.pending = Some((until, writer.segment));
                    writer.segment
                }
            };
            let before_ms = align_down(first_t, block_ms).saturating_add(block_ms).min(until);
            self.flush_before(Mark { segment, before_ms })?;
        }
        Ok(())
    }

    /// Moves everything before a time into blocks at once, one block a window at most: for want of memory, or because the log
    /// is not to be trusted.
    pub(crate) fn flush_now(&self, before_ms: i64, alone: &mut FlushState) -> Result<(), BlockError> {
        let is_due = |first_t: &i64| *first_t < before_ms;
        if !self.head.read().first_t().as_ref().is_some_and(is_due) {
            return Ok(());
        }
        let segment = {
            // With it, everything that earlier segments hold is in memory.
            let mut writer = self.writer.lock();
            self.rotate(&mut writer).map_err(|e| BlockError::Io {
                action: "begin a log segment before a",
                source: std::io::Error::other(e),
            })?;
            writer.segment
        };
        self.flush_all(segment, before_ms, alone)
    }

    /// As [`Tsdb::flush_now`], of what segments before this one hold, which are finished.
    pub(crate) fn flush_all(
        &self,
        segment: SegmentId,
        before_ms: i64,
        _alone: &mut FlushState,
    ) -> Result<(), BlockError> {
        let (first_t, last_t) = {
            let head = self.head.read();
            let last_t = head.all().filter_map(|s| s.last_t()).max();
            let Some(span) = head.first_t().zip(last_t) else { return Ok(()) };
            span
        };
        let until = before_ms.min(last_t.saturating_add(1));
        let mut from = align_down(first_t, self.block_ms());
        while from < until {
            let before_ms = from.saturating_add(self.block_ms()).min(until);
            self.flush_before(Mark { segment, before_ms })?;
            // Windows without a point are many where one point is far from the others.
            let Some(next) = self.head.read().first_t() else { break };
            from = align_down(next, self.block_ms()).max(before_ms);
        }
        self.remove_flushed_segments();
        Ok(())
    }

    fn flush_before(&self, mark: Mark) -> Result<(), BlockError> {
        let mut from = Some(0);
        while let Some(id) = from {
            // The lock is free between the steps.
            from = self.head.write().leave(id, SERIES_PER_STEP, mark.before_ms);
        }
        let leaving = self.head.read().leaving();
        let span = leaving.iter().map(|(_, cuts)| cuts.span()).fold(NO_TIME, joined);
        let series = leaving.into_iter().map(|(labels, cuts)| Ok(cuts.points(labels)));
        let written = self.folder.write(span, series, vec![mark], Vec::new());
        let mut head = self.head.write();
        match written {
            Ok(block) => {
                let blocks = head.blocks.iter().cloned().chain(block).collect();
                head.blocks = Arc::new(blocks);
                head.left();
                Ok(())
            }
            Err(e) => {
                head.stay();
                Err(e)
            }
        }
    }

    /// Removes log segments of which every sample is in a block.
    pub(crate) fn remove_flushed_segments(&self) {
        let marks: Vec<Mark> = self.head.read().blocks.iter().flat_map(|b| b.meta.marks.clone()).collect();
        let mut writer = self.writer.lock();
        loop {
            let segments = self.wal.segments();
            let [oldest, next, ..] = segments.as_slice() else { break };
            let newest = writer.newest.get(&oldest.id).copied().unwrap_or(i64::MIN);
            if !marks.iter().any(|m| m.covers(oldest.id, newest)) {
                break;
            }
            if let Err(error) = self.folder.probe().before(BlockStep::RemoveSegments) {
                tracing::warn!(%error, "cannot remove flushed segments of the log of metrics");
                break;
            }
            if let Err(error) = self.wal.remove_before(next.id) {
                tracing::warn!(%error, "cannot remove flushed segments of the log of metrics");
                break;
            }
            writer.newest.remove(&oldest.id);
            self.flushed_segments.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Merges overlapping blocks, and those of a longer window that is over.
    pub(crate) fn compact(&self, state: &FlushState) -> Result<(), BlockError> {
        for _ in 0..MERGES_PER_CALL {
            let blocks = Arc::clone(&self.head.read().blocks);
            let Some(group) = self.mergeable(&blocks, state.flushed_until) else { break };
            let mut marks = Vec::new();
            group.iter().flat_map(|b| &b.meta.marks).for_each(|m| Mark::add(&mut marks, *m));
            let gone: Vec<u64> = group.iter().map(|b| b.sequence).collect();
            let span = group.iter().map(|b| (b.meta.first_t, b.meta.last_t)).fold(NO_TIME, joined);
            let merged = self.folder.write(span, merge(&group)?, marks, gone.clone())?;
            {
                let mut head = self.head.write();
                let kept = head.blocks.iter().filter(|b| !gone.contains(&b.sequence)).cloned();
                let blocks = kept.chain(merged).collect();
                head.blocks = Arc::new(blocks);
            }
            for sequence in gone {
                self.folder.remove(sequence);
            }
        }
        Ok(())
    }

    fn mergeable(&self, blocks: &[Arc<Block>], flushed_until: i64) -> Option<Vec<Arc<Block>>> {
        // A block goes as a whole: one as long as the retention would keep samples twice as long as asked.
        let longest = self.config.max_block_ms.min(self.config.retention_ms / RETENTION_PER_BLOCK);
        for length in MERGE_STEPS.map(|blocks| self.block_ms().saturating_mul(blocks)) {
            if length > longest.max(self.block_ms()) {
                continue;
            }
            for block in blocks.iter().filter(|b| !b.is_damaged()) {
                let start = align_down(block.meta.first_t, length);
                let end = start.saturating_add(length);
                let inside =
                    |b: &&Arc<Block>| !b.is_damaged() && b.meta.first_t >= start && b.meta.last_t < end;
                let group: Vec<_> = blocks.iter().filter(inside).cloned().collect();
                if group.len() > 1 && end <= flushed_until {
                    return Some(group);
                }
            }
        }
        None
    }
}
