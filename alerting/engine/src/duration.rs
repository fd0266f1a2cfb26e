//! Prometheus durations: `1h30m`, `500ms`, `0`.

use serde::{Deserialize, Deserializer, de};

/// A duration in milliseconds, written as Prometheus writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PromDuration(pub i64);

const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

impl std::str::FromStr for PromDuration {
    type Err = String;

    /// Units in falling order, each at most once (prometheus/common model.ParseDuration).
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("not a valid duration string: {text:?}");
        if text == "0" {
            return Ok(Self(0));
        }
        if text.is_empty() {
            return Err("empty duration string".to_owned());
        }
        let mut total: i64 = 0;
        let mut rest = text;
        let mut allowed = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|i| *i > 0).ok_or_else(wrong)?;
            let n: i64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = &rest[digits..];
            let end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
            let unit = UNITS.iter().position(|(u, _)| *u == &rest[..end]).ok_or_else(wrong)?;
            if unit < allowed {
                return Err(wrong());
            }
            allowed = unit + 1;
            let ms = n.checked_mul(UNITS[unit].1).and_then(|ms| total.checked_add(ms));
            total = ms.ok_or_else(|| "duration out of range".to_owned())?;
            rest = &rest[end..];
        }
        Ok(Self(total))
    }
}

impl std::fmt::Display for PromDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, ms) in &UNITS[2..] {
            if rest >= *ms {
                write!(f, "{}{unit}", rest / ms)?;
                rest %= ms;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for PromDuration {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse_and_print_as_prometheus_does() {
        for (text, ms) in [("0", 0), ("2s", 2000), ("1h30m", 5_400_000), ("500ms", 500), ("1d", 86_400_000)] {
            assert_eq!(text.parse(), Ok(PromDuration(ms)));
        }
        assert_eq!(PromDuration(5_400_500).to_string(), "1h30m500ms");
        for text in ["", "5", "1m1h", "1s1s", "-1s", "1.5s", "99999999999999y"] {
            assert!(text.parse::<PromDuration>().is_err(), "{text}");
        }
    }
}
