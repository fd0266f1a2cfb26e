//! Prometheus durations: `1h30m`, `500ms`, `0` (prometheus/common: `model.ParseDuration`).

use std::time::Duration;

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Units in falling order, each at most once.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("not a valid duration: {text:?} (write it as 15s, 500ms or 1h30m)");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut total_ms, mut rest, mut allowed) = (0u64, text, 0);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|i| *i > 0).ok_or_else(wrong)?;
        let n: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
        let unit = UNITS.iter().position(|(u, _)| *u == &rest[..end]).filter(|u| *u >= allowed);
        let unit = unit.ok_or_else(wrong)?;
        allowed = unit + 1;
        let sum = n.checked_mul(UNITS[unit].1).and_then(|ms| total_ms.checked_add(ms));
        total_ms =
            sum.filter(|ms| i64::try_from(*ms).is_ok()).ok_or_else(|| format!("{text:?} is out of range"))?;
        rest = &rest[end..];
    }
    Ok(Duration::from_millis(total_ms))
}

/// The shortest form without weeks and years.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = duration.as_millis() as u64;
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (unit, ms) in &UNITS[2..] {
        if rest >= *ms {
            out.push_str(&format!("{}{unit}", rest / ms));
            rest %= ms;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_prometheus_does() {
        for (text, ms) in
            [("0", 0), ("15s", 15_000), ("1h30m", 5_400_000), ("1m500ms", 60_500), ("1w", 604_800_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "1", "1x", "1s1m", "1s1s", "-1s", "1.5s", "99999999999y", "1 s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(format_duration(Duration::from_millis(5_400_500)), "1h30m500ms");
        assert_eq!(format_duration(Duration::ZERO), "0s");
    }
}
