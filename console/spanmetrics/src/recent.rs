//! Spans that came lately, so that one that is sent again is counted once.

use std::{collections::HashSet, hash::Hasher as _};

use console_model::{
    labels::text_hasher,
    span::{SpanId, SpanKind, TraceId},
};
use foldhash::fast::RandomState;

/// At least the last half of `limit` spans and at most `limit`. They are known by 64 bits of a seeded hash: among a hundred
/// thousand, one span in 10^14 is taken for another.
pub(crate) struct Recent {
    limit: usize,
    current: HashSet<u64, RandomState>,
    before: HashSet<u64, RandomState>,
}

impl Recent {
    pub fn new(limit: usize) -> Self {
        Self { limit, current: HashSet::default(), before: HashSet::default() }
    }

    /// Whether the span is new. Zipkin's servers have the id of their client's span, so that the kind is part of it.
    pub fn insert(&mut self, trace: TraceId, span: SpanId, kind: SpanKind) -> bool {
        if self.limit == 0 {
            return true;
        }
        let mut hasher = text_hasher();
        hasher.write(&trace.0);
        hasher.write(&span.0);
        hasher.write_u8(kind as u8);
        let hash = hasher.finish();
        if self.before.contains(&hash) || !self.current.insert(hash) {
            return false;
        }
        if self.current.len() > self.limit / 2 {
            std::mem::swap(&mut self.before, &mut self.current);
            // Keeps its memory: no more is taken once it is full.
            self.current.clear();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(n: u64) -> (TraceId, SpanId) {
        (TraceId([7; 16]), SpanId(n.to_be_bytes()))
    }

    #[test]
    fn at_least_the_last_half_is_known_and_no_more_than_the_limit_kept() {
        let mut recent = Recent::new(100);
        for n in 0..1_000u64 {
            let (t, s) = ids(n);
            assert!(recent.insert(t, s, SpanKind::Server));
            assert!(recent.current.len() + recent.before.len() <= 102);
            for back in 0..=n.min(49) {
                let (t, s) = ids(n - back);
                assert!(!recent.insert(t, s, SpanKind::Server), "{n} {back}");
            }
        }
        assert!(recent.insert(ids(0).0, ids(0).1, SpanKind::Server), "forgotten");
        assert!(recent.insert(ids(999).0, ids(999).1, SpanKind::Client), "another kind is another span");
    }
}
