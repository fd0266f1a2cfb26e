//! Accepting lines.

use std::collections::BTreeSet;

use console_blockkit::{Position, Reservation, WalError};
use console_model::{
    Labels,
    log::{LogEntry, LogStream},
};
use console_storage::{AppendError, logs::LogAppender, metrics::AppendOutcome};

use crate::{
    LogStore, codec,
    head::{Prepared, size},
    limits,
};

/// Raw bytes of one record; larger pushes become several.
const RECORD_BYTES: usize = 1 << 20;
/// Flushes that a push waits for until there is room in memory.
const FLUSHES: usize = 3;
/// When a sender may come again: a disk that is full stays so for a while.
const FULL_RETRY_S: u32 = 10;
const RETRY_S: u32 = 2;

impl LogStore {
    /// Splits a push into what is allowed, how much is not, and the first reason.
    fn screen(&self, streams: Vec<LogStream>) -> (Vec<LogStream>, u64, Option<AppendError>) {
        let now_ms = (self.config.clock)();
        let aged_ms = self.config.retention_clock.at(now_ms);
        let limits = &self.config.limits;
        let (mut good, mut rejected, mut reason) = (Vec::new(), 0, None);
        let mut new_streams = BTreeSet::new();
        for mut stream in streams {
            let mut fits = limits::check_labels(&stream.labels, limits);
            if fits.is_ok() {
                let (is_known, known) = {
                    let head = &self.state.read().head;
                    (head.streams.contains_key(&stream.labels), head.streams.len())
                };
                if !is_known && !new_streams.contains(&stream.labels) {
                    if known + new_streams.len() >= limits.max_streams {
                        fits = Err(AppendError::Limit(format!(
                            "stream {} would exceed max_streams ({})",
                            stream.labels, limits.max_streams
                        )));
                    } else {
                        new_streams.insert(stream.labels.clone());
                    }
                }
            }
            if let Err(e) = fits {
                rejected += stream.entries.len() as u64;
                reason.get_or_insert(e);
                continue;
            }
            stream.entries.retain_mut(|entry| {
                entry.metadata.sort();
                match limits::check_entry(entry, limits, (aged_ms, now_ms), self.config.retention_ms) {
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

    /// Answers where it ends in the log.
    fn store(&self, streams: Vec<LogStream>) -> Result<Position, AppendError> {
        let bytes: u64 = streams.iter().map(size).sum();
        let record = codec::encode(&streams);
        let pushes: Vec<Prepared> = streams.into_iter().map(Prepared::new).collect();
        let room = self.room(bytes)?;
        let end = {
            let _epoch = self.epoch.read();
            let end = self.wal.append(&record).map_err(append_error)?.position;
            self.enter(pushes, room);
            end
        };
        if self.is_due()
            && let Some(mut began) = self.flushing.try_lock()
            && self.is_due()
        {
            // This sender pays for what many brought; the others go on. A failure is told when there is no room.
            if let Err(error) = self.flush_alone(&mut began) {
                tracing::error!(%error, "lines stay in memory: cannot write part");
            }
        }
        Ok(end)
    }

    /// Makes pushes visible.
    fn enter(&self, pushes: Vec<Prepared>, room: Reservation) {
        let now_ms = (self.config.clock)();
        let has_subscribers = self.live.receiver_count() > 0;
        let mut state = self.state.write();
        let state = &mut *state;
        let frozen = state.frozen.as_deref();
        let (mut room, mut used) = (room, 0);
        for push in pushes {
            let added = state.head.add(push, frozen, now_ms);
            used += added.as_deref().map_or(0, size);
            if let Some(added) = added.filter(|_| has_subscribers) {
                // Fails only without subscribers.
                let _ = self.live.send(added);
            }
        }
        // What repeats takes none.
        room.shrink_to(used);
        match &mut state.head.reservation {
            Some(held) => held.join(room),
            none => *none = Some(room),
        }
    }

    /// Memory for a push if there is some.
    fn room_now(&self, bytes: u64) -> Option<Reservation> {
        let held = self.state.read().head_bytes();
        if held == 0 {
            // Larger than all that may be: alone it is let in.
            return Some(self.config.budget.reserve_over(bytes));
        }
        if held.saturating_add(bytes) > self.config.max_head_bytes {
            return None;
        }
        self.config.budget.try_reserve(bytes)
    }

    /// Memory for a push. Waits for flushes when there is none.
    fn room(&self, bytes: u64) -> Result<Reservation, AppendError> {
        if let Some(free) = self.folder.free_bytes()
            && free < self.config.min_free_bytes
        {
            let reason = format!(
                "disk of lines has {free} bytes free, less than min_free_bytes ({})",
                self.config.min_free_bytes
            );
            return Err(AppendError::Busy { reason, retry_after_s: FULL_RETRY_S });
        }
        let mut failed = None;
        for _ in 0..FLUSHES {
            if let Some(room) = self.room_now(bytes) {
                return Ok(room);
            }
            let mut began = self.flushing.lock();
            // Whoever had the lock may have made room.
            if let Some(room) = self.room_now(bytes) {
                return Ok(room);
            }
            if let Err(error) = self.flush_alone(&mut began) {
                failed = Some(error);
                break;
            }
        }
        let cause =
            failed.as_ref().map_or_else(String::new, |error| match std::error::Error::source(error) {
                Some(source) => format!(": {error}: {source}"),
                None => format!(": {error}"),
            });
        let is_full = failed.is_some_and(|e| e.is_full());
        Err(AppendError::Busy {
            reason: format!("lines in memory reach max_head_bytes ({}){cause}", self.config.max_head_bytes),
            retry_after_s: if is_full { FULL_RETRY_S } else { RETRY_S },
        })
    }
}

fn append_error(e: WalError) -> AppendError {
    match e {
        WalError::DiskFull | WalError::Unsynced { .. } => {
            AppendError::Busy { reason: e.to_string(), retry_after_s: FULL_RETRY_S }
        }
        other => AppendError::Storage(other.to_string()),
    }
}

/// Parts of about [`RECORD_BYTES`] each.
fn parts(streams: Vec<LogStream>) -> Vec<Vec<LogStream>> {
    let mut out: Vec<Vec<LogStream>> = vec![Vec::new()];
    let mut bytes = 0;
    let entry_bytes = |e: &console_model::log::LogEntry| {
        e.line.len() + 32 + e.metadata.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>()
    };
    for stream in streams {
        let all: usize = stream.entries.iter().map(entry_bytes).sum();
        if bytes + all < RECORD_BYTES {
            bytes += all;
            if let Some(last) = out.last_mut() {
                last.push(stream);
            }
            continue;
        }
        let mut part = LogStream { labels: stream.labels.clone(), entries: Vec::new() };
        for entry in stream.entries {
            bytes += entry_bytes(&entry);
            part.entries.push(entry);
            if bytes >= RECORD_BYTES {
                let entries = std::mem::take(&mut part.entries);
                if let Some(last) = out.last_mut() {
                    last.push(LogStream { labels: stream.labels.clone(), entries });
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
        self.settle_log()?;
        let (good, mut rejected, mut reason) = self.screen(streams);
        let total: u64 = good.iter().map(|s| s.entries.len() as u64).sum();
        let (mut accepted, mut end) = (0, None);
        for part in parts(good) {
            let lines = part.iter().map(|s| s.entries.len() as u64).sum::<u64>();
            match self.store(part) {
                Ok(at) => (accepted, end) = (accepted + lines, Some(at)),
                Err(e) if accepted == 0 => return Err(e),
                Err(e) => {
                    rejected += total - accepted;
                    reason = Some(e);
                    break;
                }
            }
        }
        if let Some(end) = end {
            self.wal.acknowledge(end).map_err(append_error)?;
        }
        Ok((AppendOutcome { accepted, rejected, ..AppendOutcome::default() }, reason))
    }

    fn check(&self, labels: &Labels, entry: &LogEntry) -> Result<(), AppendError> {
        let now_ms = (self.config.clock)();
        let now = (self.config.retention_clock.at(now_ms), now_ms);
        limits::check_labels(labels, &self.config.limits)?;
        limits::check_entry(entry, &self.config.limits, now, self.config.retention_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_push_becomes_records_of_about_a_megabyte_in_order() {
        let entry = |i: i64| LogEntry { t_ns: i, line: "x".repeat(1000), metadata: vec![] };
        let stream = |n: &str| LogStream {
            labels: Labels::from_pairs([("n", n)]),
            entries: (0..1500).map(entry).collect(),
        };
        let parts = parts(vec![stream("a"), stream("b")]);
        assert_eq!(parts.len(), 3);
        let all: Vec<i64> = parts.iter().flatten().flat_map(|s| s.entries.iter().map(|e| e.t_ns)).collect();
        assert_eq!(all, (0..1500).chain(0..1500).collect::<Vec<_>>());
        assert!(parts.iter().all(|p| p.iter().map(|s| s.entries.len()).sum::<usize>() < 1100));
    }
}
