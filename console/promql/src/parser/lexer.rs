//! From text to tokens, as promql/parser/lex.go of Prometheus takes them apart.

use super::{ParseError, literal, token::Token};
use crate::{gofmt, position::Span};

/// What a text is made of.
pub(crate) struct Tokens {
    /// The last one is [`Token::End`]; where a text is no token, it stands for that.
    pub all: Vec<(Token, Span)>,
    /// Why the text is no token where `all` ends.
    pub error: Option<ParseError>,
    /// Numbers and durations without a value, by their place: told once the parser comes to them.
    pub faults: Vec<(usize, ParseError)>,
}

/// Splits a query into tokens.
pub(crate) fn tokens(text: &str) -> Tokens {
    let mut lexer = Lexer {
        text,
        at: 0,
        in_braces: false,
        in_brackets: false,
        before_duration: false,
        has_colon: false,
        has_duration: false,
        parens: 0,
        fault: None,
    };
    let mut out = Tokens { all: Vec::new(), error: None, faults: Vec::new() };
    loop {
        match lexer.next() {
            Ok((token, span)) => {
                if let Some(message) = lexer.fault.take() {
                    out.faults.push((out.all.len(), ParseError::new(text, span, message)));
                }
                let done = token == Token::End;
                out.all.push((token, span));
                if done {
                    return out;
                }
            }
            Err(error) => {
                out.all.push((Token::End, Span::new(text.len(), text.len())));
                out.error = Some(error);
                return out;
            }
        }
    }
}

/// Words that a duration may be made of.
const DURATION_WORDS: [&str; 4] = ["step", "range", "max_of", "min_of"];

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    in_braces: bool,
    in_brackets: bool,
    /// In brackets and before the first number: only what begins a duration may come.
    before_duration: bool,
    /// These brackets have had a colon.
    has_colon: bool,
    /// Some brackets have had a number.
    has_duration: bool,
    parens: u32,
    /// What is wrong with the value of the token taken last.
    fault: Option<String>,
}

fn starts_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn shown(c: char) -> String {
    gofmt::quote_char(Some(c))
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
            let is_comment = trimmed.starts_with('#') && !self.before_duration;
            let end = |line: &str| line.find(['\n', '\r']).unwrap_or(line.len());
            self.at = start + if is_comment { end(trimmed) } else { 0 };
            if !is_comment {
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
        let Some(c) = self.peek(0) else { return self.end() };
        let token = if self.in_braces {
            self.inside_braces(c)?
        } else if self.before_duration {
            self.before_duration(c)?
        } else {
            self.statement(c)?
        };
        Ok((token, Span::new(start, self.at)))
    }

    fn end(&self) -> Result<(Token, Span), ParseError> {
        let start = self.at;
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
        Ok((Token::End, Span::new(start, start)))
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

    /// One of the words of durations, which have letters only.
    fn duration_word(&mut self) -> Option<Token> {
        let rest = self.rest();
        let length = rest.find(|c| !starts_word(c)).unwrap_or(rest.len());
        let is_known = DURATION_WORDS.iter().any(|k| k.eq_ignore_ascii_case(&rest[..length]));
        is_known.then(|| self.take(length, Token::Word))
    }

    /// In brackets, up to the first number.
    fn before_duration(&mut self, c: char) -> Result<Token, ParseError> {
        let operators = [
            (',', Token::Comma),
            ('+', Token::Plus),
            ('-', Token::Minus),
            ('*', Token::Star),
            ('/', Token::Slash),
            ('%', Token::Percent),
            ('^', Token::Caret),
        ];
        if let Some((_, token)) = operators.into_iter().find(|(o, _)| *o == c) {
            return Ok(self.take(1, token));
        }
        match c {
            ']' => Ok(self.right_bracket()),
            ':' if !self.has_duration => {
                self.fail(self.at + 1, "unexpected colon before duration in duration expression")
            }
            ':' if self.has_colon => {
                self.fail(self.at + 1, "unexpected repeated colon in duration expression")
            }
            ':' => Ok(self.colon()),
            '(' => Ok(self.left_paren()),
            ')' => self.right_paren(),
            c if self.starts_number(c) => {
                (self.before_duration, self.has_duration) = (false, true);
                self.number()
            }
            c => match self.duration_word() {
                Some(word) => Ok(word),
                None => {
                    self.fail(self.at, format!("unexpected character in duration expression: {}", shown(c)))
                }
            },
        }
    }

    fn inside_braces(&mut self, c: char) -> Result<Token, ParseError> {
        let next = self.peek(1);
        Ok(match (c, next) {
            ('"' | '\'' | '`', _) => self.string(c)?,
            ('}', _) => {
                self.in_braces = false;
                self.take(1, Token::RightBrace)
            }
            (',', _) => self.take(1, Token::Comma),
            ('=', Some('~')) => self.take(2, Token::EqualRegex),
            ('=', _) => self.take(1, Token::Assign),
            ('!', Some('=')) => self.take(2, Token::NotEqual),
            ('!', Some('~')) => self.take(2, Token::NotRegex),
            ('!', next) => {
                let next = gofmt::quote_char(next);
                return self.fail(self.at, format!("unexpected character after '!' inside braces: {next}"));
            }
            ('{', _) => return self.fail(self.at, "unexpected left brace '{'"),
            (c, _) if starts_word(c) => self.word(false),
            (c, _) => {
                return self.fail(self.at, format!("unexpected character inside braces: {}", shown(c)));
            }
        })
    }

    fn left_paren(&mut self) -> Token {
        self.parens += 1;
        self.take(1, Token::LeftParen)
    }

    fn right_paren(&mut self) -> Result<Token, ParseError> {
        let Some(left) = self.parens.checked_sub(1) else {
            return self.fail(self.at + 1, "unexpected right parenthesis ')'");
        };
        self.parens = left;
        Ok(self.take(1, Token::RightParen))
    }

    fn right_bracket(&mut self) -> Token {
        (self.in_brackets, self.before_duration) = (false, false);
        self.take(1, Token::RightBracket)
    }

    fn colon(&mut self) -> Token {
        self.has_colon = true;
        self.take(1, Token::Colon)
    }

    fn starts_number(&self, c: char) -> bool {
        c.is_ascii_digit() || c == '.' && self.peek(1).is_some_and(|n| n.is_ascii_digit())
    }

    fn statement(&mut self, c: char) -> Result<Token, ParseError> {
        let next = self.peek(1);
        let start = self.at;
        Ok(match (c, next) {
            ('"' | '\'' | '`', _) => self.string(c)?,
            ('(', _) => self.left_paren(),
            (')', _) => self.right_paren()?,
            ('{', _) => {
                self.in_braces = true;
                self.take(1, Token::LeftBrace)
            }
            ('[', _) if self.in_brackets => return self.fail(start, "unexpected left bracket '['"),
            ('[', _) => {
                (self.in_brackets, self.before_duration, self.has_colon) = (true, true, false);
                self.take(1, Token::LeftBracket)
            }
            (']', _) if !self.in_brackets => return self.fail(start, "unexpected right bracket ']'"),
            (']', _) => self.right_bracket(),
            (':', _) if self.in_brackets && self.has_colon => {
                return self.fail(start, "unexpected colon ':'");
            }
            (':', _) if self.in_brackets => self.colon(),
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
                let next = gofmt::quote_char(next);
                return self.fail(start, format!("unexpected character after '!': {next}"));
            }
            ('<', Some('=')) => self.take(2, Token::LessEqual),
            ('<', Some('/')) => self.take(2, Token::TrimUpper),
            ('<', _) => self.take(1, Token::Less),
            ('>', Some('=')) => self.take(2, Token::GreaterEqual),
            ('>', Some('/')) => self.take(2, Token::TrimLower),
            ('>', _) => self.take(1, Token::Greater),
            (c, _) if self.starts_number(c) => self.number()?,
            (c, _) if starts_word(c) && self.in_brackets => match self.duration_word() {
                Some(word) => word,
                None => {
                    return self.fail(start, format!("unexpected character: {}, expected ':'", shown(c)));
                }
            },
            (c, _) if starts_word(c) || c == ':' => {
                let token = self.word(true);
                match self.text[start..self.at].to_ascii_lowercase().as_str() {
                    "inf" => Token::Number(f64::INFINITY),
                    "nan" => Token::Number(f64::NAN),
                    _ => token,
                }
            }
            (c, _) => return self.fail(start, format!("unexpected character: {}", shown(c))),
        })
    }

    fn number(&mut self) -> Result<Token, ParseError> {
        let start = self.at;
        let (kind, length) = literal::scan(self.rest());
        let text = &self.rest()[..length];
        let token = match kind {
            literal::Scanned::Number => match literal::number(text) {
                Some(value) => Token::Number(value),
                None => {
                    self.fault = Some(literal::why_no_number(text));
                    Token::Number(f64::NAN)
                }
            },
            literal::Scanned::Duration => match literal::duration(text) {
                Ok(ms) => Token::Duration(ms),
                Err(message) => {
                    self.fault = Some(message);
                    Token::Duration(0)
                }
            },
            literal::Scanned::Neither => {
                return self.fail(
                    start,
                    format!("bad number or duration syntax: {}", gofmt::quote(text.as_bytes())),
                );
            }
        };
        Ok(self.take(length, token))
    }
}
