//! From text to tokens.

use super::{ParseError, literal, token::Token};
use crate::position::Span;

/// Splits a query into tokens; the last one is [`Token::End`]. Where a text is no token, it stands for that, and the error
/// comes beside it: what is wrong before it is told first.
pub(crate) fn tokens(text: &str) -> (Vec<(Token, Span)>, Option<ParseError>) {
    let mut lexer =
        Lexer { text, at: 0, in_braces: false, in_brackets: false, before_duration: false, parens: 0 };
    let mut out = Vec::new();
    loop {
        match lexer.next() {
            Ok((token, span)) => {
                let done = token == Token::End;
                out.push((token, span));
                if done {
                    return (out, None);
                }
            }
            Err(error) => {
                out.push((Token::End, Span::new(text.len(), text.len())));
                return (out, Some(error));
            }
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    in_braces: bool,
    in_brackets: bool,
    /// In brackets and before the first number: only what begins a duration may come.
    before_duration: bool,
    parens: u32,
}

fn starts_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest().chars().nth(ahead)
    }

    fn skip_blank(&mut self) {
        loop {
            let trimmed = self.rest().trim_start_matches([' ', '\t', '\n', '\r']);
            let start = self.text.len() - trimmed.len();
            let comment = trimmed.starts_with('#').then(|| trimmed.find('\n').unwrap_or(trimmed.len()));
            self.at = start + comment.unwrap_or(0);
            if comment.is_none() {
                return;
            }
        }
    }

    fn fail<T>(&self, start: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(self.text, Span::new(start, self.text.len()), message))
    }

    fn next(&mut self) -> Result<(Token, Span), ParseError> {
        self.skip_blank();
        let start = self.at;
        let Some(c) = self.peek(0) else {
            if self.in_braces {
                return self.fail(start, "unexpected end of input inside braces");
            }
            if self.before_duration {
                return self.fail(start, "unexpected end of input in duration expression");
            }
            if self.parens > 0 {
                return self.fail(start, "unclosed left parenthesis");
            }
            if self.in_brackets {
                return self.fail(start, "unclosed left bracket");
            }
            return Ok((Token::End, Span::new(start, start)));
        };
        if self.in_brackets {
            self.check_in_brackets(c)?;
        }
        let token = if matches!(c, '"' | '\'' | '`') {
            self.string(c)?
        } else if self.in_braces {
            self.inside_braces(c)?
        } else {
            self.statement(c)?
        };
        Ok((token, Span::new(start, self.at)))
    }

    fn take(&mut self, bytes: usize, token: Token) -> Token {
        self.at += bytes;
        token
    }

    fn string(&mut self, quote: char) -> Result<Token, ParseError> {
        let start = self.at;
        match literal::unquote(self.rest(), quote) {
            Ok((bytes, length)) => Ok(self.take(length, Token::Text(bytes))),
            Err(message) => self.fail(start, message),
        }
    }

    fn word(&mut self, colons: bool) -> Token {
        let end = self.rest().find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || colons && c == ':'));
        self.take(end.unwrap_or(self.rest().len()), Token::Word)
    }

    /// Refuses what cannot stand in brackets. Words are only those that durations are made of.
    fn check_in_brackets(&self, c: char) -> Result<(), ParseError> {
        let word =
            self.rest().split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default();
        let is_known = ["step", "range", "max_of", "min_of"].iter().any(|k| k.eq_ignore_ascii_case(word));
        if !self.before_duration {
            if starts_word(c) && !is_known {
                return self.fail(self.at, format!("unexpected character: {c:?}, expected ':'"));
            }
            return Ok(());
        }
        if c == ':' {
            return self.fail(self.at + 1, "unexpected colon before duration in duration expression");
        }
        let is_point = c == '.' && self.peek(1).is_some_and(|n| n.is_ascii_digit());
        let is_duration = is_known || is_point || c.is_ascii_digit() || "]()+-*/%^,".contains(c);
        if is_duration {
            return Ok(());
        }
        self.fail(self.at, format!("unexpected character in duration expression: {c:?}"))
    }

    fn inside_braces(&mut self, c: char) -> Result<Token, ParseError> {
        let next = self.peek(1);
        Ok(match (c, next) {
            ('}', _) => {
                self.in_braces = false;
                self.take(1, Token::RightBrace)
            }
            (',', _) => self.take(1, Token::Comma),
            ('=', Some('~')) => self.take(2, Token::EqualRegex),
            ('=', _) => self.take(1, Token::Assign),
            ('!', Some('=')) => self.take(2, Token::NotEqual),
            ('!', Some('~')) => self.take(2, Token::NotRegex),
            ('!', Some(next)) => {
                let message = format!("unexpected character after '!' inside braces: {next:?}");
                return self.fail(self.at, message);
            }
            ('{', _) => return self.fail(self.at, "unexpected left brace '{'"),
            (c, _) if starts_word(c) => self.word(false),
            (c, _) => return self.fail(self.at, format!("unexpected character inside braces: {c:?}")),
        })
    }

    fn statement(&mut self, c: char) -> Result<Token, ParseError> {
        let next = self.peek(1);
        let start = self.at;
        Ok(match (c, next) {
            ('(', _) => {
                self.parens += 1;
                self.take(1, Token::LeftParen)
            }
            (')', _) => {
                let Some(left) = self.parens.checked_sub(1) else {
                    return self.fail(start + 1, "unexpected right parenthesis ')'");
                };
                self.parens = left;
                self.take(1, Token::RightParen)
            }
            ('{', _) => {
                self.in_braces = true;
                self.take(1, Token::LeftBrace)
            }
            ('}', _) => return self.fail(start, "unexpected right brace '}'"),
            ('[', _) if self.in_brackets => return self.fail(start, "unexpected left bracket '['"),
            ('[', _) => {
                (self.in_brackets, self.before_duration) = (true, true);
                self.take(1, Token::LeftBracket)
            }
            (']', _) if !self.in_brackets => return self.fail(start, "unexpected right bracket ']'"),
            (']', _) => {
                (self.in_brackets, self.before_duration) = (false, false);
                self.take(1, Token::RightBracket)
            }
            (':', _) if self.in_brackets => self.take(1, Token::Colon),
            (',', _) => self.take(1, Token::Comma),
            ('@', _) => self.take(1, Token::At),
            ('+', _) => self.take(1, Token::Plus),
            ('-', _) => self.take(1, Token::Minus),
            ('*', _) => self.take(1, Token::Star),
            ('%', _) => self.take(1, Token::Percent),
            ('^', _) => self.take(1, Token::Caret),
            ('/', _) => self.take(1, Token::Slash),
            ('=', Some('=')) => self.take(2, Token::Equal),
            ('=', Some('~')) => {
                return self.fail(start, "unexpected character after '=': '~'");
            }
            ('=', _) => self.take(1, Token::Assign),
            ('!', Some('=')) => self.take(2, Token::NotEqual),
            ('!', next) => {
                let next = next.map_or_else(|| "end of input".to_owned(), |n| format!("{n:?}"));
                return self.fail(start, format!("unexpected character after '!': {next}"));
            }
            ('<', Some('=')) => self.take(2, Token::LessEqual),
            ('<', Some('/')) => self.take(2, Token::TrimUpper),
            ('<', _) => self.take(1, Token::Less),
            ('>', Some('=')) => self.take(2, Token::GreaterEqual),
            ('>', Some('/')) => self.take(2, Token::TrimLower),
            ('>', _) => self.take(1, Token::Greater),
            (c, next) if c.is_ascii_digit() || c == '.' && next.is_some_and(|n| n.is_ascii_digit()) => {
                self.before_duration = false;
                self.number()?
            }
            (c, _) if starts_word(c) || c == ':' => {
                let token = self.word(!self.in_brackets);
                match self.text[start..self.at].to_ascii_lowercase().as_str() {
                    "inf" => Token::Number(f64::INFINITY),
                    "nan" => Token::Number(f64::NAN),
                    _ => token,
                }
            }
            (c, _) => return self.fail(start, format!("unexpected character: {c:?}")),
        })
    }

    fn number(&mut self) -> Result<Token, ParseError> {
        let start = self.at;
        let length = literal::number_length(self.rest());
        let text = &self.rest()[..length];
        let token = literal::number(text)
            .map(Token::Number)
            .or_else(|| literal::duration_ms(text).map(Token::Duration));
        match token {
            Some(token) => Ok(self.take(length, token)),
            None => {
                let message = format!("bad number or duration syntax: {text:?}");
                self.fail(start, message)
            }
        }
    }
}
