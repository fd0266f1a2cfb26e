//! A place in a text, and the tokens that both formats share.

use std::borrow::Cow;

use super::{
    LabelText, MAX_LABELS, SyntaxError,
    entry::{Quotes, unescape},
};

/// How much blank space a format bears between tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Blanks {
    /// Spaces and tabs anywhere between tokens, a comma after the last label or none after any (Prometheus text).
    Free,
    /// Exactly where the grammar has them (OpenMetrics).
    Strict,
}

/// Walks along a text, line by line.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    /// From the beginning of the line on.
    text: &'a str,
    /// The line, without its end; where quotes have line's ends in them, up to the one behind the quotes.
    line: &'a str,
    /// In the line.
    at: usize,
    /// Counts from 1; 0 before the first line.
    number: usize,
    /// Line's ends within the line.
    inner_ends: usize,
    blanks: Blanks,
}

/// Where a pair of braces stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Braces {
    /// Behind the metric's name.
    Named,
    /// Where the metric's name is to be among the labels.
    Unnamed,
    Exemplar,
}

/// What is in quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoted {
    /// Of a metric or one of its labels.
    Name,
    Value,
    /// Whatever an exemplar has.
    Exemplar,
}

enum Name<'a> {
    Metric(Cow<'a, str>),
    Label(LabelText<'a>),
}

/// The NaN that every other is read as, so that none is a staleness marker (prometheus/model/value: `NormalNaN`).
pub const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// Characters of a wrong text that an error shows.
const SHOWN: usize = 40;

const EMPTY_NAME: &str = "the metric's name is empty";

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const COLON: u8 = 4;

/// What each byte is in names without quotes; an underscore is a letter.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut b = 0;
    while b < 128 {
        let byte = b as u8;
        classes[b] = match byte {
            b'_' => LETTER,
            b':' => COLON,
            _ if byte.is_ascii_alphabetic() => LETTER,
            _ if byte.is_ascii_digit() => DIGIT,
            _ => 0,
        };
        b += 1;
    }
    classes
};

/// Bytes at the beginning of `text` that are a metric's name without quotes.
pub fn metric_name_length(text: &str) -> usize {
    name_length(text, LETTER | COLON)
}

/// Bytes at the beginning of `text` that are a label's name without quotes.
fn label_name_length(text: &str) -> usize {
    name_length(text, LETTER)
}

/// `first` is what a name may begin with.
fn name_length(text: &str, first: u8) -> usize {
    let is = |b: u8, parts: u8| CLASSES[usize::from(b)] & parts != 0;
    if text.bytes().next().is_some_and(|b| is(b, DIGIT)) {
        return 0;
    }
    text.bytes().take_while(|b| is(*b, first | DIGIT)).count()
}

impl<'a> Cursor<'a> {
    /// Before the first line.
    pub fn new(text: &'a str, blanks: Blanks) -> Self {
        Self { text, line: "", at: 0, number: 0, inner_ends: 0, blanks }
    }

    /// Goes to the beginning of the next line. There is always a first one; behind the last there is none.
    pub fn next_line(&mut self) -> bool {
        if self.number > 0 {
            let Some(text) = self.text.get(self.line.len() + 1..) else { return false };
            self.text = text;
        }
        self.line = &self.text[..self.text.find('\n').unwrap_or(self.text.len())];
        self.number += 1 + self.inner_ends;
        (self.at, self.inner_ends) = (0, 0);
        true
    }

    pub fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    /// Bytes of the line before here.
    pub fn at(&self) -> usize {
        self.at
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.line.len()
    }

    pub fn is_at_end_of_text(&self) -> bool {
        self.at == self.text.len()
    }

    #[cold]
    pub fn error(&self, message: impl Into<String>) -> SyntaxError {
        self.error_at(self.at, message)
    }

    fn error_at(&self, at: usize, message: impl Into<String>) -> SyntaxError {
        let before = &self.line[..at];
        let line = self.number + before.matches('\n').count();
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        SyntaxError::in_text(line, column, message.into())
    }

    /// `expected <what>, found <the rest>`.
    #[cold]
    pub fn expected(&self, what: &str) -> SyntaxError {
        let found: String = self.rest().chars().take(SHOWN).collect();
        let more = if self.rest().chars().nth(SHOWN).is_some() { "…" } else { "" };
        let found =
            if found.is_empty() { "the end of the line".to_owned() } else { format!("{found:?}{more}") };
        self.error(format!("expected {what}, found {found}"))
    }

    pub fn skip_blanks(&mut self) {
        if self.blanks == Blanks::Free {
            self.at += self.rest().bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
        }
    }

    /// Goes past `token`, when it is here.
    pub fn take(&mut self, token: &str) -> bool {
        let is_here = self.rest().starts_with(token);
        if is_here {
            self.at += token.len();
        }
        is_here
    }

    /// A run of characters that are not blank.
    pub fn word(&mut self, what: &str) -> Result<&'a str, SyntaxError> {
        let length = self.rest().find([' ', '\t']).unwrap_or(self.rest().len());
        if length == 0 { Err(self.expected(what)) } else { Ok(self.advance(length)) }
    }

    /// The name that metadata is about, in quotes or not.
    pub fn family_name(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        let start = self.at;
        if !self.take("\"") {
            return self.metric_name().map(Cow::Borrowed);
        }
        match self.quoted(Quoted::Name)? {
            ("", _) => Err(self.error_at(start, EMPTY_NAME)),
            (raw, quotes) => Ok(unescape(raw, quotes)),
        }
    }

    /// `name`, `name{a="b", …}` or `{"name", a="b", …}`; `labels` gets the labels, the caller the name.
    pub fn series(&mut self, labels: &mut Vec<LabelText<'a>>) -> Result<Cow<'a, str>, SyntaxError> {
        labels.clear();
        let start = self.at;
        if self.take("{") {
            let name = self.braces(Braces::Unnamed, labels)?;
            return name.ok_or_else(|| self.error_at(start, "the metric has no name"));
        }
        let name = self.metric_name()?;
        self.skip_blanks();
        if self.take("{") {
            self.braces(Braces::Named, labels)?;
        }
        Ok(Cow::Borrowed(name))
    }

    /// What is behind the opening brace; `labels` gets the labels, the caller the metric's name, where it is among them.
    pub fn braces(
        &mut self,
        braces: Braces,
        labels: &mut Vec<LabelText<'a>>,
    ) -> Result<Option<Cow<'a, str>>, SyntaxError> {
        let mut metric = None;
        let mut may_close = true;
        loop {
            self.skip_blanks();
            if may_close && self.take("}") {
                return Ok(metric);
            }
            let has_name = braces == Braces::Named || metric.is_some();
            let mut label = match self.name_in_braces(braces, has_name)? {
                Name::Metric(name) => {
                    metric = Some(name);
                    may_close = true;
                    self.take(",");
                    continue;
                }
                Name::Label(label) => label,
            };
            if labels.iter().any(|l| same_name(l, &label)) {
                return Err(self.error(format!("label {:?} is there twice", label.name())));
            }
            if labels.len() == MAX_LABELS {
                return Err(self.error(format!("a metric has more than {MAX_LABELS} labels")));
            }
            self.skip_blanks();
            if !self.take("=") {
                return Err(self.expected("="));
            }
            self.skip_blanks();
            if !self.take("\"") {
                return Err(self.expected("a quoted label value"));
            }
            let what = if braces == Braces::Exemplar { Quoted::Exemplar } else { Quoted::Value };
            (label.raw, label.quotes) = self.quoted(what)?;
            labels.push(label);
            self.skip_blanks();
            let (comma, is_free) = (self.take(","), self.blanks == Blanks::Free);
            self.skip_blanks();
            if (!comma || is_free) && self.take("}") {
                return Ok(metric);
            }
            if !(comma || is_free && self.is_at_label()) {
                return Err(self.expected("a comma or a closing brace"));
            }
            may_close = false;
        }
    }

    /// A label up to its value; or the metric's name, which is in quotes and has no value behind it.
    fn name_in_braces(&mut self, braces: Braces, has_name: bool) -> Result<Name<'a>, SyntaxError> {
        let label = |name, name_quotes| LabelText { name, raw: "", name_quotes, quotes: Quotes::None };
        let start = self.at;
        if !self.take("\"") {
            return Ok(Name::Label(label(self.label_name()?, Quotes::None)));
        }
        let what = if braces == Braces::Exemplar { Quoted::Exemplar } else { Quoted::Name };
        let (name, quotes) = self.quoted(what)?;
        self.skip_blanks();
        if braces == Braces::Exemplar || !self.rest().starts_with([',', '}']) {
            return match name {
                "" => Err(self.error_at(start, "a label's name is empty")),
                name => Ok(Name::Label(label(name, quotes))),
            };
        }
        match name {
            _ if has_name => Err(self.error_at(start, "the metric's name is there twice")),
            "" => Err(self.error_at(start, EMPTY_NAME)),
            name => Ok(Name::Metric(unescape(name, quotes))),
        }
    }

    /// The text up to here, without blanks at its end.
    pub fn before(&self) -> &'a str {
        self.line[..self.at].trim_end_matches([' ', '\t'])
    }

    fn is_at_label(&self) -> bool {
        self.rest().starts_with('"') || label_name_length(self.rest()) > 0
    }

    fn metric_name(&mut self) -> Result<&'a str, SyntaxError> {
        match metric_name_length(self.rest()) {
            0 => Err(self.expected("a metric name")),
            length => Ok(self.advance(length)),
        }
    }

    fn label_name(&mut self) -> Result<&'a str, SyntaxError> {
        match label_name_length(self.rest()) {
            0 => Err(self.expected("a label name")),
            length => Ok(self.advance(length)),
        }
    }

    /// What is behind an opening quote, and whether it has escapes. Goes past the closing one.
    fn quoted(&mut self, what: Quoted) -> Result<(&'a str, Quotes), SyntaxError> {
        let bytes = self.rest().as_bytes();
        let first = bytes.iter().position(|b| matches!(b, b'"' | b'\\'));
        let (length, quotes) = match first {
            Some(length) if bytes[length] == b'"' => (length, Quotes::None),
            _ => self.length_with_escapes(what)?,
        };
        let raw = &self.line[self.at..self.at + length];
        if what != Quoted::Value && raw.contains('\0') {
            return Err(self.error("a null character cannot be here"));
        }
        self.at += length + 1;
        Ok((raw, quotes))
    }

    /// How far it is to the closing quote, past escapes and maybe on another line, which becomes part of this one. Line's
    /// ends should be escaped; Prometheus bears those that are not, but for values in OpenMetrics and whatever exemplars
    /// have.
    #[cold]
    fn length_with_escapes(&mut self, what: Quoted) -> Result<(usize, Quotes), SyntaxError> {
        let may_cross = match what {
            Quoted::Name => true,
            Quoted::Value => self.blanks == Blanks::Free,
            Quoted::Exemplar => false,
        };
        let behind = if may_cross { &self.text[self.at..] } else { self.rest() };
        let (mut escaped, mut quotes) = (false, Quotes::None);
        let end = behind.bytes().position(|b| {
            let ends = (b == b'"' && !escaped) || (b == b'\n' && escaped);
            escaped = b == b'\\' && !escaped;
            if escaped {
                quotes = Quotes::Escaped;
            }
            ends
        });
        let Some(end) = end.filter(|end| behind[*end..].starts_with('"')) else {
            return Err(self.expected("a closing quote"));
        };
        if self.at + end > self.line.len() {
            self.inner_ends += behind[..end].matches('\n').count();
            let length = behind[end..].find('\n').map_or(behind.len(), |length| end + length);
            self.line = &self.text[..self.at + length];
        }
        Ok((end, quotes))
    }

    fn advance(&mut self, length: usize) -> &'a str {
        let start = self.at;
        self.at += length;
        &self.line[start..self.at]
    }
}

/// As written they are different names where only escapes differ.
fn same_name(a: &LabelText<'_>, b: &LabelText<'_>) -> bool {
    match (a.name_quotes, b.name_quotes) {
        (Quotes::None, Quotes::None) => a.name == b.name,
        _ => a.name() == b.name(),
    }
}

/// A number as the formats write it. NaN is always the same one, so that it is never a staleness marker.
pub fn number(text: &str) -> Option<f64> {
    // Rust also reads what no format writes: a sign before NaN, and numbers that are too large.
    let value: f64 = text.parse().ok()?;
    if value.is_nan() {
        let plain = text.eq_ignore_ascii_case("nan");
        return plain.then_some(NORMAL_NAN);
    }
    if value.is_infinite() && text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(value)
}
