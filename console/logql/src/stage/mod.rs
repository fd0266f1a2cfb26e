//! Stages of a pipeline, compiled, and what they do to a line.

pub mod filter;
pub mod json;
pub mod logfmt;
pub mod pattern;
pub mod template;

use std::borrow::Cow;

use memchr::memmem::Finder;
use regex::Regex;

pub use filter::{LabelFilter, Quantity, TextTest};
use pattern::Pattern;
use template::Template;

use crate::{
    ip::IpRange,
    labels::{ERROR, ERROR_DETAILS, LabelSet},
};

/// When a line was written, and when it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub t_ns: i64,
    pub now_ms: i64,
}

/// A text to look for, prepared.
#[derive(Clone, Debug)]
pub struct Needle {
    text: String,
    finder: Finder<'static>,
}

impl Needle {
    pub fn new(text: String) -> Self {
        Self { finder: Finder::new(&text).into_owned(), text }
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

#[derive(Clone, Debug)]
pub enum LineTest {
    Contains(Needle),
    Regex(Regex),
    Pattern(Pattern),
    Ip(IpRange),
}

impl LineTest {
    fn matches(&self, line: &str) -> bool {
        match self {
            Self::Contains(needle) => needle.finder.find(line.as_bytes()).is_some(),
            Self::Regex(r) => r.is_match(line),
            Self::Pattern(p) => p.matches(line),
            Self::Ip(range) => range.found_in(line),
        }
    }
}

/// A label to drop or keep, perhaps only with some values.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub name: String,
    pub test: Option<TextTest>,
}

#[derive(Clone, Debug)]
pub enum Format {
    Rename(String),
    Template(Template),
}

#[derive(Clone, Debug)]
pub enum Stage {
    /// Any of the tests matches (`wanted`), or none does.
    Line {
        any: Vec<LineTest>,
        wanted: bool,
    },
    Labels(LabelFilter),
    Json(Vec<(String, Vec<json::Step>)>),
    Logfmt(logfmt::Options),
    Regexp(Regex),
    Pattern(Pattern),
    Unpack,
    LineFormat(Template),
    LabelFormat(Vec<(String, Format)>),
    Drop(Vec<Chosen>),
    Keep(Vec<Chosen>),
    Decolorize(Regex),
}

impl Stage {
    /// Changes the line and its labels; false: the line is dropped.
    pub fn apply(&self, line: &mut Cow<'_, str>, labels: &mut LabelSet<'_>, moment: Moment) -> bool {
        match self {
            Self::Line { any, wanted } => return any.iter().any(|t| t.matches(line)) == *wanted,
            Self::Labels(filter) => return filter.keep(labels),
            Self::Json(paths) if paths.is_empty() => json::flatten(line, labels),
            Self::Json(paths) => json::extract(line, paths, labels),
            Self::Logfmt(options) => logfmt::parse(line, options, labels),
            Self::Regexp(regex) => {
                if let Some(found) = regex.captures(line) {
                    for name in regex.capture_names().flatten() {
                        if let Some(value) = found.name(name) {
                            labels.extract(name, || value.as_str().to_owned());
                        }
                    }
                }
            }
            Self::Pattern(pattern) => pattern.extract(line, labels),
            Self::Unpack => {
                if let Some(entry) = json::unpack(line, labels) {
                    *line = Cow::Owned(entry);
                }
            }
            Self::LineFormat(template) => match template.render(line, labels, moment) {
                Ok(text) => *line = Cow::Owned(text),
                // The line stays as it was, and says so.
                Err(details) => labels.fail(template::ERROR, details),
            },
            Self::LabelFormat(formats) => format_labels(formats, line, labels, moment),
            Self::Drop(chosen) => drop_labels(chosen, labels),
            Self::Keep(chosen) => {
                for name in labels.names() {
                    let kept = chosen.iter().any(|c| {
                        c.name == name
                            && c.test
                                .as_ref()
                                .is_none_or(|t| t.matches(labels.get(&name).unwrap_or_default()))
                    });
                    if !kept {
                        labels.remove(&name);
                    }
                }
            }
            Self::Decolorize(escape) => {
                if let Cow::Owned(plain) = escape.replace_all(line, "") {
                    *line = Cow::Owned(plain);
                }
            }
        }
        true
    }
}

/// As in Loki, all templates of one stage see the labels as they were before the first of them.
fn format_labels(formats: &[(String, Format)], line: &str, labels: &mut LabelSet<'_>, moment: Moment) {
    let mut rendered: Option<Vec<Result<String, String>>> = None;
    let mut templates = 0;
    for (name, format) in formats {
        match format {
            Format::Template(_) => {
                let all = rendered.get_or_insert_with(|| {
                    let render = |(_, f): &(String, Format)| match f {
                        Format::Template(t) => Some(t.render(line, labels, moment)),
                        Format::Rename(_) => None,
                    };
                    formats.iter().filter_map(render).collect()
                });
                match std::mem::replace(&mut all[templates], Ok(String::new())) {
                    Ok(value) => labels.set(name, value),
                    Err(details) => labels.fail(template::ERROR, details),
                }
                templates += 1;
            }
            Format::Rename(from) => {
                if let Some(value) = labels.get(from).map(str::to_owned) {
                    labels.set(name, value);
                    labels.remove(from);
                }
            }
        }
    }
}

fn drop_labels(chosen: &[Chosen], labels: &mut LabelSet<'_>) {
    for c in chosen {
        let value = labels.get(&c.name).unwrap_or_default();
        if c.test.as_ref().is_some_and(|t| !t.matches(value)) {
            continue;
        }
        match c.name.as_str() {
            ERROR => labels.clear_error(),
            ERROR_DETAILS => {}
            name => labels.remove(name),
        }
    }
}
