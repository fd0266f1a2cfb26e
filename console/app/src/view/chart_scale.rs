//! Where ticks stand on a chart's axes, and how values are written there.

use super::{
    chart::{ChartData, Unit},
    format,
};

/// Lowest and highest value of the vertical axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub low: f64,
    pub high: f64,
}

impl Bounds {
    /// From zero where nothing is negative, with a little air above. None without any finite value.
    pub fn of(data: &ChartData) -> Option<Self> {
        let values =
            data.lines.iter().flat_map(|l| l.values.iter().flatten().copied()).filter(|v| v.is_finite());
        let (min, max) = values.fold(None, |seen: Option<(f64, f64)>, v| {
            Some(seen.map_or((v, v), |(min, max)| (min.min(v), max.max(v))))
        })?;
        let low = min.min(0.0);
        let length = max - low;
        if length <= 0.0 || !length.is_finite() {
            return Some(Self { low, high: low + 1.0 });
        }
        let air = length * 0.08;
        Some(Self { low: if low < 0.0 { low - air } else { 0.0 }, high: max + air })
    }

    /// 0 at the bottom, 1 at the top.
    pub fn share(self, v: f64) -> f64 {
        let share = (v - self.low) / (self.high - self.low);
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Round values (1, 2 or 5 times a power of ten) inside the bounds, about `wanted` of them.
    pub fn ticks(self, wanted: u32) -> Vec<f64> {
        let rough = (self.high - self.low) / f64::from(wanted.max(1));
        if !rough.is_finite() || rough <= 0.0 {
            return Vec::new();
        }
        let power = 10_f64.powf(rough.log10().floor());
        let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= rough).unwrap_or(10.0);
        let step = factor * power;
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).take(100).map(|i| i as f64 * step).collect()
    }
}

/// Round moments inside the range, at most seven, with their words. Seconds only where ticks are that dense.
pub fn time_ticks(start_ms: i64, end_ms: i64) -> Vec<(i64, String)> {
    const STEPS_S: [i64; 17] =
        [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];
    let length_ms = end_ms.saturating_sub(start_ms);
    if length_ms <= 0 {
        return Vec::new();
    }
    let step_ms = STEPS_S.iter().map(|s| s * 1000).find(|s| length_ms / s <= 6).unwrap_or(length_ms);
    let first = start_ms.div_euclid(step_ms).saturating_mul(step_ms);
    (0..=8)
        .map(|i: i64| first.saturating_add(i.saturating_mul(step_ms)))
        .filter(|t| (start_ms..=end_ms).contains(t))
        .map(|t| (t, tick_words(t, step_ms)))
        .collect()
}

fn tick_words(t_ms: i64, step_ms: i64) -> String {
    let words = format::time_utc(t_ms);
    let part = |from: usize, to: usize| words.get(from..to).unwrap_or(&words).to_owned();
    if step_ms >= 86_400_000 || t_ms.rem_euclid(86_400_000) == 0 {
        part(5, 10)
    } else if step_ms < 60_000 {
        part(11, 19)
    } else {
        part(11, 16)
    }
}

/// A value in the unit's words; a gap is `–`.
pub fn value_words(unit: Unit, v: Option<f64>) -> String {
    let Some(v) = v else { return "–".to_owned() };
    match unit {
        _ if !v.is_finite() => format::number(v),
        Unit::Number => format::number(v),
        Unit::Seconds if v < 0.0 => format!("-{}", format::seconds(-v)),
        Unit::Seconds if v == 0.0 => "0 s".to_owned(),
        Unit::Seconds => format::seconds(v),
        Unit::Ratio => format::percent(v),
        Unit::Bytes => format::bytes(v),
        Unit::PerSecond => format::per_second(v),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::chart::Line;

    fn data(values: &[Option<f64>]) -> ChartData {
        ChartData { lines: vec![Line { label: "a".into(), values: values.to_vec() }], ..ChartData::default() }
    }

    #[test]
    fn bounds_begin_at_zero_and_ignore_what_is_no_number() {
        let b =
            Bounds::of(&data(&[Some(5.0), Some(f64::NAN), None, Some(10.0), Some(f64::INFINITY)])).unwrap();
        assert_eq!((b.low, b.high), (0.0, 10.8));
        assert_eq!(Bounds::of(&data(&[None, Some(f64::NAN)])), None);
        assert_eq!(Bounds::of(&data(&[Some(0.0)])), Some(Bounds { low: 0.0, high: 1.0 }));
        assert!(Bounds::of(&data(&[Some(-2.0), Some(3.0)])).unwrap().low < -2.0);
        assert!(Bounds::of(&data(&[Some(-f64::MAX), Some(f64::MAX)])).unwrap().share(0.0).is_finite());
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(Bounds { low: 0.0, high: 10.8 }.ticks(4), [0.0, 5.0, 10.0]);
        assert_eq!(Bounds { low: -1.2, high: 1.2 }.ticks(4), [-1.0, 0.0, 1.0]);
        assert!(Bounds { low: 0.0, high: 0.0 }.ticks(4).is_empty());
    }

    #[test]
    fn times_are_round_and_few() {
        let quarter = time_ticks(1_709_164_800_000, 1_709_165_700_000);
        let words: Vec<&str> = quarter.iter().map(|(_, w)| w.as_str()).collect();
        assert_eq!(words, ["02-29", "00:05", "00:10", "00:15"]);
        assert_eq!(time_ticks(1_709_164_801_000, 1_709_164_807_000)[0].1, "00:00:01");
        assert!(time_ticks(0, 31 * 86_400_000).len() <= 7);
        assert!(time_ticks(5, 5).is_empty());
    }

    #[test]
    fn values_carry_their_unit() {
        assert_eq!(value_words(Unit::Seconds, Some(0.25)), "250 ms");
        assert_eq!(value_words(Unit::Seconds, Some(0.0)), "0 s");
        assert_eq!(value_words(Unit::Ratio, Some(0.5)), "50 %");
        assert_eq!(value_words(Unit::PerSecond, Some(12.0)), "12/s");
        assert_eq!(value_words(Unit::Bytes, None), "–");
        assert_eq!(value_words(Unit::Bytes, Some(f64::INFINITY)), "+∞");
    }
}
