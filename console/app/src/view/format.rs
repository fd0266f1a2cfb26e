//! Numbers with units, and times, as people read them. UTC everywhere, and it says so.

/// `2026-01-31 12:00:05` in UTC.
pub fn time_utc(t_ms: i64) -> String {
    let (days, ms) = (t_ms.div_euclid(86_400_000), t_ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let s = ms / 1000;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

/// `12:00:05.123` in UTC.
pub fn clock_utc(t_ms: i64) -> String {
    let ms = t_ms.rem_euclid(86_400_000);
    let s = ms / 1000;
    format!("{:02}:{:02}:{:02}.{:03}", s / 3600, s / 60 % 60, s % 60, ms % 1000)
}

/// RFC 3339 with milliseconds, for `datetime` attributes.
pub fn rfc3339(t_ms: i64) -> String {
    format!("{}.{:03}Z", time_utc(t_ms).replace(' ', "T"), t_ms.rem_euclid(1000))
}

/// Days since 1970-01-01 to a date (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `12 s ago`, `3 min ago`, `2 h ago`, `5 d ago`; the future is `now`.
pub fn ago(t_ms: i64, now_ms: i64) -> String {
    let s = (now_ms - t_ms) / 1000;
    match s {
        i64::MIN..=0 => "now".to_owned(),
        1..=119 => format!("{s} s ago"),
        120..=7199 => format!("{} min ago", s / 60),
        7200..=172_799 => format!("{} h ago", s / 3600),
        _ => format!("{} d ago", s / 86_400),
    }
}

/// `850 ns`, `1.25 ms`, `3.4 s`, `2 min 5 s`.
pub fn duration_ns(ns: i64) -> String {
    let ns = ns.max(0);
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} µs", three(ns as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{} ms", three(ns as f64 / 1e6)),
        1_000_000_000..60_000_000_000 => format!("{} s", three(ns as f64 / 1e9)),
        _ => {
            let s = ns / 1_000_000_000;
            match s {
                0..3600 => format!("{} min {} s", s / 60, s % 60),
                3600..86_400 => format!("{} h {} min", s / 3600, s / 60 % 60),
                _ => format!("{} d {} h", s / 86_400, s / 3600 % 24),
            }
        }
    }
}

/// Seconds as [`duration_ns`]; what is not a number is `–`.
pub fn seconds(s: f64) -> String {
    if s.is_finite() { duration_ns((s * 1e9) as i64) } else { "–".to_owned() }
}

/// 0 to 1 as percent: `0 %`, `0.42 %`, `12.5 %`, `100 %`.
pub fn percent(ratio: f64) -> String {
    if !ratio.is_finite() {
        return "–".to_owned();
    }
    format!("{} %", three(ratio * 100.0))
}

/// `0.25/s`, `12/s`, `1.2 k/s`.
pub fn per_second(v: f64) -> String {
    if v.is_finite() { format!("{}/s", number(v)) } else { "–".to_owned() }
}

/// `512 B`, `1.5 kB`, `3.2 MB` (decimal).
pub fn bytes(v: f64) -> String {
    if !v.is_finite() {
        return "–".to_owned();
    }
    let (mut v, mut unit) = (v, "B");
    for next in ["kB", "MB", "GB", "TB"] {
        if v.abs() < 1000.0 {
            break;
        }
        v /= 1000.0;
        unit = next;
    }
    format!("{} {unit}", three(v))
}

/// `0.004`, `12`, `1.2 k`, `3.4 M`.
pub fn number(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+∞".to_owned() } else { "−∞".to_owned() };
    }
    let (mut v, mut unit) = (v, "");
    for next in [" k", " M", " G", " T"] {
        if v.abs() < 1000.0 {
            break;
        }
        v /= 1000.0;
        unit = next;
    }
    format!("{}{unit}", three(v))
}

/// `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// At most three significant digits, no trailing zeros.
fn three(v: f64) -> String {
    if v == 0.0 {
        return "0".to_owned();
    }
    let digits = v.abs().log10().floor() as i32;
    let decimals = (2 - digits).clamp(0, 6) as usize;
    let text = format!("{v:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        assert_eq!(time_utc(0), "1970-01-01 00:00:00");
        assert_eq!(time_utc(1_709_164_800_000), "2024-02-29 00:00:00");
        assert_eq!(rfc3339(1_709_164_799_042), "2024-02-28T23:59:59.042Z");
        assert_eq!(clock_utc(1_709_164_799_042), "23:59:59.042");
    }

    #[test]
    fn numbers_carry_units() {
        assert_eq!(duration_ns(1_250_000), "1.25 ms");
        assert_eq!(duration_ns(125_000_000_000), "2 min 5 s");
        assert_eq!(percent(0.125), "12.5 %");
        assert_eq!(percent(f64::NAN), "–");
        assert_eq!(bytes(1_500.0), "1.5 kB");
        assert_eq!(number(0.0042), "0.0042");
        assert_eq!(number(1234.0), "1.23 k");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(ago(0, 90_000), "90 s ago");
    }
}
