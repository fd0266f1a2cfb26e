//! `rate`, `increase` and `delta` of floats at all steps. The same values as window by window, with what neighbouring
//! windows share computed once: samples lie at the same distance from most windows' ends, and counters seldom fall.

use console_model::metric::Sample;
use console_storage::SourceError;

use super::{
    extrapolation::{Extent, Seen},
    seconds,
};
use crate::{
    engine::{
        budget::Pace,
        grid::{ABSENT, Steps},
        view::{Placed, View, advance},
    },
    function::Function,
};

/// What the last window's samples lead to.
struct Known {
    seen: Seen,
    extent: Extent,
    factor: f64,
}

/// The values of a series at `steps`, each over its window. Two samples make a value; without them it is absent.
pub(crate) fn at_steps(
    function: Function,
    samples: &[Sample],
    view: View,
    steps: &Steps,
    mut pace: Pace<'_>,
) -> Result<Vec<f64>, SourceError> {
    let is_counter = function != Function::Delta;
    let falls = if is_counter { falls(samples) } else { Vec::new() };
    let range = seconds(view.range_ms);
    let scaled = |factor: f64| if function == Function::Rate { factor / range } else { factor };
    let mut known: Option<Known> = None;
    let mut fall = 0;
    let mut out = Vec::with_capacity(steps.count);
    for Placed { start_ms, end_ms, places } in view.windows(samples, *steps, |s| s.t_ms) {
        let [first, .., last] = &samples[places.clone()] else {
            out.push(ABSENT);
            continue;
        };
        let mut change = last.v - first.v;
        if !falls.is_empty() {
            fall = advance(&falls, fall, |at| *at <= places.start);
            let inside = advance(&falls, fall, |at| *at < places.end);
            for at in &falls[fall..inside] {
                change += samples[at - 1].v;
            }
            pace.count(inside - fall)?;
        }
        let seen = Seen {
            to_start_ms: first.t_ms - start_ms,
            sampled_ms: last.t_ms - first.t_ms,
            to_end_ms: end_ms - last.t_ms,
            samples: places.len(),
        };
        let known = match &mut known {
            Some(known) if known.seen == seen => known,
            known => {
                let extent = seen.extent();
                known.insert(Known { seen, extent, factor: scaled(extent.factor(None)) })
            }
        };
        let extent = known.extent;
        let mut factor = known.factor;
        // A counter is not extended to before it was zero. It was zero further away than the window's start where the
        // first sample is larger than the change, which most are: that spares a division.
        let is_far = first.v >= change && extent.sampled >= extent.to_start;
        if is_counter && change > 0.0 && first.v >= 0.0 && !is_far {
            factor = scaled(extent.factor(Some(first.v / change)));
        }
        out.push(change * factor);
    }
    Ok(out)
}

/// Where a value is smaller than the one before.
fn falls(samples: &[Sample]) -> Vec<usize> {
    let falls = samples.windows(2).enumerate().filter(|(_, w)| w[1].v < w[0].v);
    falls.map(|(i, _)| i + 1).collect()
}
