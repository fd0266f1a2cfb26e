//! Numbers as Go prints them.

/// `%v` of a Go float64: shortest digits that read back, exponent form below 1e-4 and from 1e6 on
/// (strconv.FormatFloat(f, 'g', -1, 64), whose shortest form decides as if its precision were 6).
pub fn format_float(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if v == 0.0 {
        return if v.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let exponent = exponent_of(v);
    if !(-4..6).contains(&exponent) { exponent_form(&format!("{v:e}")) } else { format!("{v}") }
}

/// `%.{precision}g`: significant digits, trailing zeros removed.
pub fn format_significant(v: f64, precision: usize) -> String {
    if !v.is_finite() || v == 0.0 {
        return format_float(v);
    }
    let precision = precision.max(1);
    let scientific = format!("{v:.*e}", precision - 1);
    let exponent: i32 = scientific.rsplit('e').next().and_then(|e| e.parse().ok()).unwrap_or(0);
    if exponent < -4 || exponent >= precision as i32 {
        let (mantissa, exp) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        return exponent_form(&format!("{}e{exp}", trim_zeros(mantissa)));
    }
    let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
    trim_zeros(&format!("{v:.decimals$}")).to_owned()
}

/// Rust writes `1e-7`, Go `1e-07`.
pub(crate) fn exponent_form(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.to_owned() };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(d) => ('-', d),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn exponent_of(v: f64) -> i32 {
    let text = format!("{v:e}");
    text.rsplit('e').next().and_then(|e| e.parse().ok()).unwrap_or(0)
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        for (v, text) in [
            (1.0, "1"),
            (0.25, "0.25"),
            (1e21, "1e+21"),
            (999_999.5, "999999.5"),
            (123_456_789.0, "1.23456789e+08"),
            (0.00001, "1e-05"),
            (-1.5e-7, "-1.5e-07"),
            (f64::INFINITY, "+Inf"),
            (0.0, "0"),
        ] {
            assert_eq!(format_float(v), text);
        }
        for (v, text) in [(1234.5678, "1235"), (12345.0, "1.234e+04"), (0.5, "0.5"), (1.0, "1")] {
            assert_eq!(format_significant(v, 4), text);
        }
    }
}
