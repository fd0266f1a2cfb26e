//! What a cell of time keeps of its samples: enough for the function, never the samples themselves.

use console_model::Labels;

use crate::ast::RangeFunction;

/// One sample on its way into a cell.
pub struct Sample<'a> {
    pub t_ns: i64,
    pub value: f64,
    /// Where samples of one time meet, the order of streams decides which is last.
    pub stream: &'a Labels,
}

/// A part of what a range function needs. Merging is associative, with the earlier part on the left.
pub trait Cell: Clone + Default + Send {
    fn is_empty(&self) -> bool;

    fn add(&mut self, sample: &Sample<'_>);

    fn merge(&mut self, later: &Self);

    /// What the function makes of it; `seconds` is the length of the range. Not asked of an empty cell.
    fn value(&self, function: RangeFunction, seconds: f64) -> f64;
}

/// Counts and bytes: whole numbers.
#[derive(Clone, Debug, Default)]
pub struct Total {
    pub lines: u64,
    pub sum: u64,
}

impl Cell for Total {
    fn is_empty(&self) -> bool {
        self.lines == 0
    }

    fn add(&mut self, sample: &Sample<'_>) {
        self.lines += 1;
        self.sum += sample.value as u64;
    }

    fn merge(&mut self, later: &Self) {
        self.lines += later.lines;
        self.sum += later.sum;
    }

    fn value(&self, function: RangeFunction, seconds: f64) -> f64 {
        per_second(self.sum as f64, function, seconds)
    }
}

fn per_second(sum: f64, function: RangeFunction, seconds: f64) -> f64 {
    match function {
        RangeFunction::Rate | RangeFunction::BytesRate => sum / seconds,
        _ => sum,
    }
}

/// A sum with what its additions lost (Neumaier): threads add in any order.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    count: u64,
    sum: f64,
    lost: f64,
}

impl Sum {
    fn plus(&mut self, value: f64) {
        let total = self.sum + value;
        if !total.is_finite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }
}

impl Cell for Sum {
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, sample: &Sample<'_>) {
        self.count += 1;
        self.plus(sample.value);
    }

    fn merge(&mut self, later: &Self) {
        self.count += later.count;
        let lost = self.lost + later.lost;
        self.lost = 0.0;
        self.plus(later.sum);
        self.lost += if self.sum.is_finite() { lost } else { 0.0 };
    }

    fn value(&self, function: RangeFunction, seconds: f64) -> f64 {
        let sum = self.sum + self.lost;
        match function {
            RangeFunction::AvgOverTime => sum / self.count as f64,
            _ => per_second(sum, function, seconds),
        }
    }
}

/// The least or the greatest; NaN where there is nothing else.
#[derive(Clone, Debug, Default)]
pub struct Extreme<const GREATEST: bool>(Option<f64>);

impl<const GREATEST: bool> Extreme<GREATEST> {
    fn see(&mut self, value: f64) {
        let better = match self.0 {
            None => true,
            Some(old) if old.is_nan() => true,
            Some(old) => {
                if GREATEST {
                    value > old
                } else {
                    value < old
                }
            }
        };
        if better {
            self.0 = Some(value);
        }
    }
}

impl<const GREATEST: bool> Cell for Extreme<GREATEST> {
    fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn add(&mut self, sample: &Sample<'_>) {
        self.see(sample.value);
    }

    fn merge(&mut self, later: &Self) {
        later.0.into_iter().for_each(|v| self.see(v));
    }

    fn value(&self, _: RangeFunction, _: f64) -> f64 {
        self.0.unwrap_or(f64::NAN)
    }
}

/// The first or the last sample.
#[derive(Clone, Debug, Default)]
pub struct Edge<const LAST: bool>(Option<(i64, Labels, f64)>);

impl<const LAST: bool> Edge<LAST> {
    fn see(&mut self, t_ns: i64, stream: &Labels, value: f64) {
        let better = self.0.as_ref().is_none_or(|(t, other, _)| {
            let order = t_ns.cmp(t).then_with(|| stream.cmp(other));
            if LAST { order.is_ge() } else { order.is_lt() }
        });
        if better {
            self.0 = Some((t_ns, stream.clone(), value));
        }
    }
}

impl<const LAST: bool> Cell for Edge<LAST> {
    fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn add(&mut self, sample: &Sample<'_>) {
        self.see(sample.t_ns, sample.stream, sample.value);
    }

    fn merge(&mut self, later: &Self) {
        if let Some((t_ns, stream, value)) = &later.0 {
            self.see(*t_ns, stream, *value);
        }
    }

    fn value(&self, _: RangeFunction, _: f64) -> f64 {
        self.0.as_ref().map_or(f64::NAN, |(_, _, value)| *value)
    }
}

/// Mean and squared distances from it (Welford; merged as Chan, Golub and LeVeque).
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Cell for Moments {
    fn is_empty(&self) -> bool {
        self.count == 0.0
    }

    fn add(&mut self, sample: &Sample<'_>) {
        self.count += 1.0;
        let delta = sample.value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (sample.value - self.mean);
    }

    fn merge(&mut self, later: &Self) {
        if later.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = *later;
            return;
        }
        let count = self.count + later.count;
        let delta = later.mean - self.mean;
        self.squares += later.squares + delta * delta * (self.count * later.count / count);
        self.mean += delta * (later.count / count);
        self.count = count;
    }

    fn value(&self, function: RangeFunction, _: f64) -> f64 {
        let variance = self.squares / self.count;
        if function == RangeFunction::StddevOverTime { variance.sqrt() } else { variance }
    }
}
