//! Mappings whose fields are checked against a table: the file's own words, with lines, without one struct a vendor.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{error::Problems, yaml::Spanned};

/// A mapping as it stands in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Fields(BTreeMap<String, Spanned<Value>>);

impl Fields {
    /// A field's text; numbers and booleans as they are written. Null and the empty string are "not set".
    pub fn text(&self, name: &str) -> Option<String> {
        let text = match &self.0.get(name)?.value {
            Value::String(s) => s.clone(),
            Value::Number(n) => n.to_string(),
            Value::Bool(b) => b.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    pub fn bool(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.value.as_bool()
    }

    pub fn json(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(|s| &s.value).filter(|v| !v.is_null())
    }

    pub fn has(&self, name: &str) -> bool {
        self.json(name).is_some_and(|v| v.as_str() != Some(""))
    }

    /// The field's line; zero when it is absent.
    pub fn line(&self, name: &str) -> u64 {
        self.0.get(name).map_or(0, |s| s.referenced.line())
    }

    /// Reports fields that are in none of the tables.
    pub fn check_known(&self, path: &str, tables: &[&[&str]], problems: &mut Problems) {
        for (name, value) in &self.0 {
            if !tables.iter().any(|t| t.contains(&name.as_str())) {
                problems.add(value.referenced.line(), path, format!("unknown field {name:?}"));
            }
        }
    }

    /// Reports when both of two fields are set.
    pub fn check_one_of(&self, path: &str, a: &str, b: &str, problems: &mut Problems) {
        if self.has(a) && self.has(b) {
            problems.add(self.line(b), path, format!("at most one of {a} & {b} must be configured"));
        }
    }
}
