//! Intervals of a metrics query: open on the left, closed on the right.

use console_model::TimeRange;
use console_storage::{SourceError, trace_query::MetricsRange};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    start_ns: i64,
    step_ns: i64,
    /// Intervals.
    pub count: usize,
}

impl Grid {
    /// With a step, the start is rounded down to one and the end up, so that a range that moves keeps its points.
    pub fn new(range: MetricsRange, max_points: usize) -> Result<Self, SourceError> {
        let invalid = |message: String| SourceError::Invalid { message, position: None };
        let MetricsRange { start_ns, end_ns, step_ns, .. } = range;
        if start_ns < 0 || start_ns >= end_ns {
            return Err(invalid("the start of the range must be before its end".to_owned()));
        }
        let Some(step_ns) = step_ns else {
            return Ok(Self { start_ns, step_ns: end_ns - start_ns, count: 1 });
        };
        if step_ns <= 0 {
            return Err(invalid("step must be above 0".to_owned()));
        }
        let start_ns = start_ns - start_ns % step_ns;
        let count = (end_ns - start_ns).div_euclid(step_ns) + i64::from((end_ns - start_ns) % step_ns > 0);
        match usize::try_from(count) {
            Ok(count) if count <= max_points => Ok(Self { start_ns, step_ns, count }),
            _ => Err(invalid(format!("the range has {count} steps, more than {max_points}"))),
        }
    }

    /// The interval that a time lies in.
    pub fn interval(&self, at_ns: i64) -> Option<usize> {
        let offset = at_ns.checked_sub(self.start_ns).filter(|o| *o > 0)?;
        let interval = usize::try_from((offset - 1) / self.step_ns).ok()?;
        (interval < self.count).then_some(interval)
    }

    /// The end of an interval.
    pub fn timestamp_ms(&self, interval: usize) -> i64 {
        (self.start_ns + (interval as i64 + 1) * self.step_ns).div_euclid(1_000_000)
    }

    pub fn step_seconds(&self) -> f64 {
        self.step_ns as f64 / 1e9
    }

    pub fn range(&self) -> TimeRange {
        let end_ns = self.start_ns.saturating_add(self.step_ns.saturating_mul(self.count as i64));
        TimeRange { start_ms: self.start_ns.div_euclid(1_000_000), end_ms: end_ns.div_euclid(1_000_000) + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(start_ns: i64, end_ns: i64, step_ns: Option<i64>) -> Result<Grid, SourceError> {
        Grid::new(MetricsRange { start_ns, end_ns, step_ns, exemplars: 0 }, 100)
    }

    #[test]
    fn an_interval_has_its_end_and_not_its_start() {
        let g = grid(12_000_000, 35_000_000, Some(10_000_000)).unwrap();
        assert_eq!((g.count, g.timestamp_ms(0), g.timestamp_ms(2)), (3, 20, 40));
        let of = |ms: i64| g.interval(ms * 1_000_000);
        assert_eq!(
            [of(10), of(11), of(20), of(21), of(40), of(41)],
            [None, Some(0), Some(0), Some(1), Some(2), None]
        );
        let whole = grid(5, 25, None).unwrap();
        assert_eq!((whole.count, whole.interval(25), whole.interval(5)), (1, Some(0), None));
    }

    #[test]
    fn ranges_without_an_end_or_with_too_many_steps_are_refused() {
        assert!(grid(10, 10, Some(1)).is_err());
        assert!(grid(0, 10, Some(0)).is_err());
        assert!(grid(0, 101, Some(1)).unwrap_err().to_string().contains("101 steps, more than 100"));
    }
}
