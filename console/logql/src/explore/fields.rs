//! Fields of lines: their metadata, and what `| json` or `| logfmt` would extract.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use console_model::{Labels, log::Direction};
use console_storage::{
    SourceError,
    logs::LogReader,
    source::{DetectedField, FieldType},
};

use crate::{
    ast::LogExpr,
    budget::Budget,
    eval::each_line,
    labels::LabelSet,
    stage::{json, logfmt},
    units::{parse_bytes, parse_duration},
};

/// Different values of a field that are counted; beyond, its number is a lower bound.
const MAX_VALUES: usize = 1_000;
/// Different fields that are followed.
const MAX_FIELDS: usize = 1_000;
const MAX_VALUE_BYTES: usize = 1_024;

/// How much to look at, and how much to tell.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub lines: usize,
    pub fields: usize,
    pub values: usize,
}

#[derive(Default)]
struct Seen {
    values: BTreeSet<String>,
    parsers: BTreeSet<&'static str>,
    kind: Option<FieldType>,
}

/// Ordered by how many values they have, most first.
pub fn detect(
    log: &LogExpr,
    reader: &dyn LogReader,
    range: (i64, i64),
    wanted: Wanted,
    budget: &Budget,
) -> Result<Vec<DetectedField>, SourceError> {
    let mut all: BTreeMap<String, Seen> = BTreeMap::new();
    let mut looked_at = 0;
    let now_ms = console_model::clock::now_ms();
    let nobody = Labels::default();
    each_line(log, reader, range, Direction::Backward, budget, &mut |labels, entry| {
        let Some((line, staged)) = log.run(labels, entry, now_ms) else {
            return ControlFlow::Continue(());
        };
        for (name, value) in staged.pairs().filter(|(name, _)| labels.get(name).is_none()) {
            note(&mut all, name, value, None);
        }
        let (parser, found) = parsed(&line, &nobody);
        for (name, value) in found.pairs() {
            note(&mut all, name, value, parser);
        }
        looked_at += 1;
        if looked_at >= wanted.lines { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let field = |(label, seen): (String, Seen)| DetectedField {
        label,
        field_type: seen.kind.unwrap_or(FieldType::String),
        cardinality: seen.values.len() as u64,
        parsers: seen.parsers.into_iter().collect(),
        values: seen.values.into_iter().take(wanted.values).collect(),
    };
    let mut out: Vec<DetectedField> = all.into_iter().map(field).collect();
    out.sort_by(|a, b| b.cardinality.cmp(&a.cardinality).then_with(|| a.label.cmp(&b.label)));
    out.truncate(wanted.fields);
    Ok(out)
}

/// A line is JSON, or what logfmt makes of it.
fn parsed<'a>(line: &str, nobody: &'a Labels) -> (Option<&'static str>, LabelSet<'a>) {
    let mut labels = LabelSet::new(nobody, std::iter::empty(), None);
    if line.trim_start().starts_with('{') {
        json::flatten(line, &mut labels);
        if !labels.has_error() {
            return (Some("json"), labels);
        }
    }
    let mut labels = LabelSet::new(nobody, std::iter::empty(), None);
    logfmt::parse(line, &logfmt::Options { strict: true, ..logfmt::Options::default() }, &mut labels);
    if labels.has_error() {
        return (None, LabelSet::new(nobody, std::iter::empty(), None));
    }
    (Some("logfmt"), labels)
}

fn note(all: &mut BTreeMap<String, Seen>, name: &str, value: &str, parser: Option<&'static str>) {
    if value.is_empty() || value.len() > MAX_VALUE_BYTES || all.len() >= MAX_FIELDS && !all.contains_key(name)
    {
        return;
    }
    if !all.contains_key(name) {
        all.insert(name.to_owned(), Seen::default());
    }
    let Some(seen) = all.get_mut(name) else { return };
    let kind = kind_of(value);
    // Values of two kinds are texts.
    seen.kind = Some(if seen.kind.is_none_or(|k| k == kind) { kind } else { FieldType::String });
    seen.parsers.extend(parser);
    if seen.values.len() < MAX_VALUES && !seen.values.contains(value) {
        seen.values.insert(value.to_owned());
    }
}

fn kind_of(value: &str) -> FieldType {
    if value.parse::<i64>().is_ok() {
        FieldType::Int
    } else if value.parse::<f64>().is_ok() {
        FieldType::Float
    } else if matches!(value, "true" | "false") {
        FieldType::Boolean
    } else if parse_duration(value).is_ok() {
        FieldType::Duration
    } else if value.starts_with(|c: char| c.is_ascii_digit()) && parse_bytes(value).is_ok() {
        FieldType::Bytes
    } else {
        FieldType::String
    }
}
