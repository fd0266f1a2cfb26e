//! How far the change between the samples of a window extends to its ends. Source: `extrapolatedRate` in
//! prometheus/promql/functions.go.

use super::{Frame, seconds};

/// Where the samples of a window lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub to_start_ms: i64,
    pub sampled_ms: i64,
    pub to_end_ms: i64,
    pub samples: usize,
}

/// The time between the samples and what is added before and after, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    pub sampled: f64,
    pub to_start: f64,
    pub to_end: f64,
}

impl Seen {
    pub fn of(f: &Frame<'_>, first_ms: i64, last_ms: i64, samples: usize) -> Self {
        Self {
            to_start_ms: first_ms - f.start_ms,
            sampled_ms: last_ms - first_ms,
            to_end_ms: f.end_ms - last_ms,
            samples,
        }
    }

    /// To the ends of the window where they are near, else half the time between samples.
    pub fn extent(&self) -> Extent {
        let sampled = seconds(self.sampled_ms);
        let between = if self.samples < 2 { 0.0 } else { sampled / (self.samples - 1) as f64 };
        let far = between * 1.1;
        let limited = |ms: i64| {
            let to = seconds(ms);
            if to >= far { between / 2.0 } else { to }
        };
        Extent { sampled, to_start: limited(self.to_start_ms), to_end: limited(self.to_end_ms) }
    }
}

impl Extent {
    /// What the change is multiplied with. `from_zero`: how far before the first sample a counter was zero, in lengths of
    /// the sampled interval.
    pub fn factor(&self, from_zero: Option<f64>) -> f64 {
        let to_zero = from_zero.map(|z| self.sampled * z).filter(|to_zero| *to_zero < self.to_start);
        if self.sampled == 0.0 {
            return 1.0;
        }
        (self.sampled + to_zero.unwrap_or(self.to_start) + self.to_end) / self.sampled
    }
}
