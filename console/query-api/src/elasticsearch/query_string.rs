//! `query_string` in its simple form: words, phrases, `field:value`, `*` and `?`, `AND`, `OR`, `NOT`, `+`, `-`,
//! parentheses, `_exists_:field`, and comparisons of numbers.

use serde_json::{Map, Value};

use super::{
    dsl::{equal, matched},
    envelope::EsError,
    fields::{self, TIME},
    predicate::{Comparison, Place, Predicate, Test, phrase, wildcard, words},
};

const MAX_DEPTH: usize = 20;
const MAX_BYTES: usize = 8 << 10;
const MAX_CLAUSES: usize = 256;
/// Each clause asks for each of them.
const MAX_FIELDS: usize = 16;

type Parsed<T> = Result<T, EsError>;

/// The query of a body: `query`, `default_field` or `fields`, `default_operator`.
pub fn of_query(kind: &str, body: &Map<String, Value>) -> Parsed<Predicate> {
    let mut default = vec![Place::Line];
    let mut all = false;
    for (name, value) in body {
        let field = |value: &Value| match value.as_str() {
            Some("*" | "_all") => Ok(Place::Line),
            // A boost says nothing where there are no scores.
            Some(field) => fields::place(field.split('^').next().unwrap_or_default()),
            None => Err(EsError::parsing(format!("[{kind}] [{name}] has to be a name"))),
        };
        match (name.as_str(), value) {
            (
                "query" | "analyze_wildcard" | "boost" | "lenient" | "analyzer" | "allow_leading_wildcard",
                _,
            ) => {}
            ("default_field", value) => default = vec![field(value)?],
            ("fields", Value::Array(values)) => {
                if values.len() > MAX_FIELDS {
                    return Err(EsError::parsing(format!("[{kind}] takes at most {MAX_FIELDS} [fields]")));
                }
                default = values.iter().map(field).collect::<Parsed<_>>()?;
                default.dedup();
            }
            ("default_operator", value) => match value.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("and") => all = true,
                Some("or") => all = false,
                _ => {
                    return Err(EsError::parsing(format!("[{kind}] [default_operator] has to be AND or OR")));
                }
            },
            (other, _) => return Err(EsError::parsing(format!("[{kind}] query does not support [{other}]"))),
        }
    }
    let query = body.get("query").and_then(Value::as_str);
    let query = query.ok_or_else(|| EsError::parsing(format!("[{kind}] must be provided with a [query]")))?;
    parse(query, &default, all)
}

/// Reads a query; `all`: words beside one another all have to match.
pub fn parse(text: &str, default: &[Place], all: bool) -> Parsed<Predicate> {
    if text.len() > MAX_BYTES {
        return Err(EsError::parsing(format!("query string is longer than {MAX_BYTES} bytes")));
    }
    if text.trim().is_empty() || text.trim() == "*" {
        return Ok(Predicate::All);
    }
    let mut parser = Parser { text, at: 0, default, all, clauses: 0 };
    let found = parser.sequence(0)?;
    if parser.at < text.len() {
        return Err(parser.wrong("unexpected ')'"));
    }
    Ok(found)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    default: &'a [Place],
    all: bool,
    clauses: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Occurs {
    Should,
    Must,
    MustNot,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn wrong(&self, what: &str) -> EsError {
        let shown: String = self.text.chars().take(128).collect();
        EsError::parsing(format!("Failed to parse query [{shown}]: {what} at byte {}", self.at))
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes a word or sign that stands for itself.
    fn take(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let ends = |rest: &str| rest.chars().next().is_none_or(|c| c.is_whitespace() || c == '(' || c == ')');
        self.rest().strip_prefix(word).is_some_and(ends) && self.take(word)
    }

    /// Clauses up to the end or a closing parenthesis. `AND` binds the clauses on both its sides.
    fn sequence(&mut self, depth: usize) -> Parsed<Predicate> {
        if depth > MAX_DEPTH {
            return Err(self.wrong(&format!("more than {MAX_DEPTH} parentheses inside of one another")));
        }
        let mut clauses: Vec<(Occurs, Predicate)> = Vec::new();
        loop {
            self.skip_blanks();
            if self.rest().is_empty() || self.rest().starts_with(')') {
                break;
            }
            let mut occurs = if self.all { Occurs::Must } else { Occurs::Should };
            if self.take_word("AND") || self.take("&&") {
                let Some(last) = clauses.last_mut() else {
                    return Err(self.wrong("AND without a left side"));
                };
                if last.0 == Occurs::Should {
                    last.0 = Occurs::Must;
                }
                occurs = Occurs::Must;
                self.skip_blanks();
            } else if self.take_word("OR") || self.take("||") {
                let Some(last) = clauses.last_mut() else { return Err(self.wrong("OR without a left side")) };
                if self.all && last.0 == Occurs::Must {
                    last.0 = Occurs::Should;
                }
                occurs = Occurs::Should;
                self.skip_blanks();
            }
            if self.take_word("NOT") || self.take("!") || self.take("-") {
                occurs = Occurs::MustNot;
            } else if self.take("+") {
                occurs = Occurs::Must;
            }
            self.skip_blanks();
            self.clauses += 1;
            if self.clauses > MAX_CLAUSES {
                return Err(self.wrong(&format!("more than {MAX_CLAUSES} clauses")));
            }
            clauses.push((occurs, self.clause(depth)?));
        }
        if clauses.is_empty() {
            return Err(self.wrong("expected a word"));
        }
        let of = |wanted| clauses.iter().filter(move |(o, _)| *o == wanted).map(|(_, p)| p.clone());
        let mut parts: Vec<Predicate> = of(Occurs::Must).collect();
        let either: Vec<Predicate> = of(Occurs::Should).collect();
        // As in a `bool`: beside what has to match, what may match only raises a score.
        if parts.is_empty() && !either.is_empty() {
            parts.push(Predicate::or(either));
        }
        parts.extend(of(Occurs::MustNot).map(Predicate::negated));
        Ok(Predicate::and(parts))
    }

    fn group(&mut self, depth: usize) -> Parsed<Predicate> {
        let inner = self.sequence(depth + 1)?;
        if self.take(")") { Ok(inner) } else { Err(self.wrong("expected ')'")) }
    }

    fn clause(&mut self, depth: usize) -> Parsed<Predicate> {
        if self.take("(") {
            return self.group(depth);
        }
        if self.rest().starts_with('"') {
            let text = self.quoted()?;
            return Ok(self.in_default(|place| quoted(place, &text)));
        }
        let before = self.at;
        let word = self.word()?;
        if !self.take(":") {
            if word.raw.contains(['~', '^', '/', '[', '{']) && !word.escaped {
                self.at = before;
                return Err(self.wrong("'~', '^', '/', '[' and '{' are not supported outside of quotes"));
            }
            return Ok(self.in_default(|place| bare(place, &word)));
        }
        if word.text == "_exists_" {
            let field = self.word()?.text;
            return if field == TIME {
                Ok(Predicate::All)
            } else {
                Ok(Predicate::field(fields::place(&field)?, Test::Exists))
            };
        }
        let place = fields::place(&word.text)?;
        self.skip_blanks();
        self.value(place, depth)
    }

    /// What follows `field:`.
    fn value(&mut self, place: Place, depth: usize) -> Parsed<Predicate> {
        if self.take("(") {
            let default = [place];
            let mut inner = Parser {
                text: self.text,
                at: self.at,
                default: &default,
                all: self.all,
                clauses: self.clauses,
            };
            let found = inner.group(depth);
            (self.at, self.clauses) = (inner.at, inner.clauses);
            return found;
        }
        if self.rest().starts_with('"') {
            let text = self.quoted()?;
            return Ok(quoted(&place, &text));
        }
        if self.rest().starts_with(['[', '{', '/']) {
            return Err(self.wrong("ranges in brackets and regular expressions are not supported"));
        }
        let signs = [
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
        ];
        if let Some((_, comparison)) = signs.into_iter().find(|(sign, _)| self.take(sign)) {
            let text = self.word()?.text;
            let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && place != Place::Line);
            let number =
                number.ok_or_else(|| self.wrong("expected a number, of a field that is not text,"))?;
            return Ok(Predicate::field(place, Test::Number(comparison, number)));
        }
        let word = self.word()?;
        if word.raw == "*" {
            return Ok(Predicate::field(place, Test::Exists));
        }
        Ok(bare(&place, &word))
    }

    fn in_default(&self, of: impl Fn(&Place) -> Predicate) -> Predicate {
        Predicate::or(self.default.iter().map(of).collect())
    }

    fn quoted(&mut self) -> Parsed<String> {
        let mut out = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(out);
                }
                '\\' => out.extend(chars.next().map(|(_, c)| c)),
                c => out.push(c),
            }
        }
        Err(self.wrong("a quote that does not end"))
    }

    /// Up to a blank, a parenthesis, a quote or a colon.
    fn word(&mut self) -> Parsed<Word> {
        let mut word = Word::default();
        let mut chars = self.rest().char_indices();
        let mut length = self.rest().len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    word.escaped = true;
                    if let Some((_, c)) = chars.next() {
                        word.text.push(c);
                        word.raw.push('\\');
                        word.raw.push(c);
                    }
                }
                c if c.is_whitespace() || matches!(c, '(' | ')' | '"' | ':') => {
                    length = at;
                    break;
                }
                c => {
                    word.text.push(c);
                    word.raw.push(c);
                    word.wild |= matches!(c, '*' | '?');
                }
            }
        }
        self.at += length;
        if word.text.is_empty() { Err(self.wrong("expected a word")) } else { Ok(word) }
    }
}

#[derive(Debug, Default)]
struct Word {
    text: String,
    /// With its escapes.
    raw: String,
    escaped: bool,
    /// Has `*` or `?` without escape.
    wild: bool,
}

fn quoted(place: &Place, text: &str) -> Predicate {
    match place {
        Place::Line => phrase(&words(text)),
        other @ Place::Label(_) => equal(other.clone(), text).unwrap_or(Predicate::Nothing),
    }
}

fn bare(place: &Place, word: &Word) -> Predicate {
    if word.wild {
        return wildcard(place.clone(), &word.raw, false);
    }
    match place {
        // A word that an analyser splits is a phrase of its parts.
        Place::Line => phrase(&words(&word.text)),
        other @ Place::Label(_) => matched(other.clone(), &word.text, "or").unwrap_or(Predicate::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elasticsearch::{indices::Pattern, translate::logql};

    fn of(text: &str) -> Result<String, String> {
        let predicate = parse(text, &[Place::Line], false).map_err(|e| e.reason)?;
        let text = logql(&Pattern::parse(None).unwrap(), &predicate).unwrap_or_default();
        Ok(text.trim_start_matches(r#"{service_name=~".+"}"#).trim().to_owned())
    }

    #[test]
    fn each_form_has_its_translation() {
        let line = |word: &str| format!(r#"|~ "(?i)(?:^|\\W){word}(?:\\W|$)""#);
        let cases = [
            ("*".to_owned(), String::new()),
            ("declined".to_owned(), line("declined")),
            ("\"payment declined\"".to_owned(), line(r"payment\\W+declined")),
            ("decl*".to_owned(), line(r"decl\\w*")),
            ("level:error".to_owned(), r#"| level="error""#.to_owned()),
            (
                "log.level:ERROR AND host.name:h-1".to_owned(),
                r#"| level="error" and host_name="h-1""#.to_owned(),
            ),
            ("a:1 OR b:2".to_owned(), r#"| (a="1" or b="2")"#.to_owned()),
            ("a:(1 OR 2)".to_owned(), r#"| (a="1" or a="2")"#.to_owned()),
            ("a:1 AND NOT b:2".to_owned(), r#"| a="1" and b!="2""#.to_owned()),
            ("+a:1 -b:2".to_owned(), r#"| a="1" and b!="2""#.to_owned()),
            ("_exists_:trace.id".to_owned(), r#"| trace_id!="""#.to_owned()),
            ("a:*".to_owned(), r#"| a!="""#.to_owned()),
            ("url.path:\\/cart*".to_owned(), r#"| url_path=~"/cart.*""#.to_owned()),
            ("a:\"x \\\" y\"".to_owned(), r#"| a="x \" y""#.to_owned()),
        ];
        for (text, want) in cases {
            assert_eq!(of(&text).as_deref(), Ok(&*want), "{text}");
        }
        assert!(of("status:>=500").unwrap().contains("status>=500"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let cases = [
            ("(a", "expected ')' at byte 2"),
            ("a)", "unexpected ')' at byte 1"),
            ("AND a", "AND without a left side"),
            ("\"a", "a quote that does not end at byte 0"),
            ("a:[1 TO 2]", "ranges in brackets"),
            ("a:", "expected a word at byte 2"),
            ("a~2", "not supported outside of quotes"),
            ("message:>5", "expected a number"),
            (&"(".repeat(40), "parentheses inside of one another"),
            (&"a ".repeat(300), "more than 256 clauses"),
        ];
        for (text, want) in cases {
            let told = of(text).unwrap_err();
            assert!(told.contains(want), "{text}: {told}");
        }
    }
}
