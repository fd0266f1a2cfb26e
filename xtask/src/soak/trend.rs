//! Whether a sampled line is flat.

/// A sampled quantity: seconds since the start, and its value.
pub type Line = Vec<(f64, f64)>;

/// What fills up at the start (pools, caches, allocators) is not a leak: the first quarter is not looked at.
const WARM_UP_SHARE: f64 = 0.25;

/// How fast a line may climb. Growth over what is looked at counts as flat up to the larger of both: a saw-tooth that was
/// caught in its last tooth, an allocator that keeps a page more. A leak passes it when the run is long enough.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Of the mean.
    pub share: f64,
    /// In the line's own unit.
    pub absolute: f64,
}

impl Bound {
    /// How much a line of this mean may grow. What shrinks is flat, too.
    pub fn of(self, mean: f64) -> f64 {
        (mean * self.share).max(self.absolute)
    }
}

/// A least-squares line through what was sampled after the warm-up.
#[derive(Debug)]
pub struct Trend {
    pub mean: f64,
    /// Of the line's unit a second.
    pub slope: f64,
    /// The slope over the time looked at.
    pub growth: f64,
}

impl Trend {
    /// `None` when there is too little to tell.
    pub fn of(line: &[(f64, f64)]) -> Option<Self> {
        let end = line.last()?.0;
        let kept: Vec<(f64, f64)> =
            line.iter().copied().filter(|(at, _)| *at >= end * WARM_UP_SHARE).collect();
        if kept.len() < 3 {
            return None;
        }
        let count = kept.len() as f64;
        let mean_at = kept.iter().map(|(at, _)| at).sum::<f64>() / count;
        let mean = kept.iter().map(|(_, value)| value).sum::<f64>() / count;
        let spread: f64 = kept.iter().map(|(at, _)| (at - mean_at).powi(2)).sum();
        let slope = kept.iter().map(|(at, value)| (at - mean_at) * (value - mean)).sum::<f64>() / spread;
        Some(Self { mean, slope, growth: slope * (end - kept[0].0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Bound = Bound { share: 0.1, absolute: 4e6 };

    fn is_flat(trend: &Trend) -> bool {
        trend.growth <= BOUND.of(trend.mean)
    }

    fn line(bytes: impl Fn(f64) -> f64) -> Line {
        (0..360).map(|i| (f64::from(i) * 10.0, bytes(f64::from(i) * 10.0))).collect()
    }

    #[test]
    fn a_leak_grows_and_a_warm_up_and_a_saw_do_not() {
        let leak = Trend::of(&line(|at| 30e6 + at * 5e3)).unwrap();
        assert!((leak.slope - 5e3).abs() < 1.0 && !is_flat(&leak), "{leak:?}");
        assert!(is_flat(&Trend::of(&line(|at| 30e6 + at.min(600.0) * 5e4)).unwrap()));
        assert!(is_flat(&Trend::of(&line(|at| 30e6 + (at % 300.0) * 5e4)).unwrap()));
        assert!(is_flat(&Trend::of(&line(|at| 30e6 - at * 1e3)).unwrap()), "what shrinks is no leak");
        assert!(Trend::of(&[(0.0, 1.0), (1.0, 1.0)]).is_none(), "too short to tell");
    }
}
