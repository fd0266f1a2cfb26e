//! Sums with Neumaier's compensation, as Prometheus adds (prometheus/util/kahansum).

/// A running sum and what rounding took from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Kahan {
    pub sum: f64,
    pub lost: f64,
}

impl Kahan {
    pub fn new(first: f64) -> Self {
        Self { sum: first, lost: 0.0 }
    }

    #[must_use]
    pub fn plus(self, v: f64) -> Self {
        let sum = self.sum + v;
        let lost = if sum.is_infinite() {
            0.0
        } else if self.sum.abs() >= v.abs() {
            self.lost + ((self.sum - sum) + v)
        } else {
            self.lost + ((v - sum) + self.sum)
        };
        Self { sum, lost }
    }

    pub fn add(&mut self, v: f64) {
        *self = self.plus(v);
    }

    pub fn value(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

/// A mean that becomes incremental where the sum would overflow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    count: f64,
    sum: Kahan,
    is_incremental: bool,
}

impl Mean {
    pub fn add(&mut self, v: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.sum = Kahan::new(v);
            return;
        }
        if !self.is_incremental {
            let next = self.sum.plus(v);
            if !next.sum.is_infinite() {
                self.sum = next;
                return;
            }
            self.is_incremental = true;
            let before = self.count - 1.0;
            self.sum = Kahan { sum: self.sum.sum / before, lost: self.sum.lost / before };
        }
        let q = (self.count - 1.0) / self.count;
        self.sum = Kahan { sum: q * self.sum.sum, lost: q * self.sum.lost }.plus(v / self.count);
    }

    pub fn value(self) -> f64 {
        if self.is_incremental {
            self.sum.sum + self.sum.lost
        } else {
            self.sum.sum / self.count + self.sum.lost / self.count
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_survive_large_ones() {
        let mut sum = Kahan::default();
        for v in [1.0, 1e100, 1.0, -1e100] {
            sum.add(v);
        }
        assert_eq!(sum.value(), 2.0);
    }

    #[test]
    fn a_mean_does_not_overflow() {
        let mut mean = Mean::default();
        for v in [9.9e307; 4] {
            mean.add(v);
        }
        assert!((mean.value() / 9.9e307 - 1.0).abs() < 1e-12);
    }
}
