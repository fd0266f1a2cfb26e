//! Parts of a date (UTC) of a Unix second.

use crate::function::Function;

const SECONDS_A_DAY: i64 = 86_400;
/// Seconds from Go's absolute epoch (1 March of the year -292277022400) to the Unix epoch: Go counts from there, unsigned.
const GO_EPOCH: i64 = (292_277_022_400 / 400 * 146_097 + 306) * SECONDS_A_DAY + 62_135_596_800;

/// `None` where `function` is no date function. What is no second in 64 bits (NaN, infinite) is the smallest one, whose date
/// wraps around, as in a Prometheus for amd64.
pub(crate) fn part(function: Function, second: f64) -> Option<f64> {
    let pick: fn(Date) -> i64 = match function {
        Function::Minute => |d| d.second_of_day % 3600 / 60,
        Function::Hour => |d| d.second_of_day / 3600,
        Function::DayOfWeek => |d| (d.days + 4).rem_euclid(7),
        Function::DayOfMonth => |d| d.day,
        Function::DayOfYear => |d| d.days - days(d.year, 1) + 1,
        Function::DaysInMonth => |d| {
            let next = if d.month == 12 { days(d.year + 1, 1) } else { days(d.year, d.month + 1) };
            next - days(d.year, d.month)
        },
        Function::Month => |d| d.month,
        Function::Year => |d| d.year,
        _ => return None,
    };
    let is_whole = second >= i64::MIN as f64 && second < i64::MAX as f64;
    Some(pick(date(if is_whole { second as i64 } else { i64::MIN })) as f64)
}

/// A second as `2026-01-31T08:15:00Z`.
pub(crate) fn rfc3339(second: i64) -> String {
    let d = date(second);
    let (hour, minute, second) = (d.second_of_day / 3600, d.second_of_day % 3600 / 60, d.second_of_day % 60);
    format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", d.year, d.month, d.day)
}

struct Date {
    /// Since the Unix epoch.
    days: i64,
    second_of_day: i64,
    year: i64,
    month: i64,
    day: i64,
}

/// The civil date of a day count, by eras of 400 years that start on 1 March.
fn date(second: i64) -> Date {
    let absolute = second.wrapping_add(GO_EPOCH).cast_unsigned();
    let day_seconds = SECONDS_A_DAY.cast_unsigned();
    let days = (absolute / day_seconds).cast_signed() - GO_EPOCH / SECONDS_A_DAY;
    let second_of_day = (absolute % day_seconds).cast_signed();
    let z = days + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    Date { days, second_of_day, year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
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
    fn what_is_no_second_is_the_smallest_one_and_wraps_around() {
        for second in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e19] {
            assert_eq!(part(Function::Year, second), Some(292_277_026_596.0));
        }
        assert_eq!(part(Function::Year, -1e18), Some(-31_688_736_537.0));
        assert_eq!(part(Function::Hour, -1.5), Some(23.0));
    }
}
