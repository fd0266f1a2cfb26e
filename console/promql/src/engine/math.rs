//! Functions of one number.

use crate::function::Function;

pub(crate) fn function_of(function: Function) -> Option<fn(f64) -> f64> {
    Some(match function {
        Function::Abs => f64::abs,
        Function::Ceil => f64::ceil,
        Function::Floor => f64::floor,
        Function::Exp => f64::exp,
        Function::Sqrt => f64::sqrt,
        Function::Ln => f64::ln,
        Function::Log2 => f64::log2,
        Function::Log10 => f64::log10,
        Function::Sin => f64::sin,
        Function::Cos => f64::cos,
        Function::Tan => f64::tan,
        Function::Asin => f64::asin,
        Function::Acos => f64::acos,
        Function::Atan => f64::atan,
        Function::Sinh => f64::sinh,
        Function::Cosh => f64::cosh,
        Function::Tanh => f64::tanh,
        Function::Asinh => asinh,
        Function::Acosh => acosh,
        Function::Atanh => f64::atanh,
        Function::Deg => |v| v * 180.0 / std::f64::consts::PI,
        Function::Rad => |v| v * std::f64::consts::PI / 180.0,
        Function::Sgn => |v| {
            if v > 0.0 {
                1.0
            } else if v < 0.0 {
                -1.0
            } else {
                v
            }
        },
        _ => return None,
    })
}

/// From here on `x² + 1` is `x²`; the library's own way overflows near the largest numbers.
const LARGE: f64 = 268_435_456.0;

fn asinh(v: f64) -> f64 {
    if v.is_finite() && v.abs() > LARGE {
        (v.abs().ln() + std::f64::consts::LN_2).copysign(v)
    } else {
        v.asinh()
    }
}

fn acosh(v: f64) -> f64 {
    if v.is_finite() && v > LARGE { v.ln() + std::f64::consts::LN_2 } else { v.acosh() }
}

/// Go's `math.Max`: an infinity wins over NaN, and NaN over all else; `+0` is larger than `-0`.
pub(crate) fn larger(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == b {
        if a.is_sign_negative() { b } else { a }
    } else {
        a.max(b)
    }
}

/// Go's `math.Min`.
pub(crate) fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyperbolic_inverses_reach_the_largest_numbers() {
        assert!((asinh(1e308) - 709.889_355_822_726).abs() < 1e-9);
        assert!((asinh(f64::MIN) + 710.475_860_073_943_9).abs() < 1e-9);
        assert!((acosh(f64::MAX) - 710.475_860_073_943_9).abs() < 1e-9);
        assert!((asinh(LARGE) - asinh(LARGE.next_up())).abs() < 1e-9);
        assert_eq!((asinh(f64::INFINITY), acosh(f64::INFINITY)), (f64::INFINITY, f64::INFINITY));
    }

    #[test]
    fn zeros_are_ordered_by_their_sign() {
        for (a, b) in [(0.0, -0.0), (-0.0, 0.0)] {
            assert!(larger(a, b).is_sign_positive(), "{a} {b}");
            assert!(smaller(a, b).is_sign_negative(), "{a} {b}");
        }
        assert!(larger(-0.0, -0.0).is_sign_negative());
    }
}
