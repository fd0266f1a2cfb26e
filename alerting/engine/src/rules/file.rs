//! Prometheus rule files: parsed, checked as Prometheus checks them, every problem with its line.

use console_promql::ParseOptions;
use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::{
    duration::PromDuration,
    error::{LoadError, Problems},
    rules::expand,
    yaml::{self, Spanned, null_default},
};

/// Which characters names of labels and annotations may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameValidation {
    /// Any non-empty UTF-8 (Prometheus 3's default).
    #[default]
    Utf8,
    /// `[a-zA-Z_][a-zA-Z0-9_]*` only.
    Legacy,
}

/// A group as loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSpec {
    pub name: String,
    pub file: String,
    pub interval_ms: Option<i64>,
    /// Most alerts (or series) that a rule may produce; 0: no limit.
    pub limit: usize,
    pub query_offset_ms: i64,
    pub rules: Vec<RuleSpec>,
}

/// A rule as loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSpec {
    pub kind: RuleKind,
    pub name: String,
    pub expr: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub line: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    Recording,
    Alerting { for_ms: i64, keep_firing_for_ms: i64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default, deserialize_with = "null_default")]
    groups: Vec<Spanned<RawGroup>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    #[serde(default, deserialize_with = "null_default")]
    name: String,
    interval: Option<PromDuration>,
    query_offset: Option<PromDuration>,
    #[serde(default)]
    limit: usize,
    #[serde(default, deserialize_with = "null_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_default")]
    rules: Vec<Spanned<RawRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    record: Option<Spanned<String>>,
    alert: Option<Spanned<String>>,
    expr: Option<Spanned<String>>,
    r#for: Option<Spanned<PromDuration>>,
    keep_firing_for: Option<Spanned<PromDuration>>,
    #[serde(default, deserialize_with = "null_default")]
    labels: BTreeMap<String, Spanned<String>>,
    #[serde(default, deserialize_with = "null_default")]
    annotations: BTreeMap<String, Spanned<String>>,
}

/// Loads one rule file.
pub fn load(file: &Path, names: NameValidation) -> Result<Vec<GroupSpec>, LoadError> {
    parse(file, &yaml::read(file)?, names)
}

/// Parses and checks a rule file's text.
pub fn parse(file: &Path, text: &str, names: NameValidation) -> Result<Vec<GroupSpec>, LoadError> {
    let raw: RawFile = yaml::parse(file, text)?;
    let mut problems = Problems::new(file);
    let mut groups: Vec<GroupSpec> = Vec::new();
    for (i, group) in raw.groups.into_iter().enumerate() {
        let line = group.referenced.line();
        let path = format!("groups[{i}]");
        let group = group.value;
        if group.name.is_empty() {
            problems.add(line, format!("{path}.name"), "groupname must not be empty");
        }
        if groups.iter().any(|g| g.name == group.name) {
            let message = format!("groupname: {:?} is repeated in the same file", group.name);
            problems.add(line, format!("{path}.name"), message);
        }
        if group.interval.is_some_and(|d| d.0 == 0) {
            problems.add(line, format!("{path}.interval"), "must be longer than 0");
        }
        let mut rules = Vec::new();
        for (j, rule) in group.rules.into_iter().enumerate() {
            let path = format!("{path}.rules[{j}]");
            rules.extend(check_rule(rule, &group.labels, &path, names, &mut problems));
        }
        groups.push(GroupSpec {
            name: group.name,
            file: file.display().to_string(),
            interval_ms: group.interval.map(|d| d.0),
            limit: group.limit,
            query_offset_ms: group.query_offset.map_or(0, |d| d.0),
            rules,
        });
    }
    problems.or(groups)
}

fn check_rule(
    rule: Spanned<RawRule>,
    group_labels: &BTreeMap<String, String>,
    path: &str,
    names: NameValidation,
    problems: &mut Problems,
) -> Option<RuleSpec> {
    let line = rule.referenced.line();
    let rule = rule.value;
    let found = problems.found.len();
    let (name, is_alert) = match (&rule.record, &rule.alert) {
        (Some(_), Some(_)) => {
            problems.add(line, path, "only one of 'record' and 'alert' must be set");
            return None;
        }
        (Some(n), None) => (n, false),
        (None, Some(n)) => (n, true),
        (None, None) => {
            problems.add(line, path, "one of 'record' or 'alert' must be set");
            return None;
        }
    };
    let expr = rule.expr.as_ref().map_or("", |e| e.value.as_str());
    let expr_line = rule.expr.as_ref().map_or(line, |e| e.referenced.line());
    if expr.trim().is_empty() {
        problems.add(expr_line, format!("{path}.expr"), "field 'expr' must be set in rule");
    } else if let Err(e) = console_promql::parse(expr, ParseOptions::default()) {
        problems.add(expr_line, format!("{path}.expr"), format!("could not parse expression: {e}"));
    }
    if !is_alert {
        check_recording(&rule, name, path, problems);
    }
    let label_names = if is_alert { "alert" } else { "record" };
    for (label, value) in &rule.labels {
        if !name_is_valid(label, names) || label == "__name__" {
            problems.add(
                value.referenced.line(),
                format!("{path}.labels"),
                format!("invalid label name: {label}"),
            );
        }
        if is_alert && let Err(e) = expand::check(label, &value.value) {
            problems.add(value.referenced.line(), format!("{path}.labels.{label}"), e);
        }
    }
    for (annotation, value) in &rule.annotations {
        let field = format!("{path}.annotations.{annotation}");
        if !name_is_valid(annotation, names) {
            problems.add(value.referenced.line(), field, format!("invalid annotation name: {annotation}"));
        } else if let Err(e) = expand::check(annotation, &value.value) {
            problems.add(value.referenced.line(), field, e);
        }
    }
    if name.value.is_empty() {
        problems.add(name.referenced.line(), format!("{path}.{label_names}"), "must not be empty");
    }
    if problems.found.len() > found {
        return None;
    }
    let own = rule.labels.into_iter().map(|(k, v)| (k, v.value));
    let ms = |d: &Option<Spanned<PromDuration>>| d.as_ref().map_or(0, |d| d.value.0);
    let kind = if is_alert {
        RuleKind::Alerting { for_ms: ms(&rule.r#for), keep_firing_for_ms: ms(&rule.keep_firing_for) }
    } else {
        RuleKind::Recording
    };
    Some(RuleSpec {
        kind,
        name: name.value.clone(),
        expr: expr.trim().to_owned(),
        labels: group_labels.clone().into_iter().chain(own).collect(),
        annotations: rule.annotations.into_iter().map(|(k, v)| (k, v.value)).collect(),
        line,
    })
}

fn check_recording(rule: &RawRule, name: &Spanned<String>, path: &str, problems: &mut Problems) {
    if let Some(first) = rule.annotations.values().next() {
        problems.add(
            first.referenced.line(),
            format!("{path}.annotations"),
            "invalid field 'annotations' in recording rule",
        );
    }
    for (field, value) in [("for", &rule.r#for), ("keep_firing_for", &rule.keep_firing_for)] {
        if let Some(value) = value {
            let message = format!("invalid field '{field}' in recording rule");
            problems.add(value.referenced.line(), format!("{path}.{field}"), message);
        }
    }
    // As promtool: a selector in a name is always a mistake, whatever the name validation.
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    if !name.value.chars().all(legal) || name.value.starts_with(|c: char| c.is_ascii_digit()) {
        let message = format!("invalid recording rule name: {}", name.value);
        problems.add(name.referenced.line(), format!("{path}.record"), message);
    }
}

fn name_is_valid(name: &str, names: NameValidation) -> bool {
    match names {
        NameValidation::Utf8 => !name.is_empty(),
        NameValidation::Legacy => {
            !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        }
    }
}
