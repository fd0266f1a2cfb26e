//! Counter resets that start times tell of. Source: prometheus/promql/functions.go, `isStartTimestampReset`.

use super::Frame;

/// A sample's time and when its counter started; zero where that is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Started {
    pub t_ms: i64,
    pub start_ms: i64,
}

impl Frame<'_> {
    pub(super) fn started(&self, t_ms: i64) -> Started {
        let known = self.starts.binary_search_by_key(&t_ms, |s| s.0).ok();
        Started { t_ms, start_ms: known.map_or(0, |at| self.starts[at].1) }
    }
}

/// Whether the counter started again between two samples.
pub(super) fn has_restarted(before: Started, now: Started) -> bool {
    // Unknown, wrong, or a sample that is its own start.
    if now.start_ms == 0 || now.start_ms >= now.t_ms || now.start_ms < before.t_ms {
        return false;
    }
    if now.start_ms > before.t_ms {
        return true;
    }
    // Started at the sample before: a delta, unless the start of that one is not known either.
    before.start_ms <= before.t_ms && before.start_ms != 0 && before.start_ms != before.t_ms
}

/// Whether a sample says that it started in the middle of what the one before it counts.
pub(super) fn overlaps(before: Started, now: Started) -> bool {
    now.start_ms != 0 && now.start_ms < before.t_ms && now.start_ms != before.start_ms
}
