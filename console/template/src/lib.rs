//! Go's `text/template`, as alert annotations, notification templates and LogQL's `line_format` and `label_format`
//! use it.
//!
//! Supported: pipelines, variables, `if` / `else if` / `else`, `range` (with `break` and `continue`), `with`, `define`,
//! `template`, `block`, comments, trim markers, the built-in functions, and one set more: those that Prometheus and
//! Alertmanager add, or those that Loki adds ([`Functions`]).
//! Deliberately absent: calls of arbitrary Go methods, `query` and its helpers (a template never reads a store),
//! HTML auto-escaping. What is absent is an error that names it and says where.
//!
//! Must always hold: parsing and expansion end, whatever the text (steps, depth and output are bounded), and an error
//! carries the line and the column.

mod error;
mod exec;
mod fields;
mod float;
mod functions;
mod layout;
mod lex;
mod moment;
mod parse;
mod printf;
mod value;

pub use error::TemplateError;
pub use float::{format_float, format_significant};
pub use functions::Functions;
pub use moment::Moment;
pub use value::Value;

use std::collections::BTreeMap;

/// What an expansion may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest output, in bytes.
    pub max_output_bytes: usize,
    /// Most nodes executed, loops included.
    pub max_steps: usize,
    /// Deepest nesting of `template` calls.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_output_bytes: 64 * 1024, max_steps: 100_000, max_depth: 32 }
    }
}

/// A parsed template with everything that it and its library files define.
#[derive(Clone, Debug, Default)]
pub struct Template {
    defined: BTreeMap<String, Vec<parse::Node>>,
    main: Vec<parse::Node>,
    functions: Functions,
}

/// Values that the caller has for functions without arguments, such as `__line__`. Asked for only where one is used.
pub type HostValues<'a> = dyn Fn(&str) -> Option<Value> + 'a;

impl Template {
    /// Parses `text`; `name` stands in error messages.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateError> {
        Self::default().with_text(name, text)
    }

    /// As [`Template::parse`], with a set of functions.
    pub fn parse_with(name: &str, text: &str, functions: Functions) -> Result<Self, TemplateError> {
        Self { functions, ..Self::default() }.with_text(name, text)
    }

    /// Parses `text` as the main template, keeping the definitions of `self`.
    pub fn with_text(&self, name: &str, text: &str) -> Result<Self, TemplateError> {
        let parsed = parse::parse(name, text, self.functions)?;
        let mut defined = self.defined.clone();
        defined.extend(parsed.defined);
        Ok(Self { defined, main: parsed.main, functions: self.functions })
    }

    /// Expands with `.` and `$` set to `data`, and the given variables (without `$`) defined before the first action.
    pub fn expand(
        &self,
        data: &Value,
        variables: &[(&str, Value)],
        limits: &Limits,
    ) -> Result<String, TemplateError> {
        self.expand_on(data, variables, &|_| None, limits)
    }

    /// As [`Template::expand`], with values of the caller's own.
    pub fn expand_on(
        &self,
        data: &Value,
        variables: &[(&str, Value)],
        host: &HostValues<'_>,
        limits: &Limits,
    ) -> Result<String, TemplateError> {
        exec::expand(self, &self.main, data, variables, host, limits)
    }

    /// The fields of the data that the template may look at, without duplicates; `None` where it looks at all of it.
    pub fn fields(&self) -> Option<Vec<String>> {
        fields::of(self.defined.is_empty(), &self.main)
    }
}
