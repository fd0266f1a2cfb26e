//! Time intervals (timeinterval/timeinterval.go): when a route is muted or active.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use serde::Deserialize;

use crate::yaml::null_default;

/// One interval: all parts that are given must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeInterval {
    /// Minutes of the day, `start <= t < end`.
    times: Vec<(u32, u32)>,
    /// Sunday is 0.
    weekdays: Vec<(i64, i64)>,
    days_of_month: Vec<(i64, i64)>,
    months: Vec<(i64, i64)>,
    years: Vec<(i64, i64)>,
    zone: chrono_tz::Tz,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawInterval {
    #[serde(default, deserialize_with = "null_default")]
    times: Vec<RawTimes>,
    #[serde(default, deserialize_with = "null_default")]
    weekdays: Vec<String>,
    #[serde(default, deserialize_with = "null_default")]
    days_of_month: Vec<String>,
    #[serde(default, deserialize_with = "null_default")]
    months: Vec<String>,
    #[serde(default, deserialize_with = "null_default")]
    years: Vec<String>,
    location: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTimes {
    start_time: String,
    end_time: String,
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl TimeInterval {
    pub(crate) fn check(raw: &RawInterval) -> Result<Self, String> {
        let weekday = |s: &str| WEEKDAYS.iter().position(|w| *w == s).map(|i| i as i64);
        let month = |s: &str| {
            MONTHS
                .iter()
                .position(|m| *m == s)
                .map(|i| i as i64 + 1)
                .or_else(|| s.parse().ok())
                .filter(|m| (1..=12).contains(m))
        };
        let day = |s: &str| s.parse().ok().filter(|d: &i64| *d != 0 && d.abs() <= 31);
        let zone = raw.location.as_deref().unwrap_or("UTC");
        Ok(Self {
            times: raw.times.iter().map(times).collect::<Result<_, _>>()?,
            weekdays: ranges(&raw.weekdays, "weekday", weekday)?,
            days_of_month: ranges(&raw.days_of_month, "day of the month", day)?,
            months: ranges(&raw.months, "month", month)?,
            years: ranges(&raw.years, "year", |s| s.parse().ok())?,
            zone: zone.parse().map_err(|_| format!("unknown time zone {zone:?}"))?,
        })
    }

    /// Whether the moment lies inside.
    pub fn contains(&self, now_ms: i64) -> bool {
        let t = DateTime::<Utc>::from_timestamp_millis(now_ms).unwrap_or_default().with_timezone(&self.zone);
        let minute = t.hour() * 60 + t.minute();
        let in_month = i64::from(days_in_month(t.year(), t.month()));
        let day = i64::from(t.day());
        let held = |ranges: &[(i64, i64)], v: i64| {
            ranges.is_empty() || ranges.iter().any(|(from, to)| *from <= v && v <= *to)
        };
        let day_held = self.days_of_month.is_empty()
            || self.days_of_month.iter().any(|(from, to)| {
                let real = |d: i64| if d < 0 { in_month + d + 1 } else { d };
                real(*from).max(1) <= day && day <= real(*to).min(in_month)
            });
        (self.times.is_empty() || self.times.iter().any(|(from, to)| *from <= minute && minute < *to))
            && held(&self.weekdays, i64::from(t.weekday().num_days_from_sunday()))
            && day_held
            && held(&self.months, i64::from(t.month()))
            && held(&self.years, i64::from(t.year()))
    }
}

fn days_in_month(year: i32, month: u32) -> u32 {
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    NaiveDate::from_ymd_opt(next.0, next.1, 1).and_then(|d| d.pred_opt()).map_or(31, |d| d.day())
}

fn times(raw: &RawTimes) -> Result<(u32, u32), String> {
    let minute = |text: &str| {
        let (h, m) = text.split_once(':')?;
        let (h, m): (u32, u32) = (h.parse().ok()?, m.parse().ok()?);
        ((h < 24 && m < 60) || (h == 24 && m == 0)).then_some(h * 60 + m)
    };
    let of =
        |text: &str| minute(text).ok_or_else(|| format!("couldn't parse timestamp {text:?}, invalid format"));
    let (from, to) = (of(&raw.start_time)?, of(&raw.end_time)?);
    if from >= to {
        return Err("start time cannot be equal or greater than end time".to_owned());
    }
    Ok((from, to))
}

fn ranges(
    texts: &[String],
    what: &str,
    one: impl Fn(&str) -> Option<i64>,
) -> Result<Vec<(i64, i64)>, String> {
    texts
        .iter()
        .map(|text| {
            let lower = text.to_lowercase();
            let (from, to) = lower.split_once(':').unwrap_or((&lower, &lower));
            let of =
                |s: &str| one(s.trim()).ok_or_else(|| format!("{text:?} is not a valid {what} or range"));
            let (from, to) = (of(from)?, of(to)?);
            if from > to && (from < 0) == (to < 0) {
                return Err(format!("{text:?}: start of the range is after its end"));
            }
            Ok((from, to))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(yaml: &str) -> Result<TimeInterval, String> {
        TimeInterval::check(&serde_saphyr::from_str(yaml).map_err(|e| e.to_string())?)
    }

    #[test]
    fn an_interval_holds_when_all_its_parts_do() {
        // 2026-11-24 is a Tuesday; 11:00 UTC is 12:00 in Berlin.
        let at = 1_795_518_000_000;
        for (yaml, holds) in [
            ("weekdays: ['monday:friday']", true),
            ("weekdays: [sunday]", false),
            ("times: [{start_time: '10:00', end_time: '12:00'}]", true),
            ("{times: [{start_time: '10:00', end_time: '12:00'}], location: Europe/Berlin}", false),
            ("days_of_month: ['-7:-1']", true),
            ("{months: ['november'], years: ['2026:2027']}", true),
            ("months: ['1:3']", false),
        ] {
            assert_eq!(interval(yaml).expect(yaml).contains(at), holds, "{yaml}");
        }
        for yaml in
            ["weekdays: [someday]", "times: [{start_time: '12:00', end_time: '10:00'}]", "location: Mars"]
        {
            assert!(interval(yaml).is_err(), "{yaml}");
        }
    }
}
