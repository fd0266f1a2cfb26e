//! Warnings and infos of an evaluation, each once, with the place in the query that they are about.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::{
    engine::calendar,
    gofmt::{Quoted, general, two_digits},
    position::Span,
};

/// Buckets that were made monotonic, over all steps and series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forced {
    pub t_ms: (i64, i64),
    pub buckets: (f64, f64),
    pub largest: f64,
    pub count: usize,
}

impl Forced {
    fn and(self, o: Self) -> Self {
        Self {
            t_ms: (self.t_ms.0.min(o.t_ms.0), self.t_ms.1.max(o.t_ms.1)),
            buckets: (self.buckets.0.min(o.buckets.0), self.buckets.1.max(o.buckets.1)),
            largest: self.largest.max(o.largest),
            count: self.count + o.count,
        }
    }

    fn describe(&self) -> String {
        format!(
            ", from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
            general(self.buckets.0),
            general(self.buckets.1),
            two_digits(self.largest),
            self.count,
            calendar::rfc3339(self.t_ms.0.div_euclid(1000)),
            calendar::rfc3339(self.t_ms.1.div_euclid(1000)),
        )
    }
}

#[derive(Clone, Copy, Debug)]
struct Note {
    span: Span,
    forced: Option<Forced>,
    /// How often it was said; counted for those that show it.
    times: usize,
}

impl Note {
    fn at(span: Span) -> Self {
        Self { span, forced: None, times: 1 }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: Mutex<BTreeMap<String, Note>>,
    infos: Mutex<BTreeMap<String, Note>>,
}

impl Notes {
    pub fn warn(&self, span: Span, message: impl Into<String>) {
        self.warnings.lock().insert(message.into(), Note::at(span));
    }

    pub fn info(&self, span: Span, message: impl Into<String>) {
        self.infos.lock().insert(message.into(), Note::at(span));
    }

    pub fn info_forced(&self, span: Span, message: String, forced: Forced) {
        let mut infos = self.infos.lock();
        let before = infos.get(&message).and_then(|n| n.forced);
        let forced = Some(before.map_or(forced, |b| b.and(forced)));
        infos.insert(message, Note { forced, ..Note::at(span) });
    }

    /// A sample of `metric` says that its counter started before the end of what the one before it counts.
    pub fn warn_overlap(&self, span: Span, metric: &str) {
        let message = format!(
            "sample has start time that overlaps with previous sample timestamp for metric {}",
            Quoted(metric)
        );
        let mut warnings = self.warnings.lock();
        // The place stays where it was first said.
        warnings.entry(message).and_modify(|n| n.times += 1).or_insert_with(|| Note::at(span));
    }

    /// Warnings and infos as Prometheus' API shows them.
    pub fn render(&self, text: &str) -> (Vec<String>, Vec<String>) {
        let shown = |kind: &str, notes: &BTreeMap<String, Note>| {
            let line = |(message, note): (&String, &Note)| {
                let more = match note {
                    Note { forced: Some(f), .. } => f.describe(),
                    Note { times: 1, .. } => String::new(),
                    Note { times, .. } => format!(" ({times} occurrences)"),
                };
                format!("PromQL {kind}: {message}{more} ({})", note.span.line_column(text))
            };
            notes.iter().map(line).collect()
        };
        (shown("warning", &self.warnings.lock()), shown("info", &self.infos.lock()))
    }
}

/// ` for metric name "x"`, or nothing.
pub(crate) fn of_metric(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" for metric name {}", Quoted(name)) }
}
