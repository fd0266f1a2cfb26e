//! Selectors, pipelines, ranges.

use console_model::{MatchOp, Matcher};
use regex::Regex;

use super::{Parsed, Parser};
use crate::{
    ast::*,
    error::Error,
    ip::IpRange,
    lexer::Token,
    stage::{Chosen, Format, LineTest, Needle, Stage, json, logfmt, pattern::Pattern, template::Template},
};

/// What stands inside a range aggregation.
pub(super) struct LogRange {
    pub log: LogExpr,
    pub unwrap: Option<Unwrap>,
    /// Range and offset.
    pub range: Option<(i64, i64)>,
}

impl Parser<'_> {
    /// A string token as a regular expression, wrapped as asked.
    pub(super) fn regex_of(&mut self, wrap: impl Fn(&str) -> String) -> Parsed<Regex> {
        let position = self.position();
        let text = self.string()?;
        // Errors speak of the expression as it was written.
        Regex::new(&text).and_then(|_| Regex::new(&wrap(&text))).map_err(|e| {
            let duplicate = e.to_string().contains("duplicate capture group name");
            let message = if duplicate {
                format!("duplicate extracted label name in regexp {text:?}")
            } else {
                format!("error parsing regexp: {e}")
            };
            Error::Parse { message, position }
        })
    }

    pub(super) fn log_expr(&mut self) -> Parsed<LogExpr> {
        let mut log = LogExpr { matchers: self.selector()?, stages: Vec::new() };
        self.stages(&mut log)?;
        Ok(log)
    }

    fn selector(&mut self) -> Parsed<Vec<Matcher>> {
        let start = self.position();
        self.expect("{")?;
        let mut matchers = Vec::new();
        while !self.is("}") {
            let name = self.ident()?;
            let op = match self.peek() {
                Token::Symbol("=") => MatchOp::Equal,
                Token::Symbol("!=") => MatchOp::NotEqual,
                Token::Symbol("=~") => MatchOp::Regex,
                Token::Symbol("!~") => MatchOp::NotRegex,
                _ => return self.unexpected("= or != or =~ or !~"),
            };
            self.at += 1;
            let value = if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
                let text = match self.peek() {
                    Token::String(text) => text.clone(),
                    _ => return self.unexpected("STRING"),
                };
                self.regex_of(|p| format!("^(?s:{p})$"))?;
                text
            } else {
                self.string()?
            };
            matchers.push(Matcher { name, op, value });
            if !self.take(",") {
                break;
            }
        }
        self.expect("}")?;
        if !matchers.iter().any(selects_something) {
            let message = "queries require at least one regexp or equality matcher that does not have an \
                           empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but \
                           app=~\".+\" will";
            return Err(Error::Parse { message: message.into(), position: start });
        }
        Ok(matchers)
    }

    /// Stages up to the first token that begins none; `| unwrap` is left to [`Self::log_range`].
    pub(super) fn stages(&mut self, log: &mut LogExpr) -> Parsed<()> {
        loop {
            if let Some((wanted, kind)) = self.line_filter_op() {
                self.at += 1;
                log.stages.push(self.line_filter(wanted, kind)?);
            } else if self.is("|") && !matches!(self.ahead(1), Token::Ident(w) if w == "unwrap") {
                self.at += 1;
                log.stages.push(self.stage()?);
            } else {
                return Ok(());
            }
        }
    }

    fn line_filter_op(&self) -> Option<(bool, char)> {
        let Token::Symbol(symbol) = self.peek() else { return None };
        Some(match *symbol {
            "|=" => (true, '='),
            "|~" => (true, '~'),
            "|>" => (true, '>'),
            // As binary operators these stand before numbers and expressions, never before strings.
            "!=" if matches!(self.ahead(1), Token::String(_)) => (false, '='),
            "!=" if matches!(self.ahead(1), Token::Ident(w) if w == "ip") => (false, '='),
            "!~" => (false, '~'),
            "!>" => (false, '>'),
            _ => return None,
        })
    }

    fn line_filter(&mut self, wanted: bool, kind: char) -> Parsed<Stage> {
        let mut any = vec![self.line_test(kind)?];
        while self.take_word("or") {
            any.push(self.line_test(kind)?);
        }
        Ok(Stage::Line { any, wanted })
    }

    fn line_test(&mut self, kind: char) -> Parsed<LineTest> {
        if matches!(self.peek(), Token::Ident(w) if w == "ip") {
            if kind != '=' {
                return self.error("ip: invalid operation: only |= and != are allowed");
            }
            return self.ip().map(LineTest::Ip);
        }
        match kind {
            '=' => self.string().map(|text| LineTest::Contains(Needle::new(text))),
            '~' => self.regex_of(str::to_owned).map(LineTest::Regex),
            _ => {
                let position = self.position();
                let text = self.string()?;
                Pattern::filter(&text)
                    .map(LineTest::Pattern)
                    .map_err(|message| Error::Parse { message, position })
            }
        }
    }

    /// `ip("..")`
    pub(super) fn ip(&mut self) -> Parsed<IpRange> {
        self.at += 1;
        self.expect("(")?;
        let position = self.position();
        let text = self.string()?;
        self.expect(")")?;
        IpRange::parse(&text)
            .ok_or_else(|| Error::Parse { message: format!("ip: invalid pattern {text:?}"), position })
    }

    fn stage(&mut self) -> Parsed<Stage> {
        let Token::Ident(word) = self.peek().clone() else {
            return self.label_filter().map(Stage::Labels);
        };
        // A stage's name followed by a comparison is a label of that name.
        if matches!(self.ahead(1), Token::Symbol("=" | "!=" | "=~" | "!~" | "==" | ">" | ">=" | "<" | "<=")) {
            return self.label_filter().map(Stage::Labels);
        }
        let position = self.position();
        let fail = |message: String| Error::Parse { message, position };
        self.at += 1;
        Ok(match word.as_str() {
            "json" => Stage::Json(self.json_paths()?),
            "logfmt" => Stage::Logfmt(self.logfmt()?),
            "unpack" => Stage::Unpack,
            "regexp" => {
                let regex = self.regex_of(str::to_owned)?;
                if regex.capture_names().flatten().next().is_none() {
                    return Err(fail("at least one named capture must be supplied".into()));
                }
                Stage::Regexp(regex)
            }
            "pattern" => Stage::Pattern(Pattern::parser(&self.string()?).map_err(fail)?),
            "line_format" => Stage::LineFormat(self.template()?),
            "label_format" => Stage::LabelFormat(self.label_format()?),
            "drop" => Stage::Drop(self.chosen()?),
            "keep" => Stage::Keep(self.chosen()?),
            "decolorize" => match Regex::new("\x1b\\[[0-9;:?]*[ -/]*[@-~]") {
                Ok(escape) => Stage::Decolorize(escape),
                Err(e) => return Err(fail(e.to_string())),
            },
            "distinct" => return Err(Error::Unsupported(word)),
            _ => {
                self.at -= 1;
                return self.label_filter().map(Stage::Labels);
            }
        })
    }

    /// `a, b="key"` after a parser.
    fn label_expressions(&mut self) -> Parsed<Vec<(String, String)>> {
        let mut out = Vec::new();
        while matches!(self.peek(), Token::Ident(_)) {
            let name = self.ident()?;
            let from = if self.take("=") { self.string()? } else { name.clone() };
            out.push((name, from));
            if !self.take(",") {
                break;
            }
        }
        Ok(out)
    }

    fn json_paths(&mut self) -> Parsed<Vec<(String, Vec<json::Step>)>> {
        let position = self.position();
        let parse = |(name, path): (String, String)| match json::parse_path(&path) {
            Some(steps) => Ok((name, steps)),
            None => Err(Error::Parse { message: format!("cannot parse expression [{path}]"), position }),
        };
        self.label_expressions()?.into_iter().map(parse).collect()
    }

    fn logfmt(&mut self) -> Parsed<logfmt::Options> {
        let mut options = logfmt::Options::default();
        while let Token::Flag(flag) = self.peek().clone() {
            match flag.as_str() {
                "strict" => options.strict = true,
                "keep-empty" => options.keep_empty = true,
                _ => return self.unexpected("--strict or --keep-empty"),
            }
            self.at += 1;
        }
        options.wanted = self.label_expressions()?;
        Ok(options)
    }

    fn template(&mut self) -> Parsed<Template> {
        let position = self.position();
        Template::parse(&self.string()?).map_err(|message| Error::Parse { message, position })
    }

    fn label_format(&mut self) -> Parsed<Vec<(String, Format)>> {
        let mut out: Vec<(String, Format)> = Vec::new();
        loop {
            let name = self.ident()?;
            if name == crate::labels::ERROR {
                return self.error("__error__ cannot be formatted");
            }
            if out.iter().any(|(n, _)| *n == name) {
                return self
                    .error(format!("multiple label name {name:?} not allowed in a single format operation"));
            }
            self.expect("=")?;
            let format = match self.peek() {
                Token::String(_) => Format::Template(self.template()?),
                _ => Format::Rename(self.ident()?),
            };
            out.push((name, format));
            if !self.take(",") {
                return Ok(out);
            }
        }
    }

    fn chosen(&mut self) -> Parsed<Vec<Chosen>> {
        let mut out = Vec::new();
        loop {
            let name = self.ident()?;
            let test = self.text_test()?;
            out.push(Chosen { name, test });
            if !self.take(",") {
                return Ok(out);
            }
        }
    }

    pub(super) fn log_range(&mut self) -> Parsed<LogRange> {
        let mut out = if self.take("(") {
            let inner = self.nested(|p| p.log_range())?;
            self.expect(")")?;
            inner
        } else {
            let matchers = self.selector()?;
            LogRange { log: LogExpr { matchers, stages: Vec::new() }, unwrap: None, range: None }
        };
        self.range(&mut out)?;
        if out.unwrap.is_none() {
            self.stages(&mut out.log)?;
            self.unwrap(&mut out)?;
        }
        self.range(&mut out)?;
        Ok(out)
    }

    fn duration(&mut self) -> Parsed<i64> {
        match *self.peek() {
            Token::Duration(ns) => {
                self.at += 1;
                Ok(ns)
            }
            _ => self.unexpected("DURATION"),
        }
    }

    /// `[5m] offset 1h`, if it stands here.
    fn range(&mut self, of: &mut LogRange) -> Parsed<()> {
        if !self.is("[") {
            return Ok(());
        }
        if of.range.is_some() {
            return self.error("syntax error: unexpected second range");
        }
        self.at += 1;
        let range = self.duration()?;
        if range <= 0 {
            return self.error("range must be above 0");
        }
        self.expect("]")?;
        let mut offset = 0;
        if self.take_word("offset") {
            let sign = if self.take("-") { -1 } else { 1 };
            offset = sign * self.duration()?;
        }
        of.range = Some((range, offset));
        Ok(())
    }

    fn unwrap(&mut self, of: &mut LogRange) -> Parsed<()> {
        if !(self.is("|") && matches!(self.ahead(1), Token::Ident(w) if w == "unwrap")) {
            return Ok(());
        }
        self.at += 2;
        let mut label = self.ident()?;
        let mut conversion = Conversion::Number;
        if self.take("(") {
            conversion = match label.as_str() {
                "duration" | "duration_seconds" => Conversion::Duration,
                "bytes" => Conversion::Bytes,
                _ => return self.error(format!("unknown conversion {label}")),
            };
            label = self.ident()?;
            self.expect(")")?;
        }
        let mut filters = Vec::new();
        while self.take("|") {
            filters.push(self.label_filter()?);
        }
        of.unwrap = Some(Unwrap { label, conversion, filters });
        Ok(())
    }
}

/// Whether the matcher refuses an absent label.
fn selects_something(m: &Matcher) -> bool {
    let empty_fits = || Regex::new(&format!("^(?s:{})$", m.value)).is_ok_and(|r| r.is_match(""));
    match m.op {
        MatchOp::Equal => !m.value.is_empty(),
        MatchOp::NotEqual => m.value.is_empty(),
        MatchOp::Regex => !empty_fits(),
        MatchOp::NotRegex => empty_fits(),
    }
}
