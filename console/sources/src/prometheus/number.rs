//! Numbers and times as the API writes them.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A sample's value: text, as JSON knows neither infinity nor NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

/// A time in seconds, as milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub i64);

struct NumberVisitor;
struct MomentVisitor;

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

impl de::Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number as text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        match text {
            "+Inf" => Ok(Number(f64::INFINITY)),
            "-Inf" => Ok(Number(f64::NEG_INFINITY)),
            _ => text.parse().map(Number).map_err(|_| E::custom(format!("not a sample value: {text:?}"))),
        }
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Number, E> {
        Ok(Number(v))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Number, E> {
        Ok(Number(v as f64))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Number, E> {
        Ok(Number(v as f64))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

impl de::Visitor<'_> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since the Unix epoch")
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Moment, E> {
        Ok(Moment((v * 1000.0).round() as i64))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Moment, E> {
        self.visit_i64(i64::try_from(v).map_err(E::custom)?)
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Moment, E> {
        Ok(Moment(v.saturating_mul(1000)))
    }
}

/// Milliseconds as the seconds of a parameter.
pub fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_times_are_read() {
        let pairs = r#"[[1.5,"+Inf"],[2,"-Inf"],[-1.5,"1e-7"],[1435781451.781,"3"],[0,4.5]]"#;
        let pairs: Vec<(Moment, Number)> = serde_json::from_str(pairs).unwrap();
        let flat: Vec<(i64, f64)> = pairs.iter().map(|(t, v)| (t.0, v.0)).collect();
        let wanted = [
            (1500, f64::INFINITY),
            (2000, f64::NEG_INFINITY),
            (-1500, 1e-7),
            (1_435_781_451_781, 3.0),
            (0, 4.5),
        ];
        assert_eq!(flat, wanted);
        assert!(serde_json::from_str::<Number>(r#""NaN""#).unwrap().0.is_nan());
        assert!(serde_json::from_str::<Number>(r#""x""#).is_err());
    }

    #[test]
    fn times_are_written_with_their_sign() {
        for (ms, text) in [(0, "0.000"), (1500, "1.500"), (-1500, "-1.500"), (-1, "-0.001")] {
            assert_eq!(seconds(ms), text);
        }
    }
}
