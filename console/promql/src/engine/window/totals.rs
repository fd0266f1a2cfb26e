//! `sum_over_time` and `avg_over_time` of floats at all steps. The same values as window by window: each addition of a
//! compensated sum waits for the one before, so that a processor adds up several windows in the time of one.

use console_model::metric::Sample;
use console_storage::SourceError;

use crate::{
    engine::{
        budget::Pace,
        grid::{ABSENT, Steps},
        view::View,
    },
    kahan::{Kahan, Mean},
};

/// Windows that are added up together.
const LANES: usize = 4;

/// The sums, or the means, of a series at `steps`, each over its window; absent where it is empty.
pub(crate) fn at_steps(
    is_mean: bool,
    samples: &[Sample],
    view: View,
    steps: &Steps,
    mut pace: Pace<'_>,
) -> Result<Vec<f64>, SourceError> {
    let mut out = Vec::with_capacity(steps.count);
    let mut lanes: [&[Sample]; LANES] = [&[]; LANES];
    for (i, window) in view.windows(samples, *steps, |s| s.t_ms).enumerate() {
        lanes[i % LANES] = &samples[window.places];
        if i % LANES == LANES - 1 {
            out.extend(totals(is_mean, &lanes));
            pace.count(lanes.iter().map(|window| window.len()).sum())?;
        }
    }
    let rest = steps.count % LANES;
    out.extend(lanes[..rest].iter().map(|window| total(is_mean, window)));
    Ok(out)
}

fn totals(is_mean: bool, windows: &[&[Sample]; LANES]) -> [f64; LANES] {
    let common = windows.iter().map(|w| w.len()).min().unwrap_or_default();
    if common == 0 {
        return windows.map(|window| total(is_mean, window));
    }
    // A mean begins with its first value, a sum with zero.
    let mut sums = windows.map(|w| if is_mean { Kahan::new(w[0].v) } else { Kahan::default().plus(w[0].v) });
    let cut = windows.map(|w| &w[..common]);
    for at in 1..common {
        for (sum, window) in sums.iter_mut().zip(&cut) {
            sum.add(window[at].v);
        }
    }
    let mut lane = 0;
    windows.map(|window| {
        let mut sum = sums[lane];
        lane += 1;
        for s in &window[common..] {
            sum.add(s.v);
        }
        if !is_mean {
            return sum.value();
        }
        // The mean of what overflows, or of what is no number, is not that simple.
        if !sum.sum.is_finite() {
            return total(true, window);
        }
        let count = window.len() as f64;
        sum.sum / count + sum.lost / count
    })
}

/// One window by itself.
fn total(is_mean: bool, window: &[Sample]) -> f64 {
    if window.is_empty() {
        return ABSENT;
    }
    if is_mean {
        let mut mean = Mean::default();
        for s in window {
            mean.add(s.v);
        }
        return mean.value();
    }
    let mut sum = Kahan::default();
    for s in window {
        sum.add(s.v);
    }
    sum.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_together_come_to_what_each_comes_to() {
        let value = |i: usize| match i % 17 {
            3 => 1e300,
            5 => -1e300,
            7 => 1e-7,
            11 => -0.0,
            _ => (i * 7919 % 1013) as f64 / 7.0,
        };
        let all = |value: &dyn Fn(usize) -> f64| -> Vec<Sample> {
            (0..200).map(|i| Sample { t_ms: i as i64, v: value(i) }).collect()
        };
        let of = |special: f64| move |i: usize| if i % 41 == 13 { special } else { value(i) };
        for special in [1.0, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let samples = all(&of(special));
            for start in 0..150 {
                let windows: [&[Sample]; LANES] = [
                    &samples[start..start + 9],
                    &samples[start + 2..start + 11],
                    &samples[start..],
                    &samples[start..=start],
                ];
                for is_mean in [false, true] {
                    let together = totals(is_mean, &windows).map(f64::to_bits);
                    assert_eq!(together, windows.map(|w| total(is_mean, w).to_bits()), "{special} {start}");
                }
            }
        }
        let (two, none) = (&all(&value)[..2], &[][..]);
        let bits = totals(false, &[two, none, two, two]).map(f64::to_bits);
        assert_eq!(bits[1], ABSENT.to_bits());
        assert_eq!(bits[0], total(false, two).to_bits());
    }
}
