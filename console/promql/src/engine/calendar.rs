//! Parts of a date (UTC) of a Unix second.

use crate::function::Function;

/// `None` where `function` is no date function. A second out of every calendar (NaN, infinite) gives NaN.
pub(crate) fn part(function: Function, second: f64) -> Option<f64> {
    let pick: fn(Date) -> i64 = match function {
        Function::Minute => |d| d.second.rem_euclid(3600) / 60,
        Function::Hour => |d| d.second.rem_euclid(86_400) / 3600,
        Function::DayOfWeek => |d| (d.second.div_euclid(86_400) + 4).rem_euclid(7),
        Function::DayOfMonth => |d| d.day,
        Function::DayOfYear => |d| d.second.div_euclid(86_400) - days(d.year, 1) + 1,
        Function::DaysInMonth => |d| {
            let next = if d.month == 12 { days(d.year + 1, 1) } else { days(d.year, d.month + 1) };
            next - days(d.year, d.month)
        },
        Function::Month => |d| d.month,
        Function::Year => |d| d.year,
        _ => return None,
    };
    // Far enough for every date that a person writes, near enough for exact integers.
    if second.is_nan() || second.abs() > 1e14 {
        return Some(f64::NAN);
    }
    Some(pick(date(second.trunc() as i64)) as f64)
}

/// A second as `2026-01-31T08:15:00Z`.
pub(crate) fn rfc3339(second: i64) -> String {
    let d = date(second);
    let of_day = second.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day % 3600 / 60, of_day % 60);
    format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", d.year, d.month, d.day)
}

struct Date {
    second: i64,
    year: i64,
    month: i64,
    day: i64,
}

/// The civil date of a day count, by eras of 400 years that start on 1 March.
fn date(second: i64) -> Date {
    let z = second.div_euclid(86_400) + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    Date { second, year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
}

/// Days from the epoch to the first of a month.
fn days(year: i64, month: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_day_has_all_its_parts() {
        // 2024-02-29 13:45:10 UTC, a Thursday.
        let at = 1_709_214_310.0;
        let of = |f| part(f, at).unwrap();
        assert_eq!(of(Function::Year), 2024.0);
        assert_eq!(
            (of(Function::Month), of(Function::DayOfMonth), of(Function::DayOfWeek)),
            (2.0, 29.0, 4.0)
        );
        assert_eq!((of(Function::DayOfYear), of(Function::DaysInMonth)), (60.0, 29.0));
        assert_eq!(rfc3339(1_709_214_310), "2024-02-29T13:45:10Z");
        assert_eq!((of(Function::Hour), of(Function::Minute)), (13.0, 45.0));
    }

    #[test]
    fn what_is_no_date_is_nan() {
        assert!(part(Function::Year, f64::NAN).unwrap().is_nan());
        assert!(part(Function::Year, f64::INFINITY).unwrap().is_nan());
    }
}
