//! `{{.label}}` templates of `line_format` and `label_format`. Anything else of Go's templates is refused by name.

use crate::{error::Error, labels::LabelSet};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Label(String),
    Line,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

impl Template {
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((action, following)) = after.split_once("}}") else {
                return Err(Error::Unsupported(format!("unclosed template action in {text:?}")));
            };
            let trimmed_left = action.starts_with("- ");
            let trimmed_right = action.ends_with(" -");
            let name = action.strip_prefix('-').unwrap_or(action);
            let name = name.strip_suffix('-').unwrap_or(name).trim();
            let before = if trimmed_left { before.trim_end() } else { before };
            parts.push(Part::Text(before.to_owned()));
            let label = name
                .strip_prefix('.')
                .filter(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            parts.push(match label {
                Some(label) => Part::Label(label.to_owned()),
                None if name == "__line__" => Part::Line,
                None => return Err(Error::Unsupported(format!("template action {{{{{action}}}}}"))),
            });
            rest = if trimmed_right { following.trim_start() } else { following };
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// An absent label is empty.
    pub fn render(&self, line: &str, labels: &LabelSet) -> String {
        let mut out = String::new();
        for part in &self.0 {
            out.push_str(match part {
                Part::Text(text) => text,
                Part::Label(name) => labels.get(name).unwrap_or_default(),
                Part::Line => line,
            });
        }
        out
    }
}
