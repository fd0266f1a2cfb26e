//! Templates of `line_format` and `label_format`. Those of text and labels alone are written without an interpreter.

use console_template::{Functions, Limits, Moment as Time, Template as Program, Value};

use super::Moment;
use crate::labels::LabelSet;

/// How Loki marks a line whose template failed.
pub const ERROR: &str = "TemplateFormatErr";

/// A line is bounded when it comes in; what a template makes of it is bounded here.
const LIMITS: Limits = Limits { max_output_bytes: 256 << 10, max_steps: 10_000, max_depth: 16 };

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Label(String),
    Line,
}

#[derive(Clone, Debug)]
enum Kind {
    Parts(Vec<Part>),
    Program {
        program: Box<Program>,
        /// Labels that it looks at; `None`: all.
        fields: Option<Vec<String>>,
    },
}

#[derive(Clone, Debug)]
pub struct Template(Kind);

impl Template {
    /// The error names line and column inside of the template.
    pub fn parse(text: &str) -> Result<Self, String> {
        let program = Program::parse_with("line", text, Functions::Line)
            .map_err(|e| format!("invalid line template: {e}"))?;
        if let Some(parts) = parts(text) {
            return Ok(Self(Kind::Parts(parts)));
        }
        let fields = program.fields();
        Ok(Self(Kind::Program { program: Box::new(program), fields }))
    }

    /// Labels that it looks at; `None`: all.
    pub fn fields(&self) -> Option<Vec<String>> {
        match &self.0 {
            Kind::Parts(parts) => Some(
                parts
                    .iter()
                    .filter_map(|part| match part {
                        Part::Label(name) => Some(name.clone()),
                        Part::Text(_) | Part::Line => None,
                    })
                    .collect(),
            ),
            Kind::Program { fields, .. } => fields.clone(),
        }
    }

    /// An absent label is empty.
    pub fn render(&self, line: &str, labels: &LabelSet<'_>, moment: Moment) -> Result<String, String> {
        match &self.0 {
            Kind::Parts(parts) => Ok(parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text,
                    Part::Label(name) => labels.get(name).unwrap_or_default(),
                    Part::Line => line,
                })
                .collect()),
            Kind::Program { program, fields } => {
                let data = match fields {
                    Some(names) => {
                        Value::map(names.iter().map(|n| (n.as_str(), labels.get(n).unwrap_or_default())))
                    }
                    None => Value::map(labels.finish().iter().map(|l| (&*l.name, &*l.value))),
                };
                let host = |name: &str| match name {
                    "__line__" => Some(Value::Str(line.to_owned())),
                    "__timestamp__" => Some(Value::Time(Time::from_ns(moment.t_ns))),
                    "now" => Some(Value::time_ms(moment.now_ms)),
                    _ => None,
                };
                program.expand_on(&data, &[], &host, &LIMITS).map_err(|e| e.to_string())
            }
        }
    }
}

/// The parts of a template that has only text, `{{.label}}` and `{{__line__}}`; `None` for any other.
fn parts(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (action, following) = after.split_once("}}")?;
        // White space that is trimmed is the interpreter's.
        if action.starts_with('-') || action.ends_with('-') {
            return None;
        }
        parts.push(Part::Text(before.to_owned()));
        let name = action.trim();
        parts.push(match name.strip_prefix('.') {
            Some(label) if is_name(label) => Part::Label(label.to_owned()),
            None if name == "__line__" => Part::Line,
            _ => return None,
        });
        rest = following;
    }
    parts.push(Part::Text(rest.to_owned()));
    Some(parts)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
