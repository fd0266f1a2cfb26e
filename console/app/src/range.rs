//! The time range of a page: `from` and `to` in the URL, relative (`now-15m`) or absolute (milliseconds since the epoch,
//! or RFC 3339). A wrong value falls back to the default and is told.

use console_model::TimeRange;

/// Shown first: long enough for a trend, short enough for an incident.
pub const DEFAULT_LENGTH_MS: i64 = 15 * 60_000;
/// Longest range that a page asks for.
pub const MAX_LENGTH_MS: i64 = 31 * 24 * 3_600_000;

/// The choices of the picker: value of `from`, and its words.
pub const QUICK: [(&str, &str); 8] = [
    ("now-5m", "Last 5 minutes"),
    ("now-15m", "Last 15 minutes"),
    ("now-30m", "Last 30 minutes"),
    ("now-1h", "Last hour"),
    ("now-3h", "Last 3 hours"),
    ("now-12h", "Last 12 hours"),
    ("now-24h", "Last 24 hours"),
    ("now-7d", "Last 7 days"),
];

/// A page's range, resolved, with how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRange {
    pub range: TimeRange,
    /// As written in the URL; empty for the default.
    pub from: String,
    pub to: String,
    /// What was wrong with the URL's values.
    pub problem: Option<String>,
}

impl PageRange {
    /// From query pairs. Without them: the last quarter of an hour.
    pub fn from_query(query: &[(String, String)], now_ms: i64) -> Self {
        let get = |name: &str| {
            query.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim().to_owned()).unwrap_or_default()
        };
        let (from, to) = (get("from"), get("to"));
        let default = TimeRange::last(now_ms, DEFAULT_LENGTH_MS);
        match resolve(&from, &to, now_ms) {
            Ok(range) => Self { range, from, to, problem: None },
            Err(problem) => {
                Self { range: default, from: String::new(), to: String::new(), problem: Some(problem) }
            }
        }
    }

    /// It moves with the clock: `to` is now.
    pub fn is_live(&self) -> bool {
        (self.to.is_empty() || self.to == "now") && (self.from.is_empty() || self.from.starts_with("now"))
    }

    /// Words for the picker's button.
    pub fn label(&self) -> String {
        let from = if self.from.is_empty() { "now-15m" } else { &self.from };
        if self.is_live() {
            let quick = QUICK.iter().find(|(value, _)| *value == from);
            return quick.map_or_else(|| format!("{from} to now"), |(_, words)| (*words).to_owned());
        }
        let utc = |ms| crate::view::format::time_utc(ms);
        format!("{} to {}", utc(self.range.start_ms), utc(self.range.end_ms))
    }

    /// Pairs for links that keep the range; none for the default.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        [("from", &self.from), ("to", &self.to)]
            .into_iter()
            .filter(|(_, v)| !v.is_empty())
            .map(|(n, v)| (n, v.clone()))
            .collect()
    }

    /// A step that gives about `points` points, on a round number of seconds, at least `min_ms`.
    pub fn step_ms(&self, points: i64, min_ms: i64) -> i64 {
        const ROUND_S: [i64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600];
        let wanted = (self.range.length_ms() / points.max(1)).max(min_ms);
        ROUND_S.iter().map(|s| s * 1000).find(|s| *s >= wanted).unwrap_or(86_400_000)
    }
}

fn resolve(from: &str, to: &str, now_ms: i64) -> Result<TimeRange, String> {
    let end_ms = if to.is_empty() { now_ms } else { instant("to", to, now_ms)? };
    let start_ms = if from.is_empty() { end_ms - DEFAULT_LENGTH_MS } else { instant("from", from, now_ms)? };
    if start_ms >= end_ms {
        return Err("the time range ends before it begins".to_owned());
    }
    if end_ms - start_ms > MAX_LENGTH_MS {
        return Err("the time range is longer than 31 days".to_owned());
    }
    Ok(TimeRange { start_ms, end_ms })
}

fn instant(name: &str, text: &str, now_ms: i64) -> Result<i64, String> {
    let wrong = || {
        let shown: String = text.chars().take(40).collect();
        format!("{name} must be like now-15m, a time in milliseconds, or 2026-01-31T12:00:00Z; got {shown:?}")
    };
    if let Some(rest) = text.strip_prefix("now") {
        if rest.is_empty() {
            return Ok(now_ms);
        }
        let rest = rest.strip_prefix('-').ok_or_else(wrong)?;
        let split = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let count: i64 = rest[..split].parse().map_err(|_| wrong())?;
        let unit = match &rest[split..] {
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(wrong()),
        };
        return count.checked_mul(unit).and_then(|ms| now_ms.checked_sub(ms)).ok_or_else(wrong);
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<i64>().ok().filter(|ms| *ms < 253_402_300_800_000).ok_or_else(wrong);
    }
    let local = |format: &str| chrono::NaiveDateTime::parse_from_str(text, format).map(|t| t.and_utc());
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|t| t.to_utc())
        .or_else(|_| local("%Y-%m-%dT%H:%M"))
        .or_else(|_| local("%Y-%m-%dT%H:%M:%S"))
        .map(|t| t.timestamp_millis())
        .map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn range(from: &str, to: &str) -> PageRange {
        PageRange::from_query(&[("from".into(), from.into()), ("to".into(), to.into())], NOW)
    }

    #[test]
    fn default_is_the_last_quarter_of_an_hour_and_live() {
        let r = PageRange::from_query(&[], NOW);
        assert_eq!((r.range, r.is_live()), (TimeRange::last(NOW, DEFAULT_LENGTH_MS), true));
        assert!(r.pairs().is_empty());
    }

    #[test]
    fn relative_and_absolute_values_are_read() {
        assert_eq!(range("now-2h", "now-1h").range.length_ms(), 3_600_000);
        assert_eq!(range("1799999990000", "1800000000000").range.length_ms(), 10_000);
        assert_eq!(range("2027-01-15T08:00", "2027-01-15T08:00:30Z").range.length_ms(), 30_000);
        assert!(!range("1799999990000", "").is_live());
    }

    #[test]
    fn wrong_values_fall_back_and_say_why() {
        for (from, to) in [
            ("yesterday", ""),
            ("now-9999999999999999w", ""),
            ("now", "now-1h"),
            ("now-400d", ""),
            ("now+1h", ""),
        ] {
            let r = range(from, to);
            assert!(r.problem.is_some(), "{from} {to}");
            assert_eq!(r.range, TimeRange::last(NOW, DEFAULT_LENGTH_MS));
        }
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(PageRange::from_query(&[], NOW).step_ms(200, 2000), 5000);
        assert_eq!(range("now-7d", "").step_ms(200, 2000), 3_600_000);
    }
}
