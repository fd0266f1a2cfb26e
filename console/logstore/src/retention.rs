//! What goes, by age, by bytes and by damage.

use std::sync::atomic::Ordering;

use crate::{LogStore, part::LogPart};

impl LogStore {
    /// Applies retention, moves what waited for long out of memory, and merges parts. Lines arrive and are read meanwhile.
    pub fn maintain(&self, now_ms: i64) {
        let _alone = self.compacting.lock();
        for sequence in self.take_parts(|p| p.part.is_damaged()) {
            self.folder.set_aside(sequence);
        }
        let is_due = {
            let state = self.state.read();
            let long_ago = now_ms.saturating_sub(self.config.max_head_ms);
            state.frozen.is_some()
                || state.head.bytes >= self.config.max_head_bytes / 2
                || state.head.since_ms.is_some_and(|t| t <= long_ago || t > now_ms)
        };
        if is_due && let Err(error) = self.flush() {
            tracing::error!(%error, "lines stay in memory: cannot write part");
        }
        self.cut_log();
        self.drop_old(now_ms);
        if let Err(error) = self.compact(now_ms) {
            tracing::error!(%error, "cannot merge parts of lines");
        }
        self.drop_over_bytes();
    }

    /// Applies retention by age and by bytes, which takes no time.
    pub(crate) fn drop_old(&self, now_ms: i64) {
        let aged_ms = self.config.retention_clock.at(now_ms);
        let cutoff_ns = aged_ms.saturating_sub(self.config.retention_ms).saturating_mul(1_000_000);
        self.drop_parts(|p| p.part.meta.last_t_ns < cutoff_ns);
        self.drop_over_bytes();
    }

    fn drop_over_bytes(&self) {
        loop {
            let log = self.wal.total_bytes();
            let oldest = {
                let state = self.state.read();
                // A log that is too large by itself gets no smaller by that.
                if log + state.part_bytes() <= self.config.max_bytes || log > self.config.max_bytes {
                    return;
                }
                state.parts.iter().min_by_key(|p| p.part.meta.last_t_ns).map(|p| p.part.sequence)
            };
            let Some(oldest) = oldest else { return };
            self.drop_parts(|p| p.part.sequence == oldest);
        }
    }

    fn drop_parts(&self, gone: impl Fn(&LogPart) -> bool) {
        for sequence in self.take_parts(gone) {
            self.folder.remove(sequence);
            self.dropped_parts.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take_parts(&self, gone: impl Fn(&LogPart) -> bool) -> Vec<u64> {
        let mut state = self.state.write();
        let gone: Vec<u64> = state.parts.iter().filter(|p| gone(p)).map(|p| p.part.sequence).collect();
        if !gone.is_empty() {
            state.change_parts(&gone, Vec::new());
            for sequence in &gone {
                self.caches.forget(*sequence);
            }
        }
        gone
    }
}
