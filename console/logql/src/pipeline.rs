//! One line through all stages.

use std::borrow::Cow;

use console_model::{Labels, log::LogEntry};

use crate::{
    ast::LogExpr,
    labels::LabelSet,
    stage::{LineTest, Stage},
};

impl LogExpr {
    /// The line and labels after all stages, if the line stays.
    pub fn run<'a>(&self, stream: &Labels, entry: &'a LogEntry) -> Option<(Cow<'a, str>, LabelSet)> {
        let mut line = Cow::Borrowed(entry.line.as_str());
        let mut labels = LabelSet::new(stream, &entry.metadata);
        for stage in &self.stages {
            if !stage.apply(&mut line, &mut labels) {
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
                Stage::Line { any, wanted: true } => {
                    if let [LineTest::Contains(text)] = any.as_slice()
                        && !text.is_empty()
                    {
                        out.push(text.clone());
                    }
                }
                // Later filters look at another line.
                Stage::LineFormat(_) | Stage::Unpack | Stage::Decolorize(_) => break,
                _ => {}
            }
        }
        out
    }
}
