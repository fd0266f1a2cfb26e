//! Numbers, durations and strings as PromQL writes them.

use console_model::duration::{DurationError, parse_duration_ms};

use crate::gofmt;

/// `1h30m` in milliseconds: each unit at most once, large ones first. `0` alone is a duration too.
pub fn duration_ms(text: &str) -> Option<i64> {
    duration(text).ok()
}

/// As [`duration_ms`], with Prometheus' words for what is none (prometheus/common, model/time.go).
pub(super) fn duration(text: &str) -> Result<i64, String> {
    parse_duration_ms(text).map_err(|e| {
        let text = gofmt::quote(text.as_bytes());
        match e {
            DurationError::Invalid => format!("not a valid duration string: {text}"),
            DurationError::UnknownUnit(unit) => {
                format!("unknown unit {} in duration {text}", gofmt::quote(unit.as_bytes()))
            }
            DurationError::Empty | DurationError::OutOfRange => e.to_string(),
        }
    })
}

/// What a text that begins with a digit begins with.
pub(super) enum Scanned {
    Number,
    Duration,
    Neither,
}

/// Tells numbers from durations, and how many bytes belong to it, as `scanNumber` and `acceptRemainingDuration` of
/// promql/parser/lex.go do: the value may still be none.
pub(super) fn scan(text: &str) -> (Scanned, usize) {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    if scan.number() {
        return (Scanned::Number, scan.at);
    }
    if scan.rest_of_duration() {
        return (Scanned::Duration, scan.at);
    }
    // What was looked at belongs to the message, a whole character of it.
    let end = (scan.at..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
    (Scanned::Neither, end)
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn is(&self, any: &str) -> bool {
        self.peek().is_some_and(|b| any.as_bytes().contains(&b))
    }

    fn take(&mut self, any: &str) -> bool {
        let found = self.is(any);
        self.at += usize::from(found);
        found
    }

    fn ends_word(&self) -> bool {
        !self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
    }

    fn number(&mut self) -> bool {
        let is_hex = self.take("0") && self.take("xX");
        if is_hex {
            self.take("_");
        }
        let digits = if is_hex { "0123456789abcdefABCDEF" } else { "0123456789" };
        self.take(".");
        self.take(digits);
        let (mut has_point, mut has_exponent) = (false, false);
        while self.is(digits) || self.is("._eE") {
            if has_point && self.take(".") || has_exponent && self.take("eE") {
                return false;
            }
            if self.take(".") {
                has_point = true;
                if self.take("_.") || is_hex {
                    return false;
                }
            } else if self.take("eE") {
                has_exponent = true;
                self.take("+-");
                if self.take("._eE") || self.peek().is_none() {
                    return false;
                }
            } else if self.take("_") {
                if self.take("._eE") || self.peek().is_none() {
                    return false;
                }
            } else {
                while self.take(digits) {}
            }
        }
        self.ends_word()
    }

    fn rest_of_duration(&mut self) -> bool {
        if !self.take("smhdwy") {
            return false;
        }
        self.take("s");
        while self.take("0123456789") {
            while self.take("0123456789") {}
            if !self.take("smhdw") {
                return false;
            }
            self.take("s");
        }
        let ends = self.ends_word();
        self.at += usize::from(!ends);
        ends
    }
}

/// Why [`number`] gives nothing, in Go's words.
pub(super) fn why_no_number(text: &str) -> String {
    let is_large = text.replace('_', "").parse().is_ok_and(f64::is_infinite);
    let reason = if is_large { "value out of range" } else { "invalid syntax" };
    format!("error parsing number: strconv.ParseFloat: parsing {}: {reason}", gofmt::quote(text.as_bytes()))
}

/// A number: decimal, hexadecimal (`0x1f`) or octal (`017`), digits separated by `_`. What is too large for a float is
/// none, as in Prometheus.
pub fn number(text: &str) -> Option<f64> {
    let clean = text.replace('_', "");
    let well_separated =
        !text.starts_with('_') && !text.ends_with('_') && !text.contains("__") && !text.contains("_.");
    if !well_separated {
        return None;
    }
    if let Some(digits) = clean.strip_prefix("0x").or_else(|| clean.strip_prefix("0X")) {
        let n = i64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with(['+', '-']));
        return n.map(|n| n as f64);
    }
    if clean.len() > 1
        && clean.starts_with('0')
        && clean.bytes().all(|b| b.is_ascii_digit())
        && let Ok(n) = i64::from_str_radix(&clean, 8)
    {
        return Some(n as f64);
    }
    let plain = clean.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if plain { clean.parse().ok().filter(|n: &f64| n.is_finite()) } else { None }
}

/// What Go's decoder makes of bytes that are no character; it cannot tell them from that character itself.
const NO_RUNE: &str = "invalid UTF-8 rune";

/// The bytes of the quoted string at the start of `text`, and its length with quotes.
pub(super) fn unquote(text: &str, quote: char) -> Result<(Vec<u8>, usize), String> {
    let body = &text[1..];
    if quote == '`' {
        let end = body.find(['`', char::REPLACEMENT_CHARACTER]).ok_or("unterminated raw string")?;
        if !body[end..].starts_with('`') {
            return Err(NO_RUNE.to_owned());
        }
        return Ok((body.as_bytes()[..end].to_vec(), end + 2));
    }
    let mut out = Vec::new();
    let mut chars = body.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '\n' => break,
            char::REPLACEMENT_CHARACTER => return Err(NO_RUNE.to_owned()),
            c if c == quote => return Ok((out, i + 2)),
            '\\' => escape(&mut chars, quote, &mut out)?,
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err("unterminated quoted string".to_owned())
}

fn escape(chars: &mut std::str::CharIndices<'_>, quote: char, out: &mut Vec<u8>) -> Result<(), String> {
    let unterminated = || "escape sequence not terminated".to_owned();
    let (_, c) = chars.next().ok_or_else(unterminated)?;
    let (first, digits, radix) = match c {
        'a' => return push(out, 7),
        'b' => return push(out, 8),
        'f' => return push(out, 12),
        'n' => return push(out, b'\n'),
        'r' => return push(out, b'\r'),
        't' => return push(out, b'\t'),
        'v' => return push(out, 11),
        '\\' => return push(out, b'\\'),
        c if c == quote => return push(out, quote as u8),
        '0'..='7' => (Some(c), 2, 8),
        'x' => (None, 2, 16),
        'u' => (None, 4, 16),
        'U' => (None, 8, 16),
        c => return Err(format!("unknown escape sequence {}", code_point(c))),
    };
    let mut value = first.and_then(|c| c.to_digit(8)).unwrap_or(0);
    for _ in 0..digits {
        let (_, c) = chars.next().ok_or_else(unterminated)?;
        let digit = c
            .to_digit(radix)
            .ok_or_else(|| format!("illegal character {} in escape sequence", code_point(c)))?;
        value = value.wrapping_mul(radix).wrapping_add(digit);
    }
    let invalid = || "escape sequence is an invalid Unicode code point".to_owned();
    match c {
        'u' | 'U' => {
            let c = char::from_u32(value).ok_or_else(invalid)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            Ok(())
        }
        _ => push(out, u8::try_from(value).map_err(|_| invalid())?),
    }
}

/// `%#U`: the number of a character, and the character where it can be seen.
fn code_point(c: char) -> String {
    if gofmt::is_printable(c) { format!("U+{:04X} '{c}'", c as u32) } else { format!("U+{:04X}", c as u32) }
}

fn push(out: &mut Vec<u8>, byte: u8) -> Result<(), String> {
    out.push(byte);
    Ok(())
}

#[cfg(test)]
mod tests {
    use console_model::duration::format_duration_ms as format_duration;

    use super::*;

    #[test]
    fn durations_have_each_unit_once_and_in_order() {
        assert_eq!(duration_ms("1h30m"), Some(5_400_000));
        assert_eq!(duration_ms("1m1ms"), Some(60_001));
        assert_eq!(duration_ms("1y"), Some(31_536_000_000));
        for bad in ["", "5", "30m1h", "1m1m", "1x", "m", "1.5h", "300y"] {
            assert_eq!(duration_ms(bad), None, "{bad}");
        }
        for text in ["1d", "1h30m", "5m", "1m1ms", "2w", "90s"] {
            let ms = duration_ms(text).unwrap();
            assert_eq!(duration_ms(&format_duration(ms)), Some(ms), "{text}");
        }
    }

    #[test]
    fn numbers_are_written_in_many_ways() {
        for (text, n) in
            [("12.34e-6", 12.34e-6), ("0x1F", 31.0), ("017", 15.0), ("2.", 2.0), ("1_000", 1000.0)]
        {
            assert_eq!(number(text), Some(n), "{text}");
        }
        for bad in ["5m", "1__0", "0o17", "0b11", "1e400", "0xfffffffffffffffff"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn strings_may_hold_any_bytes() {
        assert_eq!(unquote(r#""a\xc5z" "#, '"'), Ok((b"a\xc5z".to_vec(), 8)));
        assert_eq!(unquote(r"'\u00e9\''", '\''), Ok(("é'".as_bytes().to_vec(), 10)));
        assert_eq!(unquote(r"`a\n`", '`'), Ok((br"a\n".to_vec(), 5)));
        assert!(unquote("\"abc", '"').is_err());
        assert!(unquote(r#""\q""#, '"').is_err());
    }
}
