//! Times of templates: an instant with the zone it is shown in, formatted and parsed as Go's package time does.

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Timelike, Utc,
};
use chrono_tz::{OffsetName, Tz};

use crate::layout::{Chunk, chunks};

/// How `%v` prints a time.
const PRINTED: &str = "2006-01-02 15:04:05.999999999 -0700 MST";
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// An instant and the zone it is told in.
#[derive(Clone, Debug)]
pub struct Moment {
    at: DateTime<FixedOffset>,
    zone: String,
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.at.partial_cmp(&other.at)
    }
}

impl Moment {
    fn utc(at: DateTime<Utc>) -> Self {
        Self { at: at.fixed_offset(), zone: "UTC".to_owned() }
    }

    /// Milliseconds since the Unix epoch, in UTC; the epoch where no calendar reaches.
    pub fn from_ms(ms: i64) -> Self {
        Self::utc(DateTime::from_timestamp_millis(ms).unwrap_or_default())
    }

    /// Nanoseconds since the Unix epoch, in UTC.
    pub fn from_ns(ns: i64) -> Self {
        Self::utc(DateTime::from_timestamp_nanos(ns))
    }

    /// Go's zero time: the first of January of the year 1.
    pub(crate) fn zero() -> Self {
        let day = NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default();
        Self::utc(day.and_time(NaiveTime::MIN).and_utc())
    }

    pub(crate) fn seconds(&self) -> i64 {
        self.at.timestamp()
    }

    pub(crate) fn ms(&self) -> i64 {
        self.at.timestamp_millis()
    }

    /// Saturates where 64 bits do not reach.
    pub(crate) fn ns(&self) -> i64 {
        let far = if self.at.timestamp() < 0 { i64::MIN } else { i64::MAX };
        self.at.timestamp_nanos_opt().unwrap_or(far)
    }

    pub(crate) fn print(&self) -> String {
        self.format(PRINTED)
    }

    pub(crate) fn in_utc(&self) -> Self {
        Self::utc(self.at.to_utc())
    }

    pub(crate) fn format(&self, layout: &str) -> String {
        let mut out = String::new();
        for chunk in chunks(layout) {
            self.write(chunk, &mut out);
        }
        out
    }

    fn write(&self, chunk: Chunk<'_>, out: &mut String) {
        let t = &self.at;
        let month = MONTHS[t.month0() as usize];
        let weekday = WEEKDAYS[t.weekday().num_days_from_sunday() as usize];
        let hour12 = t.hour12().1;
        let text = match chunk {
            Chunk::Text(text) => text.to_owned(),
            Chunk::LongMonth => month.to_owned(),
            Chunk::Month => month[..3].to_owned(),
            Chunk::NumMonth => t.month().to_string(),
            Chunk::ZeroMonth => format!("{:02}", t.month()),
            Chunk::LongWeekday => weekday.to_owned(),
            Chunk::Weekday => weekday[..3].to_owned(),
            Chunk::Day => t.day().to_string(),
            Chunk::UnderDay => format!("{:2}", t.day()),
            Chunk::ZeroDay => format!("{:02}", t.day()),
            Chunk::UnderYearDay => format!("{:3}", t.ordinal()),
            Chunk::ZeroYearDay => format!("{:03}", t.ordinal()),
            Chunk::Hour => format!("{:02}", t.hour()),
            Chunk::Hour12 => hour12.to_string(),
            Chunk::ZeroHour12 => format!("{hour12:02}"),
            Chunk::Minute => t.minute().to_string(),
            Chunk::ZeroMinute => format!("{:02}", t.minute()),
            Chunk::Second => t.second().to_string(),
            Chunk::ZeroSecond => format!("{:02}", t.second()),
            Chunk::LongYear => format!("{:04}", t.year()),
            Chunk::Year => format!("{:02}", t.year().rem_euclid(100)),
            Chunk::HalfDay { upper } => match (t.hour12().0, upper) {
                (true, true) => "PM".to_owned(),
                (false, true) => "AM".to_owned(),
                (true, false) => "pm".to_owned(),
                (false, false) => "am".to_owned(),
            },
            Chunk::ZoneName => self.zone.clone(),
            Chunk::Offset { z, colon, pairs } => offset(t.offset().local_minus_utc(), z, colon, pairs),
            Chunk::Fraction { digits, trim } => fraction(t.nanosecond() % 1_000_000_000, digits, trim),
        };
        out.push_str(&text);
    }

    /// Reads a time in a zone of the IANA database (`UTC`, `Local` and what is not known: UTC). A zone in the text wins.
    pub(crate) fn parse(layout: &str, zone: &str, text: &str) -> Option<Self> {
        let tz: Tz = zone.parse().unwrap_or(Tz::UTC);
        let mut fields = Fields::default();
        let layout = chunks(layout);
        let mut rest = text;
        for (i, chunk) in layout.iter().enumerate() {
            rest = fields.read(*chunk, rest)?;
            let seconds = matches!(chunk, Chunk::Second | Chunk::ZeroSecond);
            // A text may have a fraction that its layout does not speak of.
            if seconds && !matches!(layout.get(i + 1), Some(Chunk::Fraction { .. })) {
                rest = fields.fraction(rest);
            }
        }
        if rest.is_empty() { fields.moment(tz) } else { None }
    }
}

fn offset(seconds: i32, z: bool, colon: bool, pairs: usize) -> String {
    if z && seconds == 0 {
        return "Z".to_owned();
    }
    let (sign, s) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    let parts = [s / 3600, s / 60 % 60, s % 60].map(|n| format!("{n:02}"));
    format!("{sign}{}", parts[..pairs].join(if colon { ":" } else { "" }))
}

fn fraction(ns: u32, digits: usize, trim: bool) -> String {
    let all = format!("{ns:09}");
    let kept = &all[..digits.min(9)];
    let kept = if trim { kept.trim_end_matches('0') } else { kept };
    if kept.is_empty() {
        String::new()
    } else {
        format!(".{kept}{}", "0".repeat(if trim { 0 } else { digits.saturating_sub(9).min(9) }))
    }
}

/// What a text said.
struct Fields {
    year: i32,
    month: u32,
    day: u32,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    ns: u32,
    pm: Option<bool>,
    /// Seconds east of UTC.
    offset: Option<i32>,
    zone: Option<String>,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            year: 0,
            month: 1,
            day: 1,
            year_day: None,
            hour: 0,
            minute: 0,
            second: 0,
            ns: 0,
            pm: None,
            offset: None,
            zone: None,
        }
    }
}

impl Fields {
    /// Reads one part; what follows it.
    fn read<'t>(&mut self, chunk: Chunk<'_>, text: &'t str) -> Option<&'t str> {
        match chunk {
            Chunk::Text(literal) => return text.strip_prefix(literal),
            Chunk::LongMonth => return named(text, &MONTHS, usize::MAX, |i| self.month = i as u32 + 1),
            Chunk::Month => return named(text, &MONTHS, 3, |i| self.month = i as u32 + 1),
            Chunk::LongWeekday => return named(text, &WEEKDAYS, usize::MAX, |_| ()),
            Chunk::Weekday => return named(text, &WEEKDAYS, 3, |_| ()),
            Chunk::HalfDay { .. } => {
                let word = text.get(..2)?.to_ascii_uppercase();
                self.pm = Some(match word.as_str() {
                    "PM" => true,
                    "AM" => false,
                    _ => return None,
                });
                return Some(&text[2..]);
            }
            Chunk::ZoneName => {
                let length = text.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(text.len());
                let name = text.get(..length).filter(|n| (3..=5).contains(&n.len()))?;
                self.zone = Some(name.to_owned());
                return Some(&text[length..]);
            }
            Chunk::Offset { z: true, .. } if text.starts_with('Z') => {
                self.offset = Some(0);
                return Some(&text[1..]);
            }
            Chunk::Offset { colon, pairs, .. } => return self.offset(text, colon, pairs),
            Chunk::Fraction { digits, trim } => {
                let rest = self.fraction(text);
                let read = text.len() - rest.len();
                return (trim || read == digits + 1).then_some(rest);
            }
            _ => {}
        }
        let (min, max) = match chunk {
            Chunk::LongYear => (4, 4),
            Chunk::UnderYearDay | Chunk::ZeroYearDay => (3, 3),
            Chunk::ZeroMonth | Chunk::ZeroDay | Chunk::ZeroHour12 | Chunk::ZeroMinute => (2, 2),
            Chunk::ZeroSecond | Chunk::Year => (2, 2),
            _ => (1, 2),
        };
        let padded = matches!(chunk, Chunk::UnderDay | Chunk::UnderYearDay);
        let trimmed = if padded { text.trim_start_matches(' ') } else { text };
        let min = if padded { 1 } else { min };
        let digits = trimmed.bytes().take(max).take_while(u8::is_ascii_digit).count();
        let n: u32 = trimmed.get(..digits).filter(|_| digits >= min)?.parse().ok()?;
        match chunk {
            Chunk::LongYear => self.year = n as i32,
            Chunk::Year => self.year = n as i32 + if n >= 69 { 1900 } else { 2000 },
            Chunk::NumMonth | Chunk::ZeroMonth => self.month = n,
            Chunk::UnderYearDay | Chunk::ZeroYearDay => self.year_day = Some(n),
            Chunk::Hour | Chunk::Hour12 | Chunk::ZeroHour12 => self.hour = n,
            Chunk::Minute | Chunk::ZeroMinute => self.minute = n,
            Chunk::Second | Chunk::ZeroSecond => self.second = n,
            _ => self.day = n,
        }
        Some(&trimmed[digits..])
    }

    fn offset<'t>(&mut self, text: &'t str, colon: bool, pairs: usize) -> Option<&'t str> {
        let sign = match text.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        let (mut rest, mut total) = (&text[1..], 0);
        for (i, scale) in [3600, 60, 1].into_iter().take(pairs).enumerate() {
            if i > 0 && colon {
                rest = rest.strip_prefix(':')?;
            }
            let n: i32 = rest.get(..2).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
            total += n * scale;
            rest = &rest[2..];
        }
        self.offset = Some(sign * total);
        Some(rest)
    }

    /// `.123`, where one stands.
    fn fraction<'t>(&mut self, text: &'t str) -> &'t str {
        let Some(after) = text.strip_prefix(['.', ',']) else { return text };
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return text;
        }
        let kept = &after[..digits.min(9)];
        let scale = 10u32.pow(9 - kept.len() as u32);
        self.ns = kept.parse::<u32>().unwrap_or(0) * scale;
        &after[digits..]
    }

    fn moment(self, tz: Tz) -> Option<Moment> {
        let day = match self.year_day {
            Some(day) => NaiveDate::from_yo_opt(self.year, day),
            None => NaiveDate::from_ymd_opt(self.year, self.month, self.day),
        }?;
        let hour = match (self.pm, self.hour) {
            (Some(true), h) if h < 12 => h + 12,
            (Some(false), 12) => 0,
            (_, h) => h,
        };
        let local = day.and_time(NaiveTime::from_hms_nano_opt(hour, self.minute, self.second, self.ns)?);
        if let Some(seconds) = self.offset {
            let at = FixedOffset::east_opt(seconds)?.from_local_datetime(&local).single()?;
            let zone = if seconds == 0 { "UTC".to_owned() } else { String::new() };
            return Some(Moment { at, zone: self.zone.unwrap_or(zone) });
        }
        // A name alone says no offset: Go takes it for one of its own.
        if let Some(zone) = self.zone.filter(|z| z != "UTC") {
            return Some(Moment { at: local.and_utc().fixed_offset(), zone });
        }
        Some(in_zone(tz, local))
    }
}

/// A local time that a clock skips is read as if it had not.
fn in_zone(tz: Tz, local: NaiveDateTime) -> Moment {
    let found = tz.from_local_datetime(&local).earliest();
    let at = found.unwrap_or_else(|| tz.from_utc_datetime(&local));
    let zone = at.offset().abbreviation().unwrap_or("UTC").to_owned();
    Moment { at: at.with_timezone(&at.offset().fix()), zone }
}

/// One of the names, or of their beginnings, whatever its case.
fn named<'t>(text: &'t str, names: &[&str], length: usize, found: impl FnOnce(usize)) -> Option<&'t str> {
    let cut = |name: &str| name.len().min(length);
    let fits =
        |name: &&str| text.get(..cut(name)).is_some_and(|t| t.eq_ignore_ascii_case(&name[..cut(name)]));
    let place = names.iter().position(fits)?;
    found(place);
    Some(&text[cut(names[place])..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_and_read_as_in_go() {
        let t = Moment::from_ns(1_732_446_061_120_000_000);
        for (layout, text) in [
            ("2006-01-02T15:04:05.00Z07:00", "2024-11-24T11:01:01.12Z"),
            ("Mon Jan _2 3:4:5pm 06", "Sun Nov 24 11:1:1am 24"),
            ("Monday, 2 January 2006 .000 002 -07", "Sunday, 24 November 2024 .120 329 +00"),
        ] {
            assert_eq!(t.format(layout), text);
        }
        assert_eq!(t.print(), "2024-11-24 11:01:01.12 +0000 UTC");
    }

    #[test]
    fn texts_are_read_in_their_zone() {
        let read = |layout, zone, text| Moment::parse(layout, zone, text).map(|m| m.print());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("2006-01-02", "UTC", "2021-11-02"), some("2021-11-02 00:00:00 +0000 UTC"));
        assert_eq!(
            read("2006-01-02 15:04", "Europe/Berlin", "2021-07-02 12:30"),
            some("2021-07-02 12:30:00 +0200 CEST")
        );
        assert_eq!(
            read("2006-01-02T15:04:05Z07:00", "Local", "2021-11-02T10:00:00.5-03:00"),
            some("2021-11-02 10:00:00.5 -0300 ")
        );
        assert_eq!(
            read("Jan 2, 2006 at 3:04PM", "Nowhere/At", "feb 3, 2013 at 7:54PM"),
            some("2013-02-03 19:54:00 +0000 UTC")
        );
        for (layout, text) in
            [("2006-01-02", "2021-13-02"), ("2006", "x"), ("2006", "20211"), ("15:04", "25:00")]
        {
            assert_eq!(read(layout, "UTC", text), None, "{text}");
        }
    }
}
