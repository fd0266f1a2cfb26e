//! `label_replace` and `label_join`: they change labels and look at no value.

use console_model::labels::METRIC_NAME;
use console_storage::SourceError;
use regex::{Captures, Regex};

use super::grid::{Row, merged};
use crate::{
    ast::{Expr, ExprKind, StringLiteral},
    regexp,
};

/// The string that an argument is.
pub(crate) fn literal(arg: &Expr) -> Result<&StringLiteral, SourceError> {
    match &arg.unwrap_parens().kind {
        ExprKind::String(s) => Ok(s),
        _ => Err(SourceError::Internal("a string was expected".to_owned())),
    }
}

fn label<'a>(arg: &'a Expr, what: &str, function: &str) -> Result<&'a str, SourceError> {
    let name = literal(arg)?;
    if name.value.is_empty() || name.raw.is_some() {
        let message = format!("invalid {what} label name in {function}(): {}", name.value);
        return Err(SourceError::Execution(message));
    }
    Ok(&name.value)
}

fn set(row: &mut Row, name: &str, value: &str) {
    row.labels = row.labels.with(name, value);
    if name == METRIC_NAME {
        row.drop_name = false;
    }
}

/// `label_replace(v, destination, replacement, source, regex)`; `rows` are `v`.
pub(crate) fn replace(
    rows: impl FnOnce() -> Result<Vec<Row>, SourceError>,
    args: &[Expr],
) -> Result<Vec<Row>, SourceError> {
    let [destination, replacement, source, pattern] = args else {
        return Err(SourceError::Internal("label_replace needs five arguments".to_owned()));
    };
    let (pattern, replacement, source) =
        (&literal(pattern)?.value, &literal(replacement)?.value, &literal(source)?.value);
    let regex = regexp::anchored(pattern).map_err(|_| {
        SourceError::Execution(format!("invalid regular expression in label_replace(): {pattern}"))
    })?;
    let destination = label(destination, "destination", "label_replace")?;
    let mut rows = rows()?;
    for row in &mut rows {
        let value = row.labels.get(source).unwrap_or_default();
        let Some(captures) = regex.captures(value) else { continue };
        set(row, destination, &expanded(replacement, &regex, &captures));
    }
    merged(rows)
}

/// A template with what the groups of a pattern have caught in place of `$1`, `${name}`, as Go's `regexp.Expand` does it.
fn expanded(template: &str, regex: &Regex, captures: &Captures<'_>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            out.push_str(caught(name, regex, captures));
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

/// The name of a group that a template goes on with, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (is_braced, text) = match text.strip_prefix('{') {
        Some(inside) => (true, inside),
        None => (false, text),
    };
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    let after = if is_braced { after.strip_prefix('}')? } else { after };
    (!name.is_empty()).then_some((name, after))
}

fn caught<'t>(name: &str, regex: &Regex, captures: &Captures<'t>) -> &'t str {
    let is_number = name.bytes().all(|b| b.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    let group = if is_number {
        name.parse().ok().and_then(|number| captures.get(number))
    } else {
        let mut named = regex.capture_names().enumerate().filter(|(_, own)| *own == Some(name));
        named.find_map(|(number, _)| captures.get(number))
    };
    group.map_or("", |group| group.as_str())
}

/// `label_join(v, destination, separator, source...)`; `rows` are `v`.
pub(crate) fn join(
    rows: impl FnOnce() -> Result<Vec<Row>, SourceError>,
    args: &[Expr],
) -> Result<Vec<Row>, SourceError> {
    let [destination, separator, sources @ ..] = args else {
        return Err(SourceError::Internal("label_join needs three arguments".to_owned()));
    };
    let separator = &literal(separator)?.value;
    let sources = sources.iter().map(|s| label(s, "source", "label_join")).collect::<Result<Vec<_>, _>>()?;
    let destination = label(destination, "destination", "label_join")?;
    let mut rows = rows()?;
    for row in &mut rows {
        let values: Vec<&str> = sources.iter().map(|s| row.labels.get(s).unwrap_or_default()).collect();
        let joined = values.join(separator);
        set(row, destination, &joined);
    }
    merged(rows)
}
