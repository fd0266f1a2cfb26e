//! What goes, by age, by bytes and by damage.

use std::sync::{Arc, atomic::Ordering};

use crate::{Tsdb, block::Block};

impl Tsdb {
    /// Applies retention by age, moves what is old enough into blocks, merges blocks, and applies retention by bytes.
    /// Appends and queries go on meanwhile.
    pub fn maintain(&self, now_ms: i64) {
        let mut state = self.flush.lock();
        self.set_damaged_aside();
        let cutoff = self.config.retention_clock.at(now_ms).saturating_sub(self.config.retention_ms);
        self.drop_blocks(|b| b.meta.last_t < cutoff);
        self.drop_segments(cutoff, u64::MAX);
        if let Err(error) = self.flush_old(now_ms, &mut state) {
            tracing::error!(%error, "metrics stay in memory: cannot write block");
        }
        self.remove_flushed_segments();
        if let Err(error) = self.compact(&state) {
            tracing::error!(%error, "cannot merge blocks of metrics");
        }
        while self.wal.total_bytes() + self.block_bytes() > self.config.max_bytes {
            let oldest = self.head.read().blocks.iter().min_by_key(|b| b.meta.last_t).map(|b| b.sequence);
            let Some(oldest) = oldest else { break };
            self.drop_blocks(|b| b.sequence == oldest);
        }
        self.drop_segments(cutoff, self.config.max_bytes);
        self.measure_memory();
    }

    fn block_bytes(&self) -> u64 {
        self.head.read().blocks.iter().map(|b| b.bytes).sum()
    }

    fn drop_blocks(&self, gone: impl Fn(&Block) -> bool) {
        for block in self.take_blocks(gone) {
            self.folder.remove(block.sequence);
        }
    }

    fn set_damaged_aside(&self) {
        for block in self.take_blocks(Block::is_damaged) {
            self.folder.set_aside(block.sequence);
        }
    }

    fn take_blocks(&self, gone: impl Fn(&Block) -> bool) -> Vec<Arc<Block>> {
        let mut head = self.head.write();
        let (gone, kept): (Vec<_>, Vec<_>) = head.blocks.iter().cloned().partition(|b| gone(b));
        if !gone.is_empty() {
            head.blocks = Arc::new(kept);
        }
        gone
    }

    /// Drops segments that are all older than `cutoff` or, oldest first, more than `max_bytes`; and what memory holds of
    /// their time.
    fn drop_segments(&self, mut cutoff: i64, max_bytes: u64) {
        let mut writer = self.writer.lock();
        loop {
            let segments = self.wal.segments();
            let [oldest, next, ..] = segments.as_slice() else { break };
            let newest = writer.newest.get(&oldest.id).copied();
            let full = segments.iter().map(|s| s.bytes).sum::<u64>() > max_bytes;
            if !full && newest.is_some_and(|t| t >= cutoff) {
                break;
            }
            if let Err(error) = self.wal.remove_before(next.id) {
                tracing::warn!(%error, "cannot remove old segments of the log of metrics");
                break;
            }
            writer.newest.remove(&oldest.id);
            if full {
                // Late samples of that time may stand in later segments: those stay.
                cutoff = cutoff.max(newest.unwrap_or(cutoff).saturating_sub(self.config.out_of_order_ms));
            }
            self.dropped_segments.fetch_add(1, Ordering::Relaxed);
        }
        self.head.write().drop_before(cutoff);
    }
}
