//! Sample values and times.

use std::io::Write;

/// Below this, 2^53, no shorter text than all digits of a whole number stands for it alone.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;
/// Sizes of which the fast writer has fractions, and never an exponent.
const PLAIN: std::ops::Range<f64> = 1e-4..MAX_WHOLE;

/// Seconds with up to three decimals.
pub fn seconds(out: &mut Vec<u8>, t_ms: i64) {
    if t_ms < 0 {
        out.push(b'-');
    }
    let ms = t_ms.unsigned_abs();
    whole(out, ms / 1000);
    let fraction = (ms % 1000) as u32;
    if fraction > 0 {
        let digit = |n: u32| b'0' + (n % 10) as u8;
        out.extend_from_slice(&[b'.', digit(fraction / 100), digit(fraction / 10), digit(fraction)]);
    }
}

/// A sample's value in quotes, with an exponent only below 1e-6 and from 1e21 on.
pub fn sample(out: &mut Vec<u8>, v: f64) {
    out.push(b'"');
    sample_digits(out, v);
    out.push(b'"');
}

/// As [`sample`], without the quotes.
pub fn sample_digits(out: &mut Vec<u8>, v: f64) {
    let size = v.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) || !v.is_finite() {
        scalar_digits(out, v);
    } else {
        out.extend_from_slice(scientific(v).as_bytes());
    }
}

/// A value in quotes, never with an exponent: Go's `strconv.FormatFloat(v, 'f', -1, 64)`.
pub fn scalar(out: &mut Vec<u8>, v: f64) {
    out.push(b'"');
    scalar_digits(out, v);
    out.push(b'"');
}

fn scalar_digits(out: &mut Vec<u8>, v: f64) {
    let size = v.abs();
    // Nothing is lost below the bound; what is not finite is not below it.
    let truncated = size as u64;
    if size < MAX_WHOLE && truncated as f64 == size {
        if v.is_sign_negative() {
            out.push(b'-');
        }
        whole(out, truncated);
    } else if PLAIN.contains(&size) {
        // Of two candidates equally near it takes the even one, as Go does.
        out.extend_from_slice(zmij::Buffer::new().format_finite(v).as_bytes());
    } else {
        unusual(out, v);
    }
}

#[cold]
fn unusual(out: &mut Vec<u8>, v: f64) {
    if v.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if v.is_infinite() {
        out.extend_from_slice(if v > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        // Rust's Display is the shortest that reads back, without an exponent, as Go's is. A vector takes all.
        let _ = write!(out, "{v}");
    }
}

/// With an exponent of at least two digits and a sign: Go's `strconv.FormatFloat(v, 'e', -1, 64)`.
pub fn scientific(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{v:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// With an exponent below 1e-4 and from 1e6 on: Go's `strconv.FormatFloat(v, 'g', -1, 64)`.
pub fn general(v: f64) -> String {
    let text = scientific(v);
    let exponent = text.split_once('e').and_then(|(_, e)| e.parse::<i32>().ok());
    if exponent.is_some_and(|e| (-4..6).contains(&e)) { v.to_string() } else { text }
}

fn whole(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn samples_are_written_as_prometheus_writes_them() {
        for (v, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (1e15, "1000000000000000"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (-9_007_199_254_740_992.0, "-9007199254740992"),
            (0.000_099_9, "0.0000999"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (1e-6, "0.000001"),
            (1e-7, "1e-07"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            // Of two candidates equally near Go takes the even one.
            (-1_558_898_866_896_680.2, "-1558898866896680.2"),
            (1_558_898_866_896_680.8, "1558898866896680.8"),
            (115_177_609_467_507.62, "115177609467507.62"),
        ] {
            assert_eq!(written(|out| sample(out, v)), format!("\"{text}\""));
        }
        assert_eq!(written(|out| scalar(out, 1e21)), "\"1000000000000000000000\"");
        assert_eq!(scientific(1.0), "1e+00");
        assert_eq!(scientific(123.5), "1.235e+02");
        let general: Vec<String> =
            [0.0, -0.0, 0.0001, 0.00001, 123_456.0, 1e6, 1_234_567.5, f64::NAN].map(general).into();
        assert_eq!(general, ["0", "-0", "0.0001", "1e-05", "123456", "1e+06", "1.2345675e+06", "NaN"]);
    }

    #[test]
    fn times_have_up_to_three_decimals() {
        for (ms, text) in [
            (0, "0"),
            (2000, "2"),
            (1500, "1.500"),
            (1_435_781_451_781, "1435781451.781"),
            (1_005, "1.005"),
            (-1_050, "-1.050"),
        ] {
            assert_eq!(written(|out| seconds(out, ms)), text);
        }
    }

    proptest! {
        #[test]
        fn numbers_are_as_short_as_can_be(v in prop_oneof![-1e17..1e17f64, -10.0..10.0f64, -1e-3..1e-3f64]) {
            let text = written(|out| scalar(out, v));
            let digits = text.trim_matches('"');
            prop_assert_eq!(digits.parse::<f64>().unwrap().to_bits(), v.to_bits());
            prop_assert!(!digits.contains('e'), "{}", digits);
            // Display is as short, but of two candidates equally near it takes the larger one.
            prop_assert_eq!(digits.len(), v.to_string().len());
        }

        #[test]
        fn every_number_reads_back(bits in any::<u64>()) {
            let v = f64::from_bits(bits);
            let text = written(|out| sample(out, v));
            let back: f64 = text.trim_matches('"').trim_start_matches('+').parse().unwrap();
            prop_assert!(back.to_bits() == v.to_bits() || (back.is_nan() && v.is_nan()), "{text}");
        }
    }
}
