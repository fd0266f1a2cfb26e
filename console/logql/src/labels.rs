//! The labels of one line on its way through a pipeline.
//!
//! Three sources share the names: stream labels win over structured metadata, which wins over what parsers extract. A
//! value that loses its name to an earlier source goes to `<name>_extracted`, where the last source wins.

use console_model::{Labels, labels::Label};

pub const ERROR: &str = "__error__";
pub const ERROR_DETAILS: &str = "__error_details__";
const LOSER_SUFFIX: &str = "_extracted";

#[derive(Debug)]
struct Extra {
    name: String,
    /// `None`: the stream's label of this name is gone.
    value: Option<String>,
    metadata: bool,
}

#[derive(Debug)]
pub struct LabelSet {
    stream: Labels,
    extras: Vec<Extra>,
    /// Names that a parser has set: the first one wins.
    extracted: Vec<String>,
    error: Option<(String, String)>,
}

impl LabelSet {
    pub fn new(stream: &Labels, metadata: &[(String, String)]) -> Self {
        let mut set = Self { stream: stream.clone(), extras: Vec::new(), extracted: Vec::new(), error: None };
        for (name, value) in metadata {
            let name = sanitize(name);
            if stream.get(&name).is_some() {
                set.set(&(name + LOSER_SUFFIX), value.clone());
            } else {
                set.extras.push(Extra { name, value: Some(value.clone()), metadata: true });
            }
        }
        set
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        match (name, &self.error) {
            (ERROR, Some((error, _))) => return Some(error),
            (ERROR_DETAILS, Some((_, details))) => return Some(details),
            _ => {}
        }
        match self.extras.iter().find(|e| e.name == name) {
            Some(extra) => extra.value.as_deref(),
            None => self.stream.get(name),
        }
    }

    pub fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// Notes what went wrong; the first error stays.
    pub fn fail(&mut self, error: &str, details: String) {
        if self.error.is_none() {
            self.error = Some((error.to_owned(), details));
        }
    }

    pub fn clear_error(&mut self) {
        self.error = None;
    }

    pub fn set(&mut self, name: &str, value: String) {
        match self.extras.iter_mut().find(|e| e.name == name) {
            Some(extra) => extra.value = Some(value),
            None => self.extras.push(Extra { name: name.to_owned(), value: Some(value), metadata: false }),
        }
    }

    pub fn remove(&mut self, name: &str) {
        match self.extras.iter_mut().find(|e| e.name == name) {
            Some(extra) => extra.value = None,
            None if self.stream.get(name).is_some() => {
                self.extras.push(Extra { name: name.to_owned(), value: None, metadata: false });
            }
            None => {}
        }
    }

    /// What a parser found. `name` is a valid label name.
    pub fn extract(&mut self, name: &str, value: impl FnOnce() -> String) {
        let taken =
            self.stream.get(name).is_some() || self.extras.iter().any(|e| e.metadata && e.name == name);
        let name = if taken { format!("{name}{LOSER_SUFFIX}") } else { name.to_owned() };
        if self.extracted.contains(&name) {
            return;
        }
        self.set(&name, value());
        self.extracted.push(name);
    }

    pub fn names(&self) -> Vec<String> {
        let stream = self.stream.iter().map(|l| l.name.to_string());
        let extras = self.extras.iter().map(|e| e.name.clone());
        stream.chain(extras).filter(|n| self.get(n).is_some()).collect()
    }

    /// All labels, ordered, with the error's own. Empty values of parsers stay.
    pub fn finish(&self) -> Labels {
        if self.extras.is_empty() && self.error.is_none() {
            return self.stream.clone();
        }
        let mut out: Vec<Label> =
            self.stream.iter().filter(|l| !self.extras.iter().any(|e| *e.name == *l.name)).cloned().collect();
        let label = |name: &str, value: &str| Label { name: name.into(), value: value.into() };
        out.extend(self.extras.iter().filter_map(|e| e.value.as_deref().map(|v| label(&e.name, v))));
        if let Some((error, details)) = &self.error {
            out.retain(|l| &*l.name != ERROR && &*l.name != ERROR_DETAILS);
            out.push(label(ERROR, error));
            out.push(label(ERROR_DETAILS, details));
        }
        out.sort();
        out.dedup_by(|a, b| a.name == b.name);
        Labels::from_sorted(out)
    }
}

/// A name made of letters, digits and `_`, not beginning with a digit.
pub fn sanitize(name: &str) -> String {
    let name = name.trim();
    let mut out = String::with_capacity(name.len() + 1);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
    out
}
