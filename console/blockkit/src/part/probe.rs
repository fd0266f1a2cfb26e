//! A hook before every step that changes the disk, for tests of crashes and of full disks.

use std::io;

/// What is about to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartStep {
    Create,
    Write,
    SyncFile,
    Rename,
    SyncFolder,
    /// The part is in place; memory forgets its rows next.
    Publish,
    /// Log segments whose rows are all in parts go.
    RemoveSegments,
    /// A part goes: its rows are too old, or in another part.
    RemovePart,
}

pub trait PartProbe: Send + Sync {
    /// An error stops the work as a failed system call would.
    fn before(&self, step: PartStep) -> io::Result<()>;
}

/// Lets everything happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unprobed;

impl PartProbe for Unprobed {
    fn before(&self, _: PartStep) -> io::Result<()> {
        Ok(())
    }
}
