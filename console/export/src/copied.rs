//! How far a copy is, for the journal and for whoever watches.

use crate::{
    ExportError, Plan, Progress,
    journal::{Journal, Position},
};

/// What has been acknowledged, as it grows.
pub struct Copied<'a> {
    journal: Journal,
    progress: Progress,
    told: &'a mut dyn FnMut(&Progress),
}

impl<'a> Copied<'a> {
    /// Reads the journal, and tells where the copy begins.
    pub fn open(plan: &Plan, told: &'a mut dyn FnMut(&Progress)) -> Result<Self, ExportError> {
        let journal = Journal::open(plan)?;
        let progress = Progress::new(plan, journal.position());
        told(&progress);
        Ok(Self { journal, progress, told })
    }

    pub fn position(&self) -> Position {
        self.journal.position()
    }

    /// Everything before `position` is acknowledged.
    pub fn advance(&mut self, position: Position) -> Result<(), ExportError> {
        self.journal.advance(position)?;
        self.progress.position = position;
        (self.told)(&self.progress);
        Ok(())
    }

    pub fn into_progress(self) -> Progress {
        self.progress
    }
}
