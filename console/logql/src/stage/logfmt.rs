//! `key=value key="quoted value"` lines.

use crate::labels::{LabelSet, sanitize};

pub const ERROR: &str = "LogfmtParserErr";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// One bad pair fails the line.
    pub strict: bool,
    pub keep_empty: bool,
    /// Label and the key it comes from; empty: all keys.
    pub wanted: Vec<(String, String)>,
}

pub fn parse(line: &str, options: &Options, labels: &mut LabelSet<'_>) {
    let mut pairs = Pairs { text: line, at: 0 };
    while let Some(pair) = pairs.next_pair() {
        let (key, value) = match pair {
            Ok(pair) => pair,
            Err(details) if options.strict => {
                labels.fail(ERROR, details);
                return;
            }
            Err(_) => continue,
        };
        if value.is_empty() && !options.keep_empty {
            continue;
        }
        if options.wanted.is_empty() {
            let name = sanitize(key);
            if !name.is_empty() {
                labels.extract(&name, || value);
            }
        } else {
            for (name, _) in options.wanted.iter().filter(|(_, wanted)| wanted == key) {
                labels.extract(name, || value.clone());
            }
        }
    }
    if options.keep_empty {
        for (name, _) in &options.wanted {
            labels.extract(name, String::new);
        }
    }
}

struct Pairs<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Pairs<'a> {
    fn next_pair(&mut self) -> Option<Result<(&'a str, String), String>> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, start) = (&rest[..end], self.at);
        self.at += end;
        if key.is_empty() || key.contains('"') {
            self.skip_word();
            return Some(Err(format!("logfmt syntax error at pos {start}: unexpected key")));
        }
        let Some(value) = self.text[self.at..].strip_prefix('=') else {
            return Some(Ok((key, String::new())));
        };
        self.at += 1;
        if value.starts_with('"') {
            return Some(self.quoted().map(|v| (key, v)));
        }
        let end = value.find(char::is_whitespace).unwrap_or(value.len());
        self.at += end;
        if value[..end].contains('"') {
            return Some(Err(format!("logfmt syntax error at pos {start}: unexpected '\"' in value")));
        }
        Some(Ok((key, value[..end].to_owned())))
    }

    fn skip_word(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.find(char::is_whitespace).unwrap_or(rest.len());
    }

    fn quoted(&mut self) -> Result<String, String> {
        let start = self.at;
        let mut out = String::new();
        let mut chars = self.text[start..].char_indices().skip(1);
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at = start + i + 1;
                    return Ok(out);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some(c) => out.push(c),
                    None => break,
                },
                c => out.push(c),
            }
        }
        self.at = self.text.len();
        Err(format!("logfmt syntax error at pos {start}: unterminated quoted value"))
    }
}
