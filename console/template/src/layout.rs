//! Layouts of Go's reference time (`2006-01-02 15:04:05`), taken apart: package time, `nextStdChunk`.

/// A part of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk<'a> {
    Text(&'a str),
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    /// `PM`, or `pm`.
    HalfDay {
        upper: bool,
    },
    ZoneName,
    Offset {
        /// `Z` stands for UTC.
        z: bool,
        colon: bool,
        /// Pairs of digits: hours, minutes, seconds.
        pairs: usize,
    },
    /// `.000`; `.999` leaves zeros at the end out.
    Fraction {
        digits: usize,
        trim: bool,
    },
}

const OFFSETS: [(&str, bool, usize); 5] =
    [("070000", false, 3), ("07:00:00", true, 3), ("0700", false, 2), ("07:00", true, 2), ("07", false, 1)];

/// All parts of a layout, in order.
pub(crate) fn chunks(layout: &str) -> Vec<Chunk<'_>> {
    let mut out = Vec::new();
    let (mut text, mut at) = (0, 0);
    while at < layout.len() {
        let rest = &layout[at..];
        match chunk(rest) {
            Some((chunk, length)) => {
                if text < at {
                    out.push(Chunk::Text(&layout[text..at]));
                }
                out.push(chunk);
                at += length;
                text = at;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    if text < layout.len() {
        out.push(Chunk::Text(&layout[text..]));
    }
    out
}

fn chunk(rest: &str) -> Option<(Chunk<'static>, usize)> {
    let lower_after = |n: usize| rest[n..].starts_with(|c: char| c.is_ascii_lowercase());
    let words = [
        ("January", Chunk::LongMonth),
        ("Monday", Chunk::LongWeekday),
        ("MST", Chunk::ZoneName),
        ("2006", Chunk::LongYear),
        ("002", Chunk::ZeroYearDay),
        ("__2", Chunk::UnderYearDay),
        ("01", Chunk::ZeroMonth),
        ("02", Chunk::ZeroDay),
        ("03", Chunk::ZeroHour12),
        ("04", Chunk::ZeroMinute),
        ("05", Chunk::ZeroSecond),
        ("06", Chunk::Year),
        ("15", Chunk::Hour),
        ("PM", Chunk::HalfDay { upper: true }),
        ("pm", Chunk::HalfDay { upper: false }),
        ("1", Chunk::NumMonth),
        ("2", Chunk::Day),
        ("3", Chunk::Hour12),
        ("4", Chunk::Minute),
        ("5", Chunk::Second),
    ];
    if rest.starts_with("_2") && !rest.starts_with("_2006") {
        return Some((Chunk::UnderDay, 2));
    }
    for (word, short) in [("Jan", Chunk::Month), ("Mon", Chunk::Weekday)] {
        let long = rest.starts_with("January") || rest.starts_with("Monday");
        if rest.starts_with(word) && !long && !lower_after(3) {
            return Some((short, 3));
        }
    }
    if let Some((word, chunk)) = words.iter().find(|(word, _)| rest.starts_with(word)) {
        return Some((*chunk, word.len()));
    }
    if let Some(after) = rest.strip_prefix(['-', 'Z']) {
        let (digits, colon, pairs) = OFFSETS.iter().find(|(digits, ..)| after.starts_with(digits))?;
        let z = rest.starts_with('Z');
        return Some((Chunk::Offset { z, colon: *colon, pairs: *pairs }, digits.len() + 1));
    }
    let after = rest.strip_prefix(['.', ','])?;
    let digit = after.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let digits = after.len() - after.trim_start_matches(digit).len();
    let ends = !after[digits..].starts_with(|c: char| c.is_ascii_digit());
    ends.then_some((Chunk::Fraction { digits, trim: digit == '9' }, digits + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_come_apart_as_in_go() {
        assert_eq!(
            chunks("2006-01-02T15:04:05.999Z07:00"),
            [
                Chunk::LongYear,
                Chunk::Text("-"),
                Chunk::ZeroMonth,
                Chunk::Text("-"),
                Chunk::ZeroDay,
                Chunk::Text("T"),
                Chunk::Hour,
                Chunk::Text(":"),
                Chunk::ZeroMinute,
                Chunk::Text(":"),
                Chunk::ZeroSecond,
                Chunk::Fraction { digits: 3, trim: true },
                Chunk::Offset { z: true, colon: true, pairs: 2 },
            ]
        );
        assert_eq!(chunks("Janet"), [Chunk::Text("Janet")]);
        assert_eq!(chunks("_2006"), [Chunk::Text("_"), Chunk::LongYear]);
    }
}
