//! The tally of a run.

use std::{collections::BTreeMap, fmt};

use super::{Change, judge::Judged};

/// What became of one query.
#[derive(Clone, Debug)]
pub enum Verdict {
    Same,
    /// Equal to 2.42's answer to the translated query.
    Translated(Vec<Change>),
    Excused(Change),
    /// Everything that a reader needs to ask again.
    Different(String),
}

impl Verdict {
    /// Equal answers, to what 2.42 was asked instead.
    pub(super) fn equal(translated: Vec<Change>) -> Self {
        if translated.is_empty() { Self::Same } else { Self::Translated(translated) }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Report {
    pub seed: u64,
    /// Prometheus' version.
    pub peer: String,
    pub queries: usize,
    pub same: usize,
    /// Of the same: both refuse with the same kind of error.
    pub refused: usize,
    pub empty: usize,
    pub translated: usize,
    pub excused: usize,
    pub by_change: BTreeMap<Change, usize>,
    pub different: Vec<String>,
}

impl Report {
    pub(super) fn add(&mut self, judged: Judged) {
        self.queries += 1;
        match judged.verdict {
            Verdict::Same => {
                self.same += 1;
                self.refused += usize::from(judged.is_refused);
                self.empty += usize::from(judged.is_empty);
            }
            Verdict::Translated(changes) => {
                self.translated += 1;
                for change in changes {
                    *self.by_change.entry(change).or_default() += 1;
                }
            }
            Verdict::Excused(change) => {
                self.excused += 1;
                *self.by_change.entry(change).or_default() += 1;
            }
            Verdict::Different(text) => self.different.push(text),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, text) in self.different.iter().enumerate() {
            writeln!(f, "--- difference {}\n{text}", i + 1)?;
        }
        writeln!(f, "seed {}, Prometheus {}", self.seed, self.peer)?;
        writeln!(f, "{:>7}  queries sent", self.queries)?;
        writeln!(
            f,
            "{:>7}  same (of them {} refused by both, {} empty)",
            self.same, self.refused, self.empty
        )?;
        writeln!(f, "{:>7}  same after translation for 2.42", self.translated)?;
        writeln!(f, "{:>7}  different by a documented change", self.excused)?;
        for (change, count) in &self.by_change {
            writeln!(f, "         {count:>6}  {} ({})", change.name(), change.reference())?;
        }
        write!(f, "{:>7}  DIFFERENT", self.different.len())
    }
}
