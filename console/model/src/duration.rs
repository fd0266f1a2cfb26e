//! Durations as Prometheus writes them: `1h30m`, `500ms`, `0` (prometheus/common: `model.ParseDuration`).

/// Units in the order in which they may come, with their milliseconds.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Prometheus keeps durations as nanoseconds in 64 bits.
const MAX_MS: i64 = i64::MAX / 1_000_000;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("empty duration string")]
    Empty,
    #[error("not a valid duration string")]
    Invalid,
    #[error("unknown unit {0:?}")]
    UnknownUnit(String),
    #[error("duration out of range")]
    OutOfRange,
}

/// Milliseconds: each unit at most once, large ones first. `0` alone is a duration too.
pub fn parse_duration_ms(text: &str) -> Result<i64, DurationError> {
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let (mut rest, mut total, mut next_unit) = (text, 0i64, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let n: u64 = rest[..digits].parse().map_err(|_| DurationError::Invalid)?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        if letters == 0 {
            return Err(DurationError::Invalid);
        }
        let name = &rest[..letters];
        let unit = UNITS.iter().position(|(unit, _)| *unit == name);
        let unit = unit.ok_or_else(|| DurationError::UnknownUnit(name.to_owned()))?;
        if unit < next_unit {
            return Err(DurationError::Invalid);
        }
        next_unit = unit + 1;
        let part = i64::try_from(n).ok().and_then(|n| n.checked_mul(UNITS[unit].1));
        total = part
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= MAX_MS)
            .ok_or(DurationError::OutOfRange)?;
        rest = &rest[letters..];
    }
    Ok(total)
}

/// Writes milliseconds as the shortest duration that [`parse_duration_ms`] reads back.
pub fn format_duration_ms(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    let mut left = ms;
    for (i, (unit, size)) in UNITS.iter().enumerate() {
        // Years and weeks only where they come out even.
        let exact = left % size == 0;
        if left >= *size && (i > 1 || exact) {
            out += &format!("{}{unit}", left / size);
            left %= size;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_prometheus_does() {
        for (text, ms) in [
            ("0s", 0),
            ("15s", 15_000),
            ("1h30m", 5_400_000),
            ("1m500ms", 60_500),
            ("1w", 604_800_000),
            ("8d", 691_200_000),
            ("1y", 31_536_000_000),
            ("366d1ms", 31_622_400_001),
        ] {
            assert_eq!(parse_duration_ms(text), Ok(ms), "{text}");
            assert_eq!(format_duration_ms(ms), text);
        }
        assert_eq!(parse_duration_ms("0"), Ok(0));
        let unknown = |unit: &str| DurationError::UnknownUnit(unit.to_owned());
        for (text, error) in [
            ("", DurationError::Empty),
            ("s", DurationError::Invalid),
            ("1", DurationError::Invalid),
            ("-1s", DurationError::Invalid),
            ("1s1m", DurationError::Invalid),
            ("1s1s", DurationError::Invalid),
            ("1x", unknown("x")),
            ("1.5s", unknown(".")),
            ("1 s", unknown(" s")),
            ("293y", DurationError::OutOfRange),
            ("9223372036854775808ms", DurationError::OutOfRange),
        ] {
            assert_eq!(parse_duration_ms(text), Err(error), "{text}");
        }
    }
}
