//! A hook before every step that changes the disk, for tests of crashes and of full disks.

use std::io;

/// What is about to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockStep {
    Create,
    Write,
    SyncFile,
    Rename,
    SyncFolder,
    /// The block is in place; memory forgets its samples next.
    Publish,
    /// Log segments whose samples are all in blocks go.
    RemoveSegments,
    /// A block goes: its samples are too old, or in another block.
    RemoveBlock,
}

pub trait BlockProbe: Send + Sync {
    /// An error stops the work as a failed system call would.
    fn before(&self, step: BlockStep) -> io::Result<()>;
}

/// Lets everything happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unprobed;

impl BlockProbe for Unprobed {
    fn before(&self, _: BlockStep) -> io::Result<()> {
        Ok(())
    }
}
