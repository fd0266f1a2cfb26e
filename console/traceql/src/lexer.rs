//! Text to tokens. Attribute names are whole tokens, because their characters mean something else outside.

use crate::error::Error;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// Keywords, intrinsics, functions: letters, digits, `_`.
    Word(String),
    /// `trace:rootName`
    Scoped(String, String),
    /// `.a`, `span.a`, `parent.resource.a`: the part before the last scope dot (may be empty), and the name.
    Attribute {
        scope: String,
        name: String,
    },
    String(String),
    Int(i64),
    Float(f64),
    Duration(i64),
    /// Punctuation and operators.
    Symbol(&'static str),
    End,
}

impl Token {
    pub fn describe(&self) -> String {
        match self {
            Self::Word(w) => format!("{w:?}"),
            Self::Scoped(a, b) => format!("\"{a}:{b}\""),
            Self::Attribute { scope, name } => format!("attribute {scope}.{name}"),
            Self::String(s) => format!("string {s:?}"),
            Self::Int(i) => i.to_string(),
            Self::Float(f) => f.to_string(),
            Self::Duration(_) => "a duration".into(),
            Self::Symbol(s) => format!("{s:?}"),
            Self::End => "the end".into(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Spanned {
    pub token: Token,
    pub position: usize,
}

/// Longest first.
const SYMBOLS: [&str; 38] = [
    "!>>", "!<<", "&>>", "&<<", "&&", "||", ">>", "<<", "!>", "!<", "!~", "&>", "&<", "&~", "!=", "=~", ">=",
    "<=", "==", "{", "}", "(", ")", "|", "=", ">", "<", "!", "~", "+", "-", "*", "/", "%", "^", ",", "[",
    "]",
];
const SCOPES: [&str; 6] = ["span", "resource", "parent", "event", "link", "instrumentation"];
const MAX_QUERY: usize = 64 << 10;

pub fn tokens(text: &str) -> Result<Vec<Spanned>, Error> {
    if text.len() > MAX_QUERY {
        return Err(Error::Invalid(format!("query is longer than {MAX_QUERY} bytes")));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut out = Vec::new();
    loop {
        lexer.skip_space();
        let position = lexer.at;
        let token = lexer.next()?;
        let end = token == Token::End;
        out.push(Spanned { token, position });
        if end {
            return Ok(out);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

fn is_attribute_char(c: char) -> bool {
    !c.is_whitespace() && !"{}()=~!<>&|^,\"`".contains(c)
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        if self.rest().starts_with("//") {
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            self.skip_space();
        }
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, Error> {
        Err(Error::Parse { message: message.into(), position: self.at })
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        let out = rest[..end].to_owned();
        self.at += end;
        out
    }

    fn next(&mut self) -> Result<Token, Error> {
        let Some(c) = self.peek() else { return Ok(Token::End) };
        if c == '"' || c == '`' {
            return Ok(Token::String(self.string(c)?));
        }
        if c.is_ascii_digit() || c == '.' && self.rest()[1..].starts_with(|d: char| d.is_ascii_digit()) {
            return self.number();
        }
        if c == '.' {
            self.at += 1;
            return Ok(Token::Attribute { scope: String::new(), name: self.attribute_name()? });
        }
        if c.is_alphabetic() || c == '_' {
            return self.word();
        }
        match SYMBOLS.iter().find(|s| self.rest().starts_with(**s)) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(Token::Symbol(symbol))
            }
            None => self.fail(format!("unexpected character {c:?}")),
        }
    }

    fn word(&mut self) -> Result<Token, Error> {
        let word = self.take_while(|c| c.is_alphanumeric() || c == '_');
        if self.rest().starts_with(':') {
            self.at += 1;
            let name = self.take_while(|c| c.is_alphanumeric() || c == '_');
            return Ok(Token::Scoped(word, name));
        }
        if !self.rest().starts_with('.') || !SCOPES.contains(&word.as_str()) {
            return Ok(Token::Word(word));
        }
        self.at += 1;
        if word == "parent" {
            for inner in ["span", "resource"] {
                if self.rest().starts_with(&format!("{inner}.")) {
                    self.at += inner.len() + 1;
                    return Ok(Token::Attribute {
                        scope: format!("parent.{inner}"),
                        name: self.attribute_name()?,
                    });
                }
            }
        }
        Ok(Token::Attribute { scope: word, name: self.attribute_name()? })
    }

    fn attribute_name(&mut self) -> Result<String, Error> {
        let start = self.at;
        let mut name = String::new();
        loop {
            match self.peek() {
                Some('"') => name.push_str(&self.string('"')?),
                Some(c) if is_attribute_char(c) => name.push_str(&self.take_while(is_attribute_char)),
                _ if self.at == start => return self.fail("expected an attribute name"),
                _ => return Ok(name),
            }
        }
    }

    fn string(&mut self, quote: char) -> Result<String, Error> {
        let start = self.at;
        let mut out = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((i, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at = start + i + 1;
                    return Ok(out);
                }
                '\\' if quote == '"' => match chars.next() {
                    Some((_, 'n')) => out.push('\n'),
                    Some((_, 't')) => out.push('\t'),
                    Some((_, 'r')) => out.push('\r'),
                    Some((_, c @ ('"' | '\\' | '\''))) => out.push(c),
                    // Unknown escapes stay as written: regular expressions are full of them.
                    Some((_, c)) => out.extend(['\\', c]),
                    None => break,
                },
                c => out.push(c),
            }
        }
        self.fail("string is not closed")
    }

    fn number(&mut self) -> Result<Token, Error> {
        let start = self.at;
        let digits = self.take_while(|c| c.is_ascii_digit() || c == '.');
        if self.rest().starts_with(|c: char| c.is_alphabetic()) {
            self.at = start;
            return self.duration_or_exponent();
        }
        self.finish_number(&digits)
    }

    fn finish_number(&mut self, digits: &str) -> Result<Token, Error> {
        if digits.contains(['.', 'e', 'E']) {
            return match digits.parse() {
                Ok(f) => Ok(Token::Float(f)),
                Err(_) => self.fail(format!("bad number {digits:?}")),
            };
        }
        match digits.parse() {
            Ok(i) => Ok(Token::Int(i)),
            Err(_) => self.fail(format!("number {digits} does not fit 64 bits")),
        }
    }

    fn duration_or_exponent(&mut self) -> Result<Token, Error> {
        let text = self.take_while(|c| c.is_alphanumeric() || c == '.' || c == 'µ');
        if text.contains(['e', 'E']) && text.parse::<f64>().is_ok() {
            return self.finish_number(&text);
        }
        match duration_ns(&text) {
            Some(ns) => Ok(Token::Duration(ns)),
            None => self.fail(format!("bad duration {text:?}")),
        }
    }
}

/// `1h30m`, `1.5s`, `10us`, `2d`; nanoseconds.
fn duration_ns(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..unit_end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            "d" => 86_400e9,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[unit_end..];
    }
    (total <= i64::MAX as f64).then_some(total as i64)
}
