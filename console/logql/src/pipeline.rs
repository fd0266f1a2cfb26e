//! One line through all stages, and what of it a reader needs.

use std::borrow::Cow;

use console_model::{Labels, log::LogEntry};
use console_storage::logs::LineRef;

use crate::{
    ast::{Grouping, LogExpr, Unwrap},
    labels::LabelSet,
    literals,
    stage::{Format, LineTest, Moment, Stage},
};

impl LogExpr {
    /// The line and labels after all stages, if the line stays.
    pub fn run<'a>(
        &self,
        stream: &'a Labels,
        entry: &'a LogEntry,
        now_ms: i64,
    ) -> Option<(Cow<'a, str>, LabelSet<'a>)> {
        let metadata = entry.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let labels = LabelSet::new(stream, metadata, None);
        self.stages(&entry.line, labels, Moment { t_ns: entry.t_ns, now_ms })
    }

    /// As [`LogExpr::run`], of a line where it lies, with only the labels that `wanted` names.
    pub fn run_ref<'a>(
        &self,
        stream: &'a Labels,
        entry: &LineRef<'a>,
        wanted: Option<&'a [String]>,
        now_ms: i64,
    ) -> Option<(Cow<'a, str>, LabelSet<'a>)> {
        let labels = LabelSet::new(stream, entry.metadata.iter().copied(), wanted);
        self.stages(entry.line, labels, Moment { t_ns: entry.t_ns, now_ms })
    }

    fn stages<'a>(
        &self,
        line: &'a str,
        mut labels: LabelSet<'a>,
        moment: Moment,
    ) -> Option<(Cow<'a, str>, LabelSet<'a>)> {
        let mut line = Cow::Borrowed(line);
        for stage in &self.stages {
            if !stage.apply(&mut line, &mut labels, moment) {
                return None;
            }
        }
        Some((line, labels))
    }

    /// Substrings that every wanted line contains as it is stored.
    pub fn hints(&self) -> Vec<String> {
        let mut out = Vec::new();
        for stage in &self.stages {
            match stage {
                Stage::Line { any, wanted: true } => match any.as_slice() {
                    [LineTest::Contains(text)] => out.push(text.text().to_owned()),
                    [LineTest::Regex(regex)] => out.extend(literals::required(regex.as_str())),
                    [LineTest::Pattern(pattern)] => out.extend(pattern.literals().map(str::to_owned)),
                    _ => {}
                },
                // Later filters look at another line.
                Stage::LineFormat(_) | Stage::Unpack | Stage::Decolorize(_) => break,
                _ => {}
            }
        }
        out.retain(|text| !text.is_empty());
        out
    }

    /// Names of all labels that stages, a grouping and an unwrap look at. `None`: all of them matter.
    pub fn needs(&self, grouping: Option<&Grouping>, unwrap: Option<&Unwrap>) -> Option<Vec<String>> {
        let grouping = grouping.filter(|g| !g.without)?;
        let mut out = grouping.labels.clone();
        if let Some(unwrap) = unwrap {
            out.push(unwrap.label.clone());
            unwrap.filters.iter().for_each(|f| f.names(&mut out));
        }
        for stage in &self.stages {
            match stage {
                Stage::Labels(filter) => filter.names(&mut out),
                Stage::LineFormat(template) => out.extend(template.fields()?),
                Stage::LabelFormat(formats) => {
                    for (_, format) in formats {
                        match format {
                            Format::Rename(from) => out.push(from.clone()),
                            Format::Template(template) => out.extend(template.fields()?),
                        }
                    }
                }
                Stage::Drop(chosen) | Stage::Keep(chosen) => {
                    out.extend(chosen.iter().filter(|c| c.test.is_some()).map(|c| c.name.clone()));
                }
                Stage::Line { .. }
                | Stage::Json(_)
                | Stage::Logfmt(_)
                | Stage::Regexp(_)
                | Stage::Pattern(_)
                | Stage::Unpack
                | Stage::Decolorize(_) => {}
            }
        }
        out.sort();
        out.dedup();
        Some(out)
    }

    /// Whether lines neither leave nor change, nor get labels from anywhere.
    pub fn is_bare(&self) -> bool {
        self.stages.is_empty()
    }
}
