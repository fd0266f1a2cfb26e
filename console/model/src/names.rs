//! Names of metrics and labels: those that stand for themselves wherever names are written, and how the others are.

use std::fmt::{self, Write as _};

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
pub fn is_metric_name(name: &str) -> bool {
    name.starts_with(|c: char| c == '_' || c == ':' || c.is_ascii_alphabetic())
        && name.bytes().all(|b| b == b'_' || b == b':' || b.is_ascii_alphanumeric())
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
pub fn is_label_name(name: &str) -> bool {
    is_metric_name(name) && !name.contains(':')
}

/// A text in double quotes, as PromQL and the text formats of metrics read it.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}

/// A text in double quotes, as LogQL and TraceQL read it: with Go's escapes.
#[derive(Clone, Copy, Debug)]
pub struct GoQuoted<'a>(pub &'a str);

impl fmt::Display for GoQuoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}

/// A label's name: as it is where it stands for itself, in quotes elsewhere, which Prometheus 2 does not know.
#[derive(Clone, Copy, Debug)]
pub struct LabelName<'a>(pub &'a str);

impl fmt::Display for LabelName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_label_name(self.0) { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_control_characters_are_escaped_for_queries() {
        assert_eq!(GoQuoted("a\"b\\c\nd\u{1}é").to_string(), r#""a\"b\\c\nd\u0001é""#);
    }

    #[test]
    fn names_of_labels_have_no_colons_and_no_digit_first() {
        for (name, metric, label) in [
            ("a_1", true, true),
            ("_", true, true),
            ("job:rate:5m", true, false),
            (":", true, false),
            ("1a", false, false),
            ("", false, false),
            ("a.b", false, false),
            ("é", false, false),
        ] {
            assert_eq!((is_metric_name(name), is_label_name(name)), (metric, label), "{name:?}");
        }
    }

    #[test]
    fn what_does_not_stand_for_itself_is_quoted() {
        assert_eq!(LabelName("job").to_string(), "job");
        assert_eq!(LabelName("http.status").to_string(), r#""http.status""#);
        assert_eq!(Quoted("a\"b\\c\nd\té").to_string(), "\"a\\\"b\\\\c\\nd\té\"");
    }
}
