//! Stream labels as text: `{service_name="orders", level="info"}`.

use console_model::Labels;

/// Parses a selector of equalities only. Values are quoted as Go does (`"..."` with escapes, or backticks).
pub fn parse(text: &str, max: usize) -> Result<Labels, String> {
    let shown: String = text.chars().take(200).collect();
    let bad = |what: &str| format!("error parsing labels {shown:?}: {what}");
    let mut rest = text.trim().strip_prefix('{').ok_or_else(|| bad("expected '{'"))?.trim_start();
    let mut pairs: Vec<(&str, String)> = Vec::new();
    while !rest.starts_with('}') {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(bad("expected a label name"));
        }
        let after =
            after.trim_start().strip_prefix('=').ok_or_else(|| bad("expected '=' after a label name"))?;
        let (value, after) = quoted(after.trim_start()).map_err(bad)?;
        if pairs.iter().any(|(n, _)| *n == name) {
            return Err(bad("a label name comes twice"));
        }
        pairs.push((name, value));
        if pairs.len() > max {
            return Err(format!("stream {shown:?} has more labels than max_labels ({max})"));
        }
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.starts_with('}') => after,
            None => return Err(bad("expected ',' or '}'")),
        };
    }
    if !rest[1..].trim().is_empty() {
        return Err(bad("text after '}'"));
    }
    let labels = Labels::from_pairs(pairs);
    if labels.is_empty() { Err(bad("a stream needs at least one label")) } else { Ok(labels) }
}

/// A quoted text at the start of `text`, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    if let Some(raw) = text.strip_prefix('`') {
        let (value, rest) = raw.split_once('`').ok_or("unterminated value")?;
        return Ok((value.to_owned(), rest));
    }
    let body = text.strip_prefix('"').ok_or("expected a quoted value")?;
    let mut out = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, &body[at + 1..])),
            '\\' => {
                let (_, kind) = chars.next().ok_or("unterminated value")?;
                let mut hex = |digits: usize| -> Result<char, &'static str> {
                    let code = (0..digits).try_fold(0u32, |code, _| {
                        let digit = chars.next().and_then(|(_, c)| c.to_digit(16)).ok_or("invalid escape")?;
                        Ok::<_, &'static str>(code << 4 | digit)
                    })?;
                    char::from_u32(code).ok_or("invalid escape")
                };
                out.push(match kind {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'a' => '\x07',
                    'b' => '\x08',
                    'f' => '\x0c',
                    'v' => '\x0b',
                    '\\' | '"' | '\'' => kind,
                    'x' => hex(2)?,
                    'u' => hex(4)?,
                    'U' => hex(8)?,
                    _ => return Err("invalid escape"),
                });
            }
            '\n' => return Err("a line break inside quotes"),
            other => out.push(other),
        }
    }
    Err("unterminated value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_with_escapes_and_spaces() {
        let labels = parse(r#" { a = "x\"\u00e9\n" ,b=`c:\d`, } "#, 9).unwrap();
        assert_eq!(labels, Labels::from_pairs([("a", "x\"é\n"), ("b", "c:\\d")]));
    }

    #[test]
    fn what_is_wrong_with_labels_is_said() {
        let cases = [
            ("a", "expected '{'"),
            ("{}", "a stream needs at least one label"),
            ("{a}", "expected '=' after a label name"),
            ("{a=b}", "expected a quoted value"),
            (r#"{a="b"#, "unterminated value"),
            (r#"{a="b" c="d"}"#, "expected ',' or '}'"),
            (r#"{a="b",a="c"}"#, "a label name comes twice"),
            (r#"{a="b"}x"#, "text after '}'"),
            (r#"{1="b"}"#, "expected a label name"),
            (r#"{a="\q"}"#, "invalid escape"),
        ];
        for (text, want) in cases {
            assert!(parse(text, 9).unwrap_err().ends_with(want), "{text}: {:?}", parse(text, 9));
        }
    }
}
