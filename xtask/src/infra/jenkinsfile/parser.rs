//! The tree of a declarative Jenkinsfile: directives with arguments and blocks.

use super::lexer::{Kind, Token, tokens};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    pub name: String,
    pub line: usize,
    /// Texts among the arguments, in order.
    pub texts: Vec<String>,
    /// `NAME = …` as in `environment`.
    pub is_assignment: bool,
    pub block: Option<Vec<Directive>>,
}

impl Directive {
    /// The directives of its block with this name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Directive> {
        self.block.iter().flatten().filter(move |d| d.name == name)
    }
}

/// Blocks whose content is Groovy and not directives.
const GROOVY: [&str; 1] = ["expression"];

pub fn parse(text: &str) -> Result<Vec<Directive>, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, next: 0 };
    let found = parser.directives()?;
    match parser.peek() {
        None => Ok(found),
        Some(token) => Err(format!("line {}: a brace that nothing opened", token.line)),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn is_mark(&self, mark: char) -> bool {
        self.peek().is_some_and(|t| t.kind == Kind::Mark(mark))
    }

    fn skip_line_ends(&mut self) {
        while self.peek().is_some_and(|t| matches!(t.kind, Kind::LineEnd | Kind::Mark(';'))) {
            self.next += 1;
        }
    }

    /// Until the end of the text or of the block.
    fn directives(&mut self) -> Result<Vec<Directive>, String> {
        let mut found = Vec::new();
        loop {
            self.skip_line_ends();
            if self.peek().is_none() || self.is_mark('}') {
                return Ok(found);
            }
            found.push(self.directive()?);
        }
    }

    fn directive(&mut self) -> Result<Directive, String> {
        let token = &self.tokens[self.next];
        let Kind::Word(name) = &token.kind else {
            return Err(format!(
                "line {}: a directive begins with a word, not with {:?}",
                token.line, token.kind
            ));
        };
        let mut directive = Directive {
            name: name.clone(),
            line: token.line,
            texts: Vec::new(),
            is_assignment: false,
            block: None,
        };
        self.next += 1;
        directive.is_assignment = self.is_mark('=');
        self.arguments(&mut directive)?;
        if self.is_mark('{') {
            let opened = self.tokens[self.next].line;
            self.next += 1;
            directive.block = Some(if GROOVY.contains(&directive.name.as_str()) {
                self.skip_groovy()?;
                Vec::new()
            } else {
                self.directives()?
            });
            if !self.is_mark('}') {
                return Err(format!("line {opened}: a brace that nothing closes"));
            }
            self.next += 1;
        }
        Ok(directive)
    }

    /// Up to the block, or to the end of the line or of the block around; lines may end within parentheses.
    fn arguments(&mut self, directive: &mut Directive) -> Result<(), String> {
        let mut open: Vec<(char, usize)> = Vec::new();
        while let Some(token) = self.peek() {
            let line = token.line;
            match &token.kind {
                Kind::Mark('{' | '}' | ';') | Kind::LineEnd if open.is_empty() => break,
                Kind::Mark(mark @ ('(' | '[')) => open.push((if *mark == '(' { ')' } else { ']' }, line)),
                Kind::Mark(mark @ (')' | ']')) => match open.pop() {
                    Some((closing, _)) if closing == *mark => {}
                    _ => return Err(format!("line {line}: {mark} that nothing opened")),
                },
                Kind::Text(text) => directive.texts.push(text.clone()),
                _ => {}
            }
            self.next += 1;
        }
        match open.pop() {
            Some((closing, line)) => Err(format!("line {line}: no {closing} follows")),
            None => Ok(()),
        }
    }

    fn skip_groovy(&mut self) -> Result<(), String> {
        let mut depth = 0;
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Mark('{') => depth += 1,
                Kind::Mark('}') if depth == 0 => return Ok(()),
                Kind::Mark('}') => depth -= 1,
                _ => {}
            }
            self.next += 1;
        }
        Err("a brace that nothing closes".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_have_arguments_and_blocks() {
        let text = "pipeline {\n  environment { A = 'b' }\n  stages { stage('lint') { steps { sh 'make check'; sh \"x\" } } }\n}\n";
        let found = parse(text).unwrap();
        let stages = found[0].named("stages").next().unwrap();
        let stage = stages.named("stage").next().unwrap();
        assert_eq!((stage.texts.as_slice(), stage.line), (&["lint".to_owned()][..], 3));
        let steps = stage.named("steps").next().unwrap();
        let commands: Vec<&str> = steps.named("sh").map(|d| d.texts[0].as_str()).collect();
        assert_eq!(commands, ["make check", "x"]);
        assert!(found[0].named("environment").next().unwrap().named("A").next().unwrap().is_assignment);
    }

    #[test]
    fn arguments_in_parentheses_may_take_several_lines() {
        let found = parse("options {\n timeout(time: 5,\n  unit: 'MINUTES')\n}\n").unwrap();
        assert_eq!(found[0].named("timeout").next().unwrap().texts, ["MINUTES"]);
    }

    #[test]
    fn what_is_not_closed_or_not_opened_is_told_with_its_line() {
        assert_eq!(parse("pipeline {\n stages {\n }\n").unwrap_err(), "line 1: a brace that nothing closes");
        assert_eq!(parse("pipeline { }\n}\n").unwrap_err(), "line 2: a brace that nothing opened");
        assert_eq!(parse("\nsh('a'\n").unwrap_err(), "line 2: no ) follows");
        assert!(parse("pipeline {\n 'stages' { } }").unwrap_err().starts_with("line 2: a directive"));
    }
}
