//! Prometheus durations in rule and routing files: `1h30m`, `500ms`, `0`.

use console_model::duration::{DurationError, format_duration_ms, parse_duration_ms};
use serde::{Deserialize, Deserializer, de};

/// A duration in milliseconds, written as Prometheus writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PromDuration(pub i64);

impl std::str::FromStr for PromDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration_ms(text).map(Self).map_err(|e| match e {
            DurationError::Invalid | DurationError::UnknownUnit(_) => {
                format!("not a valid duration string: {text:?}")
            }
            DurationError::Empty | DurationError::OutOfRange => e.to_string(),
        })
    }
}

impl std::fmt::Display for PromDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&format_duration_ms(self.0))
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
