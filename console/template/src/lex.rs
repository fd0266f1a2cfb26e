//! Text and actions, then the tokens of an action.

use crate::error::{Position, TemplateError};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    /// The tokens between `{{` and `}}`.
    Action(Vec<(Token, Position)>, Position),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A bare word: keyword, function, `true`, `nil`.
    Word(String),
    /// `$name`; `$` alone is the empty name.
    Variable(String),
    /// `.name`, glued to what stands before when `glued`.
    Field {
        name: String,
        glued: bool,
    },
    Dot,
    Str(String),
    Int(i64),
    Float(f64),
    Pipe,
    Declare,
    Assign,
    Comma,
    Open,
    Close,
}

/// Splits a template into text and actions, applying the trim markers.
pub(crate) fn pieces(name: &str, text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut trim_next = false;
    let at = |rest: &str| position(text, text.len() - rest.len());
    loop {
        let (mut before, after) = match rest.find("{{") {
            Some(i) => (&rest[..i], Some(&rest[i + 2..])),
            None => (rest, None),
        };
        if trim_next {
            before = before.trim_start();
        }
        let Some(mut action) = after else {
            push_text(&mut out, before);
            return Ok(out);
        };
        let start = at(&rest[rest.len() - action.len() - 2..]);
        if action.starts_with('-') && action[1..].starts_with(char::is_whitespace) {
            before = before.trim_end();
            action = &action[1..];
        }
        push_text(&mut out, before);
        if action.trim_start().starts_with("/*") {
            let end = action.find("*/").ok_or_else(|| start.error(name, "unclosed comment"))?;
            let tail = action[end + 2..].trim_start();
            (rest, trim_next) = if let Some(r) = tail.strip_prefix("-}}") {
                (r, true)
            } else if let Some(r) = tail.strip_prefix("}}") {
                (r, false)
            } else {
                return Err(start.error(name, "comment ends before closing delimiter"));
            };
            continue;
        }
        let (tokens, tail, trim) = tokens(name, text, action, start)?;
        out.push(Piece::Action(tokens, start));
        (rest, trim_next) = (tail, trim);
    }
}

fn push_text(out: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        out.push(Piece::Text(text.to_owned()));
    }
}

fn position(text: &str, offset: usize) -> Position {
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    Position { line, column }
}

type Tokens<'a> = (Vec<(Token, Position)>, &'a str, bool);

fn tokens<'a>(name: &str, text: &str, action: &'a str, start: Position) -> Result<Tokens<'a>, TemplateError> {
    let mut out = Vec::new();
    let mut rest = action;
    let mut spaced = true;
    loop {
        let here = position(text, text.len() - rest.len());
        if let Some(tail) = rest.strip_prefix("}}") {
            return Ok((out, tail, false));
        }
        if spaced && let Some(tail) = rest.strip_prefix("-}}") {
            return Ok((out, tail, true));
        }
        let Some(c) = rest.chars().next() else { return Err(start.error(name, "unclosed action")) };
        if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
            spaced = true;
            continue;
        }
        let glued = !spaced;
        spaced = false;
        let (token, used) = match c {
            '|' => (Token::Pipe, 1),
            ',' => (Token::Comma, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ':' if rest.starts_with(":=") => (Token::Declare, 2),
            '=' => (Token::Assign, 1),
            '"' => string(rest).map_err(|e| here.error(name, e))?,
            '`' => {
                let end =
                    rest[1..].find('`').ok_or_else(|| here.error(name, "unterminated raw quoted string"))?;
                (Token::Str(rest[1..=end].to_owned()), end + 2)
            }
            '\'' => character(rest).map_err(|e| here.error(name, e))?,
            '$' => {
                let word = word_of(&rest[1..]);
                (Token::Variable(word.to_owned()), 1 + word.len())
            }
            '.' => {
                let word = word_of(&rest[1..]);
                if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
                    (Token::Dot, 1)
                } else {
                    (Token::Field { name: word.to_owned(), glued }, 1 + word.len())
                }
            }
            c if c.is_ascii_digit()
                || ((c == '-' || c == '+') && rest[1..].starts_with(|d: char| d.is_ascii_digit())) =>
            {
                number(rest).map_err(|e| here.error(name, e))?
            }
            c if c.is_alphabetic() || c == '_' => {
                let word = word_of(rest);
                (Token::Word(word.to_owned()), word.len())
            }
            c => return Err(here.error(name, format!("unexpected {c:?} in action"))),
        };
        out.push((token, here));
        rest = &rest[used..];
    }
}

fn word_of(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

fn number(text: &str) -> Result<(Token, usize), String> {
    let mut end = 1;
    let bytes = text.as_bytes();
    while end < bytes.len() {
        let c = bytes[end];
        let sign = matches!(c, b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E') && !text.contains("0x");
        if !(c.is_ascii_alphanumeric() || c == b'.' || c == b'_' || sign) {
            break;
        }
        end += 1;
    }
    let digits = text[..end].replace('_', "");
    if let Some(hex) = digits.strip_prefix("0x") {
        let n = i64::from_str_radix(hex, 16).map_err(|_| format!("bad number syntax: {digits:?}"))?;
        return Ok((Token::Int(n), end));
    }
    if let Ok(n) = digits.parse::<i64>() {
        return Ok((Token::Int(n), end));
    }
    digits
        .parse::<f64>()
        .map(|f| (Token::Float(f), end))
        .map_err(|_| format!("bad number syntax: {digits:?}"))
}

fn string(text: &str) -> Result<(Token, usize), String> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Ok((Token::Str(out), i + 1)),
            '\n' => break,
            '\\' => out.push(escape(&mut chars)?),
            c => out.push(c),
        }
    }
    Err("unterminated quoted string".to_owned())
}

fn character(text: &str) -> Result<(Token, usize), String> {
    let mut chars = text.char_indices().skip(1);
    let c = match chars.next() {
        Some((_, '\\')) => escape(&mut chars)?,
        Some((_, c)) => c,
        None => return Err("unterminated character constant".to_owned()),
    };
    match chars.next() {
        Some((i, '\'')) => Ok((Token::Int(c as i64), i + 1)),
        _ => Err("unterminated character constant".to_owned()),
    }
}

fn escape(chars: &mut impl Iterator<Item = (usize, char)>) -> Result<char, String> {
    let (_, kind) = chars.next().ok_or("unterminated quoted string")?;
    Ok(match kind {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '\\' | '"' | '\'' => kind,
        'x' | 'u' | 'U' => {
            let length =
                [('x', 2), ('u', 4), ('U', 8)].iter().find(|(k, _)| *k == kind).map_or(2, |(_, n)| *n);
            let digits: String = chars.take(length).map(|(_, c)| c).collect();
            u32::from_str_radix(&digits, 16)
                .ok()
                .and_then(char::from_u32)
                .ok_or_else(|| format!("invalid escape \\{kind}{digits}"))?
        }
        other => return Err(format!("unknown escape \\{other}")),
    })
}
