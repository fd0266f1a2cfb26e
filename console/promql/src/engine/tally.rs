//! How many samples a query looks at, step by step. Source: prometheus/util/stats/query_stats.go and where
//! promql/engine.go counts.
//!
//! Only there where a profile is asked for: other queries do not pass here. What is not counted: the series that `info`
//! takes labels from.

use std::{sync::Mutex, time::Instant};

use console_model::{
    histogram::{BucketCount, Histogram},
    metric::{HistogramSample, Sample},
    profile::{QueryProfile, Samples, Timings},
};

use super::{
    grid::{Row, Steps, Window, is_absent},
    view::{Gaze, View},
};

/// Samples by step, of the query and of the parts that are evaluated on steps of their own.
pub(crate) struct Tally {
    begun: Instant,
    /// Since the query has been ready for evaluation.
    ready: Instant,
    state: Mutex<State>,
}

struct State {
    /// The query's own first.
    levels: Vec<Level>,
    /// What the last subquery looked at.
    of_subquery: u64,
    sort_begun: Option<Instant>,
}

struct Level {
    steps: Steps,
    looked_at: Vec<u64>,
    read: Vec<u64>,
}

impl Level {
    fn new(steps: Steps) -> Self {
        Self { steps, looked_at: vec![0; steps.count], read: vec![0; steps.count] }
    }
}

impl Tally {
    pub fn new(steps: Steps, begun: Instant) -> Self {
        let state = State { levels: vec![Level::new(steps)], of_subquery: 0, sort_begun: None };
        Self { begun, ready: Instant::now(), state: Mutex::new(state) }
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("nothing panics while it counts"));
    }

    /// What is counted from now on belongs to a part with these steps.
    pub fn open(&self, steps: Steps) {
        self.update(|s| s.levels.push(Level::new(steps)));
    }

    /// Ends a part whose value is the same at all steps: all of them look at its samples, which are read once.
    pub fn close_repeated(&self) {
        self.update(|s| {
            let (Some(part), Some(of)) = (s.levels.pop(), s.levels.last_mut()) else { return };
            for at in &mut of.looked_at {
                *at += part.looked_at[0];
            }
            of.read[0] += part.read[0];
        });
    }

    /// Ends a subquery. What it read falls to the first step that uses it; what it looked at is not what the function
    /// around it looks at.
    pub fn close_subquery(&self, gaze: Gaze, range_ms: i64) {
        self.update(|s| {
            let (Some(part), Some(of)) = (s.levels.pop(), s.levels.last_mut()) else { return };
            s.of_subquery = part.looked_at.iter().sum();
            let last = of.steps.count - 1;
            for (i, read) in part.read.iter().enumerate().filter(|(_, read)| **read > 0) {
                let t_ms = part.steps.at(i);
                // Windows move on with the steps.
                let user = partition(of.steps.count, |step| gaze.at(&of.steps, step) < t_ms).min(last);
                if last == 0 || t_ms > gaze.at(&of.steps, user).saturating_sub(range_ms) {
                    of.read[user] += read;
                }
            }
        });
    }

    /// The elements of an instant vector.
    pub fn rows(&self, rows: &[Row]) {
        self.update(|s| {
            let Some(level) = s.levels.last_mut() else { return };
            let mut count = |step: usize, samples: u64| {
                level.looked_at[step] += samples;
                level.read[step] += samples;
            };
            for row in rows {
                row.floats.iter().enumerate().filter(|(_, v)| !is_absent(**v)).for_each(|(i, _)| count(i, 1));
                row.histograms.iter().for_each(|(i, h)| count(*i, weight(h)));
            }
        });
    }

    /// The windows of a function over a series.
    pub fn windows(&self, view: &View, series: &Window, steps: &Steps) {
        self.update(|s| {
            let Some(level) = s.levels.last_mut() else { return };
            let floats = of_windows(&series.samples, view, steps, |s: &Sample| (s.t_ms, 1));
            let histograms =
                of_windows(&series.histograms, view, steps, |h: &HistogramSample| (h.t_ms, weight(&h.h)));
            for (step, (all, new)) in floats.into_iter().chain(histograms) {
                level.looked_at[step] += all;
                level.read[step] += if series.is_stored { new } else { 0 };
            }
        });
    }

    /// A range vector that is the result itself.
    pub fn matrix(&self, view: &View, series: &[Window], steps: &Steps, is_subquery: bool) {
        if is_subquery {
            self.update(|s| {
                let of_subquery = s.of_subquery;
                if let Some(level) = s.levels.last_mut() {
                    level.looked_at[0] += of_subquery;
                }
            });
        } else {
            for series in series {
                self.windows(view, series, steps);
            }
        }
    }

    pub fn begin_sort(&self) {
        self.update(|s| s.sort_begun = Some(Instant::now()));
    }

    /// All that was counted. Only the caller knows how long the query waited.
    pub fn profile(self, peak: u64) -> QueryProfile {
        let now = Instant::now();
        let micros = |from: Instant, to: Instant| to.saturating_duration_since(from).as_micros() as u64;
        let mut state = self.state.into_inner().expect("nothing panics while it counts");
        let sort_begun = state.sort_begun.unwrap_or(now);
        let query = state.levels.swap_remove(0);
        QueryProfile {
            start_ms: query.steps.start_ms,
            step_ms: query.steps.step_ms,
            looked_at: Samples::of_steps(query.looked_at),
            read: Samples::of_steps(query.read),
            peak,
            timings: Timings {
                queue_us: 0,
                prepare_us: micros(self.begun, self.ready),
                evaluate_us: micros(self.ready, sort_begun),
                sort_us: micros(sort_begun, now),
                total_us: micros(self.begun, now),
            },
        }
    }
}

/// How many of the first `count` numbers `is_before` holds for; it holds for none after the first for which it does not.
fn partition(count: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// For each step what its window holds, and what of that no earlier window held. `of`: a sample's time and weight.
fn of_windows<T>(
    samples: &[T],
    view: &View,
    steps: &Steps,
    of: impl Fn(&T) -> (i64, u64),
) -> Vec<(usize, (u64, u64))> {
    if samples.is_empty() {
        return Vec::new();
    }
    let weight = |items: &[T]| items.iter().map(|s| of(s).1).sum::<u64>();
    let mut seen = 0;
    let windows = view.windows(samples, *steps, |s| of(s).0).map(|w| w.places).map(|places| {
        let new = seen.max(places.start).min(places.end)..places.end;
        seen = places.end;
        (weight(&samples[places]), weight(&samples[new]))
    });
    windows.enumerate().collect()
}

/// Floats that take as much memory as a histogram does in Prometheus (promql/value.go: `HPoint.size`).
fn weight(h: &Histogram) -> u64 {
    let spans = |buckets: &[BucketCount]| {
        buckets.windows(2).filter(|w| w[1].index != w[0].index + 1).count() + usize::from(!buckets.is_empty())
    };
    let words = spans(&h.positive) + spans(&h.negative) + h.positive.len() + h.negative.len();
    ((168 + 8 * (words + h.custom_values.len()) + 8) / 16) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_weighs_what_it_takes_in_prometheus() {
        let bucket = |index| BucketCount { index, count: 1.0 };
        // 168 bytes, two spans and three buckets of 8 bytes, and the 8 bytes of its time.
        let h = Histogram { positive: vec![bucket(0), bucket(1), bucket(5)], ..Histogram::default() };
        assert_eq!((weight(&h), weight(&Histogram::default())), (13, 11));
    }
}
