//! The time that a search looks at.

use super::envelope::EsError;

/// `start_ns <= t < end_ns`, either open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    pub start_ns: Option<i64>,
    pub end_ns: Option<i64>,
}

/// How long after now a line may be dated and still be found by a search without end.
const AHEAD_NS: i64 = 3_600_000_000_000;

impl Bounds {
    /// What lies in both.
    pub fn and(self, other: Self) -> Self {
        let start_ns = match (self.start_ns, other.start_ns) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        let end_ns = match (self.end_ns, other.end_ns) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { start_ns, end_ns }
    }

    /// Start and end. A search without start looks as far back as a search may.
    pub fn resolve(self, now_ns: i64, max_range_ms: i64) -> Result<(i64, i64), EsError> {
        let max_ns = max_range_ms.saturating_mul(1_000_000);
        let end = self.end_ns.unwrap_or_else(|| now_ns.saturating_add(AHEAD_NS));
        let start = self.start_ns.unwrap_or_else(|| end.saturating_sub(max_ns));
        let end = end.max(start);
        // A search to the end of time ends where no line can be.
        let end = end.min(now_ns.saturating_add(max_ns).max(start));
        if end.saturating_sub(start) > max_ns {
            let hours = max_range_ms / 3_600_000;
            return Err(EsError::argument(format!("range on [@timestamp] is longer than {hours} hours")));
        }
        Ok((start, end))
    }
}
