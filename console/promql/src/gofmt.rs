//! Numbers and strings as Go prints them: they become label values and messages that others compare.

fn special(v: f64) -> Option<&'static str> {
    match v {
        v if v.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// `strconv.FormatFloat(v, 'f', -1, 64)`: shortest digits, never an exponent.
pub(crate) fn plain(v: f64) -> String {
    if let Some(text) = special(v) {
        return text.to_owned();
    }
    let (sign, scientific) = split_sign(&shortest(v));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (digits, exponent): (String, i32) = (mantissa.replace('.', ""), exponent.parse().unwrap_or(0));
    let zeros = |count: i32| "0".repeat(count.max(0) as usize);
    let point = exponent + 1;
    if point <= 0 {
        return format!("{sign}0.{}{digits}", zeros(-point));
    }
    match digits.split_at_checked(point as usize) {
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, part)) => format!("{sign}{whole}.{part}"),
        None => format!("{sign}{digits}{}", zeros(point - digits.len() as i32)),
    }
}

/// The fewest digits that read back as `v`, as Rust's `1.5e-7`. Of two candidates equally near, Go takes the even one,
/// Rust the upper.
fn shortest(v: f64) -> String {
    let short = format!("{v:e}");
    let places = short.split_once('e').and_then(|(m, _)| m.split_once('.')).map_or(0, |(_, part)| part.len());
    let even = format!("{v:.places$e}");
    if even != short && even.parse() == Ok(v) { even } else { short }
}

fn split_sign(text: &str) -> (&'static str, String) {
    text.strip_prefix('-').map_or_else(|| ("", text.to_owned()), |rest| ("-", rest.to_owned()))
}

/// `%g`: shortest digits, with an exponent below 1e-4 and from 1e6 on.
pub(crate) fn general(v: f64) -> String {
    if let Some(text) = special(v) {
        return text.to_owned();
    }
    with_exponent(&shortest(v), 6, v)
}

/// `%.2g`: two significant digits.
pub(crate) fn two_digits(v: f64) -> String {
    if let Some(text) = special(v) {
        return text.to_owned();
    }
    let text = format!("{v:.1e}");
    let rounded = text.parse().unwrap_or(v);
    with_exponent(&format!("{rounded:e}"), 2, rounded)
}

/// Chooses between the exponent's form, from Rust's `1.5e-7`, and the plain one.
fn with_exponent(scientific: &str, limit: i32, v: f64) -> String {
    let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..limit).contains(&exponent) {
        return plain(v);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A float as OpenMetrics writes label values: `1.0`, `0.25`, `+Inf`.
pub(crate) fn open_metrics(v: f64) -> String {
    // Zero has no sign.
    let text = general(v + 0.0);
    if v.is_finite() && !text.contains(['e', '.']) { text + ".0" } else { text }
}

/// A text as `%q` writes it.
pub(crate) struct Quoted<'a>(pub &'a str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&quote(self.0.as_bytes()))
    }
}

/// `strconv.Quote` of bytes that may not be UTF-8.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{7}' => out.push_str("\\a"),
                '\u{8}' => out.push_str("\\b"),
                '\u{b}' => out.push_str("\\v"),
                '\u{c}' => out.push_str("\\f"),
                c if c.is_ascii_control() => out += &format!("\\x{:02x}", c as u32),
                c if !is_printable(c) && c <= '\u{ffff}' => out += &format!("\\u{:04x}", c as u32),
                c if !is_printable(c) => out += &format!("\\U{:08x}", c as u32),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            out += &format!("\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// `strconv.IsPrint`, as far as control, format and private characters and blanks go.
pub(crate) fn is_printable(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    );
    let is_private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    c == ' ' || !(c.is_control() || c.is_whitespace() || is_format || is_private)
}

/// `%q` of a character; none is what Go reads behind the end of a text.
pub(crate) fn quote_char(c: Option<char>) -> String {
    let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
    match c {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        c => {
            let quoted = quote(c.encode_utf8(&mut [0; 4]).as_bytes());
            format!("'{}'", quoted.trim_matches('"'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_as_go_writes_them() {
        assert_eq!(general(0.5), "0.5");
        assert_eq!(general(1e6), "1e+06");
        assert_eq!(general(123_456_789.0), "1.23456789e+08");
        assert_eq!(general(0.00001), "1e-05");
        assert_eq!(general(-2.0), "-2");
        assert_eq!(two_digits(1234.0), "1.2e+03");
        assert_eq!(two_digits(12.0), "12");
        assert_eq!(plain(1e21), "1000000000000000000000");
        assert_eq!(plain(f64::INFINITY), "+Inf");
        assert_eq!(plain(152_288_029.845_703_13), "152288029.84570312");
        assert_eq!(plain(-0.000_012_5), "-0.0000125");
        assert_eq!((plain(0.0), plain(-0.0), plain(0.1)), ("0".into(), "-0".into(), "0.1".into()));
        assert_eq!((open_metrics(1.0), open_metrics(-0.0)), ("1.0".into(), "0.0".into()));
        assert_eq!(open_metrics(0.25), "0.25");
        assert_eq!(quote(b"a\xc5z"), r#""a\xc5z""#);
        assert_eq!((quote_char(Some('\u{8}')), quote_char(Some('\''))), (r"'\b'".into(), r"'\''".into()));
    }
}
