//! JSON lines, read once, without building a tree. The text of numbers stays as written.

use std::borrow::Cow;

use crate::labels::{LabelSet, sanitize};

const MAX_DEPTH: usize = 64;
pub const ERROR: &str = "JSONParserErr";

/// A step of `a.b[0]["c d"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// Parses the path of a label expression.
pub fn parse_path(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            if let Some(quoted) = inside.strip_prefix('"') {
                let end = quoted.find("\"]")?;
                steps.push(Step::Key(quoted[..end].replace("\\\"", "\"")));
                rest = &quoted[end + 2..];
            } else {
                let end = inside.find(']')?;
                steps.push(Step::Index(inside[..end].parse().ok()?));
                rest = &inside[end + 1..];
            }
            continue;
        }
        let field = if steps.is_empty() { rest } else { rest.strip_prefix('.')? };
        let end = field.find(['.', '[']).unwrap_or(field.len());
        let name = &field[..end];
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        steps.push(Step::Key(name.to_owned()));
        rest = &field[end..];
    }
    (!steps.is_empty()).then_some(steps)
}

type Parsed<T> = Result<T, &'static str>;

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Parsed<()> {
        if self.peek() != Some(byte) {
            return Err("malformed JSON");
        }
        self.at += 1;
        Ok(())
    }

    /// The raw text between the quotes.
    fn string(&mut self) -> Parsed<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err("string is not closed"),
            }
        }
        let raw = self.text.get(start..self.at).ok_or("malformed JSON")?;
        self.at += 1;
        Ok(raw)
    }

    /// Visits members; the visitor must consume the value.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Parsed<()>) -> Parsed<()> {
        self.expect(b'{')?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.peek();
            let key = self.string()?;
            self.expect(b':')?;
            member(self, key)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err("malformed JSON"),
            }
        }
    }

    fn array(&mut self, mut item: impl FnMut(&mut Self, usize) -> Parsed<()>) -> Parsed<()> {
        self.expect(b'[')?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        for index in 0.. {
            item(self, index)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err("malformed JSON"),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Consumes a value; answers its text.
    fn raw(&mut self, depth: usize) -> Parsed<&'a str> {
        if depth > MAX_DEPTH {
            return Err("JSON nests too deep");
        }
        let first = self.peek().ok_or("JSON ends early")?;
        let start = self.at;
        match first {
            b'{' => self.object(|s, _| s.raw(depth + 1).map(|_| ()))?,
            b'[' => self.array(|s, _| s.raw(depth + 1).map(|_| ()))?,
            b'"' => {
                self.string()?;
            }
            _ => {
                let rest = &self.text[self.at..];
                let end = rest
                    .find(|c: char| c.is_ascii_whitespace() || matches!(c, ',' | '}' | ']'))
                    .unwrap_or(rest.len());
                let word = &rest[..end];
                let number = word.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
                    && word.parse::<f64>().is_ok();
                if !number && !matches!(word, "true" | "false" | "null") {
                    return Err("value is not JSON");
                }
                self.at += end;
            }
        }
        Ok(&self.text[start..self.at])
    }
}

/// A value as a label: strings decoded, the rest as written.
fn text_of(raw: &str) -> String {
    match raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')) {
        Some(inside) => unescape(inside).into_owned(),
        None => raw.to_owned(),
    }
}

/// Decodes escapes; halves of surrogate pairs and unknown escapes become U+FFFD.
fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut units: Vec<u16> = Vec::with_capacity(raw.len());
    let mut chars = raw.chars();
    let mut buffer = [0; 2];
    while let Some(c) = chars.next() {
        let decoded = match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('b') => '\x08',
                Some('f') => '\x0c',
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap_or(0xfffd));
                    continue;
                }
                Some(c @ ('"' | '\\' | '/')) => c,
                _ => '\u{fffd}',
            },
            c => c,
        };
        units.extend_from_slice(decoded.encode_utf16(&mut buffer));
    }
    Cow::Owned(String::from_utf16_lossy(&units))
}

/// `| json`: nested objects flattened with `_`; arrays and nulls left out.
pub fn flatten(line: &str, labels: &mut LabelSet<'_>) {
    fn members(s: &mut Scanner<'_>, prefix: &str, depth: usize, labels: &mut LabelSet<'_>) -> Parsed<()> {
        if depth > MAX_DEPTH {
            return Err("JSON nests too deep");
        }
        s.object(|s, key| {
            let key = unescape(key);
            let name = match prefix {
                "" => sanitize(&key),
                _ => Cow::Owned(format!("{prefix}_{}", clean(&key))),
            };
            match s.peek() {
                Some(b'{') if !labels.wants_below(&name) => s.raw(depth + 1).map(|_| ()),
                Some(b'{') => members(s, &name, depth + 1, labels),
                Some(b'[') => s.raw(depth).map(|_| ()),
                _ => {
                    let raw = s.raw(depth)?;
                    if raw != "null" && !name.is_empty() {
                        labels.extract(&name, || text_of(raw));
                    }
                    Ok(())
                }
            }
        })
    }
    if let Err(details) = members(&mut Scanner { text: line, at: 0 }, "", 0, labels) {
        labels.fail(ERROR, details.to_owned());
    }
}

/// As [`sanitize`], inside a name.
fn clean(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

/// `| json a="path"`: a path with no match gives an empty value.
pub fn extract(line: &str, paths: &[(String, Vec<Step>)], labels: &mut LabelSet<'_>) {
    let whole = Scanner { text: line, at: 0 }.raw(0);
    if !line.trim_start().starts_with('{') || whole.is_err() {
        labels.fail(ERROR, whole.err().unwrap_or("line is not a JSON object").to_owned());
        return;
    }
    for (name, path) in paths {
        labels
            .extract(name, || find(line, path).filter(|raw| *raw != "null").map(text_of).unwrap_or_default());
    }
}

fn find<'a>(text: &'a str, path: &[Step]) -> Option<&'a str> {
    let Some((step, rest)) = path.split_first() else { return Some(text) };
    let mut scanner = Scanner { text, at: 0 };
    let mut found = None;
    let walked = match (step, scanner.peek()?) {
        (Step::Key(wanted), b'{') => scanner.object(|s, key| {
            let raw = s.raw(0)?;
            if found.is_none() && unescape(key) == *wanted {
                found = Some(raw);
            }
            Ok(())
        }),
        (Step::Index(wanted), b'[') => scanner.array(|s, index| {
            let raw = s.raw(0)?;
            if index == *wanted {
                found = Some(raw);
            }
            Ok(())
        }),
        _ => return None,
    };
    walked.ok()?;
    find(found?, rest)
}

/// `| unpack`: strings of the object become labels, `_entry` the line.
pub fn unpack(line: &str, labels: &mut LabelSet<'_>) -> Option<String> {
    let mut entry = None;
    let walked = Scanner { text: line, at: 0 }.object(|s, key| {
        let raw = s.raw(0)?;
        let key = unescape(key);
        if raw.starts_with('"') {
            if key == "_entry" {
                entry = Some(text_of(raw));
            } else {
                labels.extract(&sanitize(&key), || text_of(raw));
            }
        }
        Ok(())
    });
    if let Err(details) = walked {
        labels.fail(ERROR, details.to_owned());
        return None;
    }
    entry
}

#[cfg(test)]
mod tests {
    use console_model::Labels;

    use super::*;

    fn flat(line: &str) -> String {
        let stream = Labels::default();
        let mut labels = LabelSet::new(&stream, std::iter::empty(), None);
        flatten(line, &mut labels);
        labels.finish().to_string()
    }

    #[test]
    fn objects_flatten_and_numbers_keep_their_text() {
        let line = r#"{"a":{"b c":1e400,"9":"x"},"s":"\u00e4\ud83d\ude00\n","l":[{}],"n":null,"e":""}"#;
        assert_eq!(flat(line), "{a_9=\"x\", a_b_c=\"1e400\", e=\"\", s=\"ä😀\\n\"}");
    }

    #[test]
    fn broken_and_deep_lines_are_marked_and_not_followed() {
        let nested = r#"{"a":"#.repeat(100_000);
        for line in ["", "x", "[1]", r#"{"a"#, r#"{"a":}"#, r#"{"a":1,}"#, r#"{"a":"b"#, r#"{"a\"#, &nested] {
            assert!(flat(line).contains(ERROR), "{}", &line[..line.len().min(20)]);
        }
    }

    #[test]
    fn paths_reach_into_objects_and_arrays() {
        let path = parse_path(r#"a.b[1]["c d"]"#).unwrap();
        assert_eq!(find(r#"{"a":{"b":[0,{"c d":"x"}]}}"#, &path), Some(r#""x""#));
        assert_eq!(parse_path("user["), None);
        assert_eq!(parse_path("a..b"), None);
    }
}
