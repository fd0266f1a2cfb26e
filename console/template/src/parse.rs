//! From pieces to a tree. Nesting is bounded, so that no input overflows the stack.

use std::collections::BTreeMap;

use crate::{
    Functions,
    error::{Position, TemplateError},
    lex::{self, Piece, Token},
    value::Value,
};

const MAX_NESTING: usize = 64;

/// One node of a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Text(String),
    Print(Pipeline, At),
    If { condition: Pipeline, then: Vec<Node>, otherwise: Vec<Node>, at: At },
    With { value: Pipeline, then: Vec<Node>, otherwise: Vec<Node>, at: At },
    Range { over: Pipeline, body: Vec<Node>, otherwise: Vec<Node>, at: At },
    Template { name: String, data: Option<Pipeline>, at: At },
    Break(At),
    Continue(At),
}

/// Where a node stands: the template's name and the place in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct At {
    pub name: std::sync::Arc<str>,
    pub position: Position,
}

impl At {
    pub fn error(&self, message: impl Into<String>) -> TemplateError {
        self.position.error(&self.name, message)
    }
}

/// `$a, $b := command | command`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pipeline {
    pub variables: Vec<String>,
    /// `=` instead of `:=`.
    pub assigns: bool,
    pub commands: Vec<Command>,
}

/// Operands; the first is called when it is a function, or when arguments follow a method.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command(pub Vec<Operand>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Literal(Value),
    Function(String),
    /// A value of the caller's.
    Host(String),
    /// `$name.path…`
    Variable(String, Vec<String>),
    /// `.path…`; empty: the dot.
    Path(Vec<String>),
    /// `(pipeline).path…`
    Group(Box<Pipeline>, Vec<String>),
}

pub(crate) struct Parsed {
    pub defined: BTreeMap<String, Vec<Node>>,
    pub main: Vec<Node>,
}

pub(crate) fn parse(name: &str, text: &str, functions: Functions) -> Result<Parsed, TemplateError> {
    let mut parser = Parser {
        functions,
        name: name.into(),
        pieces: lex::pieces(name, text)?.into_iter(),
        defined: BTreeMap::new(),
        nesting: 0,
        loops: 0,
    };
    let (main, end) = parser.block(&[])?;
    debug_assert!(end.is_none(), "only a nested block is ended by a keyword");
    Ok(Parsed { defined: parser.defined, main })
}

struct Parser {
    functions: Functions,
    name: std::sync::Arc<str>,
    pieces: std::vec::IntoIter<Piece>,
    defined: BTreeMap<String, Vec<Node>>,
    nesting: usize,
    loops: usize,
}

/// The action that ended a block: `else` with what follows it, or `end`.
type End = Option<(String, Vec<(Token, Position)>, Position)>;

impl Parser {
    fn at(&self, position: Position) -> At {
        At { name: self.name.clone(), position }
    }

    fn error(&self, position: Position, message: impl Into<String>) -> TemplateError {
        position.error(&self.name, message)
    }

    /// Reads nodes up to one of the keywords of `ends`; to the end of the text when there are none.
    fn block(&mut self, ends: &[&str]) -> Result<(Vec<Node>, End), TemplateError> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (tokens, position) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(tokens, position) => (tokens, position),
            };
            let keyword = match tokens.first() {
                Some((Token::Word(w), _)) => w.clone(),
                Some(_) => String::new(),
                None => return Err(self.error(position, "missing value for command")),
            };
            let rest = &tokens[1..];
            match keyword.as_str() {
                "else" | "end" if ends.contains(&keyword.as_str()) => {
                    return Ok((nodes, Some((keyword, rest.to_vec(), position))));
                }
                "else" | "end" => return Err(self.error(position, format!("unexpected {{{{{keyword}}}}}"))),
                "if" | "with" | "range" => nodes.push(self.control(&keyword, rest, position)?),
                "define" => {
                    let name = self.template_name(rest, position, true)?;
                    let body = self.body(position)?;
                    self.defined.insert(name, body);
                }
                "template" => {
                    let name = self.template_name(rest, position, false)?;
                    let data = if rest.len() > 1 { Some(self.pipeline(&rest[1..], position)?) } else { None };
                    nodes.push(Node::Template { name, data, at: self.at(position) });
                }
                "block" => {
                    let name = self.template_name(rest, position, false)?;
                    let data = self.pipeline(&rest[1..], position)?;
                    let body = self.body(position)?;
                    self.defined.entry(name.clone()).or_insert(body);
                    nodes.push(Node::Template { name, data: Some(data), at: self.at(position) });
                }
                "break" | "continue" if rest.is_empty() => {
                    if self.loops == 0 {
                        return Err(self.error(position, format!("{{{{{keyword}}}}} outside {{{{range}}}}")));
                    }
                    let at = self.at(position);
                    nodes.push(if keyword == "break" { Node::Break(at) } else { Node::Continue(at) });
                }
                _ => {
                    let pipeline = self.pipeline(&tokens, position)?;
                    nodes.push(Node::Print(pipeline, self.at(position)));
                }
            }
        }
        if ends.is_empty() { Ok((nodes, None)) } else { Err(self.unclosed()) }
    }

    fn unclosed(&self) -> TemplateError {
        self.error(Position { line: 1, column: 1 }, "unexpected end of the template: an action lacks {{end}}")
    }

    fn enter(&mut self, position: Position) -> Result<(), TemplateError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.error(position, format!("nested deeper than {MAX_NESTING}")));
        }
        Ok(())
    }

    fn body(&mut self, position: Position) -> Result<Vec<Node>, TemplateError> {
        self.enter(position)?;
        let (body, _) = self.block(&["end"])?;
        self.nesting -= 1;
        Ok(body)
    }

    fn control(
        &mut self,
        keyword: &str,
        tokens: &[(Token, Position)],
        position: Position,
    ) -> Result<Node, TemplateError> {
        self.enter(position)?;
        let pipeline = self.pipeline(tokens, position)?;
        if pipeline.variables.len() > 1 && keyword != "range" {
            return Err(self.error(position, "too many declarations in pipeline"));
        }
        self.loops += usize::from(keyword == "range");
        let (then, end) = self.block(&["else", "end"])?;
        self.loops -= usize::from(keyword == "range");
        let otherwise = match end {
            Some((word, rest, at)) if word == "else" => match rest.first() {
                None => self.block(&["end"])?.0,
                Some((Token::Word(w), _)) if w == keyword && keyword != "range" => {
                    vec![self.control(keyword, &rest[1..], at)?]
                }
                Some((_, at)) => return Err(self.error(*at, "unexpected token after else")),
            },
            _ => Vec::new(),
        };
        self.nesting -= 1;
        let at = self.at(position);
        Ok(match keyword {
            "if" => Node::If { condition: pipeline, then, otherwise, at },
            "with" => Node::With { value: pipeline, then, otherwise, at },
            _ => Node::Range { over: pipeline, body: then, otherwise, at },
        })
    }

    fn template_name(
        &self,
        tokens: &[(Token, Position)],
        position: Position,
        alone: bool,
    ) -> Result<String, TemplateError> {
        match tokens.first() {
            Some((Token::Str(name), _)) if !alone || tokens.len() == 1 => Ok(name.clone()),
            _ => Err(self.error(position, "expected the template's name as a quoted string")),
        }
    }

    fn pipeline(
        &mut self,
        tokens: &[(Token, Position)],
        position: Position,
    ) -> Result<Pipeline, TemplateError> {
        let mut reader = Reader { parser: self, tokens, next: 0, position };
        let pipeline = reader.pipeline()?;
        if reader.next < tokens.len() {
            let at = tokens[reader.next].1;
            return Err(at.error(&self.name, "unexpected token in command"));
        }
        Ok(pipeline)
    }
}

/// Reads one action's tokens.
struct Reader<'a> {
    parser: &'a mut Parser,
    tokens: &'a [(Token, Position)],
    next: usize,
    position: Position,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(t, _)| t)
    }

    fn here(&self) -> Position {
        self.tokens.get(self.next).map_or(self.position, |(_, p)| *p)
    }

    fn error(&self, message: impl Into<String>) -> TemplateError {
        self.here().error(&self.parser.name, message)
    }

    fn pipeline(&mut self) -> Result<Pipeline, TemplateError> {
        let (variables, assigns) = self.declarations();
        let mut commands = vec![self.command()?];
        while self.peek() == Some(&Token::Pipe) {
            self.next += 1;
            let command = self.command()?;
            if !matches!(
                command.0[0],
                Operand::Function(_) | Operand::Host(_) | Operand::Path(_) | Operand::Variable(..)
            ) {
                return Err(self.error("non executable command in pipeline"));
            }
            commands.push(command);
        }
        Ok(Pipeline { variables, assigns, commands })
    }

    fn declarations(&mut self) -> (Vec<String>, bool) {
        let token = |i: usize| self.tokens.get(self.next + i).map(|(t, _)| t);
        let (names, used, assigns) = match (token(0), token(1), token(2), token(3)) {
            (Some(Token::Variable(a)), Some(Token::Declare), ..) => (vec![a.clone()], 2, false),
            (Some(Token::Variable(a)), Some(Token::Assign), ..) => (vec![a.clone()], 2, true),
            (
                Some(Token::Variable(a)),
                Some(Token::Comma),
                Some(Token::Variable(b)),
                Some(Token::Declare),
            ) => (vec![a.clone(), b.clone()], 4, false),
            _ => (Vec::new(), 0, false),
        };
        self.next += used;
        (names, assigns)
    }

    fn command(&mut self) -> Result<Command, TemplateError> {
        let mut operands = Vec::new();
        while let Some(operand) = self.operand()? {
            operands.push(operand);
        }
        if operands.is_empty() { Err(self.error("missing value for command")) } else { Ok(Command(operands)) }
    }

    fn operand(&mut self) -> Result<Option<Operand>, TemplateError> {
        let Some(token) = self.peek().cloned() else { return Ok(None) };
        let operand = match token {
            Token::Str(s) => Operand::Literal(Value::Str(s)),
            Token::Int(i) => Operand::Literal(Value::Int(i)),
            Token::Float(f) => Operand::Literal(Value::Float(f)),
            Token::Word(w) => match w.as_str() {
                "true" => Operand::Literal(Value::Bool(true)),
                "false" => Operand::Literal(Value::Bool(false)),
                "nil" => Operand::Literal(Value::Nil),
                _ if self.parser.functions.is_host(&w) => Operand::Host(w),
                _ if self.parser.functions.knows(&w) => Operand::Function(w),
                _ => return Err(self.error(format!("function {w:?} not defined"))),
            },
            Token::Variable(name) => {
                self.next += 1;
                return Ok(Some(Operand::Variable(name, self.path())));
            }
            Token::Dot => Operand::Path(Vec::new()),
            Token::Field { name, .. } => {
                self.next += 1;
                let mut path = vec![name];
                path.extend(self.path());
                return Ok(Some(Operand::Path(path)));
            }
            Token::Open => {
                self.parser.enter(self.here())?;
                self.next += 1;
                let inner = self.pipeline()?;
                if self.peek() != Some(&Token::Close) {
                    return Err(self.error("unclosed left paren"));
                }
                self.next += 1;
                self.parser.nesting -= 1;
                return Ok(Some(Operand::Group(Box::new(inner), self.path())));
            }
            Token::Pipe | Token::Close => return Ok(None),
            Token::Declare | Token::Assign | Token::Comma => {
                return Err(self.error("unexpected token in command"));
            }
        };
        self.next += 1;
        Ok(Some(operand))
    }

    /// Fields glued to the operand before.
    fn path(&mut self) -> Vec<String> {
        let mut path = Vec::new();
        while let Some(Token::Field { name, glued: true }) = self.peek() {
            path.push(name.clone());
            self.next += 1;
        }
        path
    }
}
