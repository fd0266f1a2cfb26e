//! Text to tokens.

use crate::{error::Error, units};

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Ident(String),
    String(String),
    Number(f64),
    /// Nanoseconds.
    Duration(i64),
    Bytes(f64),
    /// `--strict`
    Flag(String),
    Symbol(&'static str),
    End,
}

impl Token {
    pub fn describe(&self) -> String {
        match self {
            Self::Ident(w) => w.clone(),
            Self::String(_) => "STRING".into(),
            Self::Number(_) => "NUMBER".into(),
            Self::Duration(_) => "DURATION".into(),
            Self::Bytes(_) => "BYTES".into(),
            Self::Flag(f) => format!("--{f}"),
            Self::Symbol(s) => (*s).into(),
            Self::End => "end of query".into(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Spanned {
    pub token: Token,
    pub position: usize,
}

/// Longest first.
const SYMBOLS: [&str; 29] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "|", "{", "}", "(", ")", "[", "]", ",", "=",
    "<", ">", "+", "-", "*", "/", "%", "^", "!", ":",
];
const MAX_QUERY: usize = 64 << 10;

pub fn tokens(text: &str) -> Result<Vec<Spanned>, Error> {
    if text.len() > MAX_QUERY {
        return Err(Error::Parse {
            message: format!("query is longer than {MAX_QUERY} bytes"),
            position: MAX_QUERY,
        });
    }
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        at = skip_space(text, at);
        let (token, length) = next(&text[at..]).map_err(|message| Error::Parse { message, position: at })?;
        let end = token == Token::End;
        out.push(Spanned { token, position: at });
        if end {
            return Ok(out);
        }
        at += length;
    }
}

fn skip_space(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        at += rest.len() - rest.trim_start().len();
        if !text[at..].starts_with('#') {
            return at;
        }
        at += text[at..].find('\n').unwrap_or(text.len() - at);
    }
}

fn run(text: &str, keep: impl Fn(char) -> bool) -> usize {
    text.find(|c| !keep(c)).unwrap_or(text.len())
}

fn next(text: &str) -> Result<(Token, usize), String> {
    let Some(first) = text.chars().next() else { return Ok((Token::End, 0)) };
    if first == '"' || first == '`' {
        return string(text, first);
    }
    if first.is_ascii_digit() || first == '.' && text[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return number(text);
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let n = run(text, |c| c.is_ascii_alphanumeric() || c == '_');
        return Ok((Token::Ident(text[..n].to_owned()), n));
    }
    if let Some(rest) = text.strip_prefix("--")
        && rest.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        let n = run(rest, |c| c.is_ascii_alphanumeric() || c == '-');
        return Ok((Token::Flag(rest[..n].to_owned()), n + 2));
    }
    match SYMBOLS.iter().find(|s| text.starts_with(**s)) {
        Some(symbol) => Ok((Token::Symbol(symbol), symbol.len())),
        None => Err(format!("syntax error: unexpected character {first:?}")),
    }
}

fn number(text: &str) -> Result<(Token, usize), String> {
    let radix = text.as_bytes().get(1).map(u8::to_ascii_lowercase);
    if text.starts_with('0') && matches!(radix, Some(b'x' | b'b' | b'o')) {
        let mut n = run(text, |c| c.is_ascii_alphanumeric() || c == '.');
        if text[..n].ends_with(['p', 'P']) && text[n..].starts_with(['+', '-']) {
            n += 1 + run(&text[n + 1..], |c| c.is_ascii_digit());
        }
        let value = (radix == Some(b'x')).then(|| units::parse_hex_float(&text[..n])).flatten();
        return value
            .map(|v| (Token::Number(v), n))
            .ok_or_else(|| format!("unable to parse literal as a float: {:?}", &text[..n]));
    }
    if let Some((bytes, n)) = units::leading_size(text) {
        return Ok((Token::Bytes(bytes), n));
    }
    if let Some((ns, n)) = units::leading_duration(text) {
        return Ok((Token::Duration(ns), n));
    }
    let mut n = run(text, |c| c.is_ascii_digit() || c == '.');
    if text[n..].starts_with(['e', 'E']) {
        let sign = usize::from(text[n + 1..].starts_with(['+', '-']));
        let digits = run(&text[n + 1 + sign..], |c| c.is_ascii_digit());
        if digits > 0 {
            n += 1 + sign + digits;
        }
    }
    match text[..n].parse() {
        Ok(v) => Ok((Token::Number(v), n)),
        Err(_) => Err(format!("unable to parse literal as a float: {:?}", &text[..n])),
    }
}

/// Escapes as in Go; a raw string has none.
fn string(text: &str, quote: char) -> Result<(Token, usize), String> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((Token::String(out), i + 1)),
            '\n' if quote == '"' => break,
            '\\' if quote == '"' => match chars.next().map(|(_, c)| c) {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('a') => out.push('\x07'),
                Some('b') => out.push('\x08'),
                Some('f') => out.push('\x0c'),
                Some('v') => out.push('\x0b'),
                Some(c @ ('\\' | '"' | '\'')) => out.push(c),
                Some(kind @ ('x' | 'u' | 'U')) => {
                    let n = if kind == 'x' {
                        2
                    } else if kind == 'u' {
                        4
                    } else {
                        8
                    };
                    let digits: String = chars.by_ref().take(n).map(|(_, c)| c).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == n);
                    out.push(code.and_then(char::from_u32).ok_or("invalid character escape in string")?);
                }
                Some(other) => return Err(format!("invalid escape \\{other} in string")),
                None => break,
            },
            c => out.push(c),
        }
    }
    Err("string is not terminated".into())
}
