//! Sums and products of decimal fractions without the errors of binary ones: `addf 0.1 0.2` is `0.3`.

/// `digits * 10^-scale`.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    digits: i128,
    scale: u32,
}

/// More digits behind the point than an `i128` has room for.
const MAX_SCALE: u32 = 30;

impl Decimal {
    /// The shortest decimal fraction that reads back as this number.
    fn of(v: f64) -> Option<Self> {
        let text = format!("{v}");
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let scale = u32::try_from(fraction.len()).ok().filter(|s| *s <= MAX_SCALE)?;
        Some(Self { digits, scale })
    }

    fn with_scale(self, scale: u32) -> Option<i128> {
        self.digits.checked_mul(10i128.checked_pow(scale.checked_sub(self.scale)?)?)
    }

    fn value(self) -> Option<f64> {
        format!("{}e-{}", self.digits, self.scale).parse().ok()
    }
}

/// `a + b`, exact where both are short enough.
pub(super) fn add(a: f64, b: f64) -> f64 {
    let exact = || {
        let (x, y) = (Decimal::of(a)?, Decimal::of(b)?);
        let scale = x.scale.max(y.scale);
        Decimal { digits: x.with_scale(scale)?.checked_add(y.with_scale(scale)?)?, scale }.value()
    };
    exact().unwrap_or(a + b)
}

/// `a * b`, exact where both are short enough.
pub(super) fn multiply(a: f64, b: f64) -> f64 {
    let exact = || {
        let (x, y) = (Decimal::of(a)?, Decimal::of(b)?);
        Decimal { digits: x.digits.checked_mul(y.digits)?, scale: x.scale + y.scale }.value()
    };
    exact().unwrap_or(a * b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_fractions_stay_what_they_are() {
        assert_eq!((add(0.1, 0.2), multiply(1.1, 1.1), add(5.5, -2.0)), (0.3, 1.21, 3.5));
        assert_eq!((add(1e300, 1.0), multiply(1e-20, 1e-20)), (1e300, 1e-40));
        assert!(add(f64::NAN, 1.0).is_nan() && multiply(f64::INFINITY, 2.0).is_infinite());
    }
}
