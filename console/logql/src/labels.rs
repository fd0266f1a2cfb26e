//! The labels of one line on its way through a pipeline.
//!
//! Three sources share the names: stream labels win over structured metadata, which wins over what parsers extract. A
//! value that loses its name to an earlier source goes to `<name>_extracted`, where the last source wins.
//!
//! A reader that needs few labels says which: others are not even copied out of the line.

use std::borrow::Cow;

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
pub struct LabelSet<'a> {
    stream: &'a Labels,
    /// Names that anybody will ask for; `None`: all.
    wanted: Option<&'a [String]>,
    extras: Vec<Extra>,
    /// Names that a parser has set: the first one wins.
    extracted: Vec<String>,
    error: Option<(String, String)>,
}

impl<'a> LabelSet<'a> {
    /// `wanted` are the only names that anybody asks for afterwards.
    pub fn new<'m>(
        stream: &'a Labels,
        metadata: impl Iterator<Item = (&'m str, &'m str)>,
        wanted: Option<&'a [String]>,
    ) -> Self {
        let mut set = Self { stream, wanted, extras: Vec::new(), extracted: Vec::new(), error: None };
        for (name, value) in metadata {
            let name = sanitize(name);
            if !set.wants(&name) {
                continue;
            }
            if stream.get(&name).is_some() {
                set.set(&(name.into_owned() + LOSER_SUFFIX), value.to_owned());
            } else {
                let value = Some(value.to_owned());
                set.extras.push(Extra { name: name.into_owned(), value, metadata: true });
            }
        }
        set
    }

    /// Whether somebody asks for this name, or for what it becomes where the name is taken.
    pub fn wants(&self, name: &str) -> bool {
        let fits =
            |w: &String| w.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest == LOSER_SUFFIX);
        self.wanted.is_none_or(|wanted| wanted.iter().any(fits))
    }

    /// Whether somebody asks for a name that begins with this one and `_`.
    pub fn wants_below(&self, name: &str) -> bool {
        let fits = |w: &String| w.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'));
        self.wanted.is_none_or(|wanted| wanted.iter().any(fits))
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
        if !self.wants(name) {
            return;
        }
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
        self.pairs().map(|(name, _)| name.to_owned()).collect()
    }

    /// Names and values, in no order, without the error's own.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let hidden = |name: &str| self.extras.iter().any(|e| e.name == name);
        let stream = self.stream.iter().map(|l| (&*l.name, &*l.value)).filter(move |(n, _)| !hidden(n));
        stream.chain(self.extras.iter().filter_map(|e| Some((e.name.as_str(), e.value.as_deref()?))))
    }

    /// The stream's labels as far as they are its own still, structured metadata, and what stages added, each ordered.
    pub fn categories(&self) -> Categories {
        let hidden = |name: &str| self.extras.iter().any(|e| e.name == name);
        let stream = self.stream.filter(|name| !hidden(name));
        let of = |metadata: bool| {
            let kept = self.extras.iter().filter(move |e| e.metadata == metadata);
            let mut out: Vec<(String, String)> =
                kept.filter_map(|e| Some((e.name.clone(), e.value.clone()?))).collect();
            out.sort();
            out
        };
        let mut parsed = of(false);
        if let Some((error, details)) = &self.error {
            parsed.push((ERROR.to_owned(), error.clone()));
            parsed.push((ERROR_DETAILS.to_owned(), details.clone()));
        }
        Categories { stream, metadata: of(true), parsed }
    }

    /// Whether these are the stream's labels, untouched.
    pub fn is_stream(&self) -> bool {
        self.extras.is_empty() && self.error.is_none()
    }

    pub fn stream(&self) -> &'a Labels {
        self.stream
    }

    /// All labels, ordered, with the error's own. Empty values of parsers stay.
    pub fn finish(&self) -> Labels {
        if self.is_stream() {
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

/// Labels by where they come from.
#[derive(Debug)]
pub struct Categories {
    pub stream: Labels,
    pub metadata: Vec<(String, String)>,
    pub parsed: Vec<(String, String)>,
}

/// A name made of letters, digits and `_`, not beginning with a digit.
pub fn sanitize(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let digit_first = name.starts_with(|c: char| c.is_ascii_digit());
    if !digit_first && name.chars().all(fine) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 1);
    if digit_first {
        out.push('_');
    }
    out.extend(name.chars().map(|c| if fine(c) { c } else { '_' }));
    Cow::Owned(out)
}
