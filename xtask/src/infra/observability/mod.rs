//! What watches the platform in the cluster: `gitops/infrastructure/observability` against the files and programs that it
//! is made of, both ways.

mod collector;
mod dashboards;
mod elastic;
mod generated;
mod queries;
mod routing;
mod rules;
mod series;
mod substitution;

use std::path::PathBuf;

use serde_json::Value;

use super::{Check, Tree, folder};

/// Below the root.
pub const FOLDER: &str = "gitops/infrastructure/observability";

pub fn checks() -> Vec<Check> {
    vec![
        Check::new("observability generated", generated::check),
        Check::new("observability rules", rules::check),
        Check::new("observability routing", routing::check),
        Check::new("observability series", series::check),
        Check::new("observability dashboards", dashboards::check),
        Check::new("observability queries", queries::check),
        Check::new("observability collector", collector::check),
        Check::new("observability elastic", elastic::check),
        Check::new("observability substitution", substitution::check),
    ]
}

/// Writes what is made of `alerting/`.
pub fn write(tree: &Tree) -> Result<(), String> {
    generated::write(tree)
}

/// A file or folder of this part.
pub fn at(tree: &Tree, path: &str) -> PathBuf {
    tree.root.join(FOLDER).join(path)
}

/// A YAML or JSON file of this part.
fn document(tree: &Tree, path: &str) -> Result<Value, String> {
    yaml(&folder::read(&at(tree, path))?).map_err(|e| format!("{path}: {e}"))
}

fn yaml(text: &str) -> Result<Value, String> {
    serde_saphyr::from_str(text).map_err(|e| e.to_string())
}

/// The entries of a list, none where there is no list.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text, empty where there is none.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One message of all that is wrong, or what was looked at.
fn verdict(wrong: &[String], seen: String) -> Result<super::Outcome, String> {
    if wrong.is_empty() { Ok(super::Outcome::Passed(seen)) } else { Err(wrong.join("\n")) }
}
