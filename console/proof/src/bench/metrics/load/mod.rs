//! The generated load: pods of services with counters, gauges, constants and classic histograms, one sample a series every
//! 15 seconds up to now. The same seed gives the same values on every run.

mod encode;
mod pod;
mod send;

pub use pod::SERIES_PER_POD;
pub use send::{LANES, send};

/// Between two samples of a series.
pub const STEP_MS: i64 = 15_000;
/// Of one request, as a real Prometheus sends them.
const SERIES_PER_REQUEST: usize = 2_000;

/// How large a load is and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub pods: usize,
    pub steps: usize,
    /// The time of the last samples.
    pub end_ms: i64,
}

impl Load {
    /// About as large as asked, ending at the last whole step before `now_ms`.
    pub fn new(series: usize, samples: usize, now_ms: i64) -> Self {
        let pods = (series / SERIES_PER_POD).max(1);
        let steps = (samples / (pods * SERIES_PER_POD)).max(1);
        Self { pods, steps, end_ms: now_ms - now_ms.rem_euclid(STEP_MS) }
    }

    pub fn series(&self) -> usize {
        self.pods * SERIES_PER_POD
    }

    pub fn samples(&self) -> usize {
        self.series() * self.steps
    }

    /// The time of the samples of a step.
    pub fn time_ms(&self, step: usize) -> i64 {
        self.end_ms - (self.steps - 1 - step) as i64 * STEP_MS
    }

    /// From the first to the last sample.
    pub fn span_ms(&self) -> i64 {
        self.end_ms - self.time_ms(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_ends_now_and_begins_its_span_earlier() {
        let load = Load::new(20_000, 16_000_000, 1_700_000_007_000);
        assert_eq!((load.series(), load.steps, load.samples()), (20_000, 800, 16_000_000));
        assert_eq!(load.time_ms(799), 1_700_000_000_000 - 1_700_000_000_000 % STEP_MS);
        assert_eq!(load.span_ms(), 799 * STEP_MS);
    }
}
