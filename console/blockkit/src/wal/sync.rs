//! Which part of the log is on the disk. Those who wait for it share one `fdatasync`: the first of them makes it, for
//! everything that is in the log by then, and the others wait for that one or for the next.
//!
//! What a failed `fdatasync` was to put on the disk is lost for good: the kernel may have dropped those pages, and the
//! next call would say that all is well.

use std::{fmt, io, path::Path, sync::Arc};

use parking_lot::{Condvar, Mutex};

/// Stretches that were lost and are remembered one by one; older ones are joined, with what lies between them.
const MOST_LOST: usize = 64;

/// A place in the log: bytes that were put into it since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub(super) u64);

/// When a push may be acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncMode {
    /// Once the kernel has it: it survives the end of the process. A power cut takes what came since the last
    /// [`sync`](super::Wal::sync).
    #[default]
    Interval,
    /// Once it is on the disk.
    Always,
}

/// A hook before each `fdatasync` of a segment, for tests of failing disks.
pub trait SyncProbe: fmt::Debug + Send + Sync {
    /// An error stands for one of `fdatasync`, which is not called then.
    fn before(&self, segment: &Path) -> io::Result<()>;
}

/// Lets everything happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl SyncProbe for Unwatched {
    fn before(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// When pushes are acknowledged, and who looks on.
#[derive(Clone, Debug)]
pub struct SyncPolicy {
    pub mode: SyncMode,
    pub probe: Arc<dyn SyncProbe>,
}

impl Default for SyncPolicy {
    fn default() -> Self {
        Self::of(SyncMode::default())
    }
}

impl SyncPolicy {
    pub fn of(mode: SyncMode) -> Self {
        Self { mode, probe: Arc::new(Unwatched) }
    }
}

/// Whose turn it is.
pub(super) enum Turn<'a> {
    Synced,
    /// With why.
    Lost(String),
    /// The caller's own: everything that the log holds is to be synced.
    Lead(Leader<'a>),
}

#[derive(Debug, Default)]
pub(super) struct Group {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    synced: u64,
    /// Stretches `from < position <= to`, rising.
    lost: Vec<(u64, u64)>,
    cause: String,
    has_leader: bool,
}

impl Group {
    /// Waits until a position is on the disk or lost, or until nobody is at it.
    pub fn turn(&self, position: Position) -> Turn<'_> {
        let mut state = self.state.lock();
        loop {
            if state.lost.iter().any(|(from, to)| *from < position.0 && position.0 <= *to) {
                return Turn::Lost(state.cause.clone());
            }
            if position.0 <= state.synced {
                return Turn::Synced;
            }
            if !state.has_leader {
                state.has_leader = true;
                return Turn::Lead(Leader { group: self });
            }
            self.done.wait(&mut state);
        }
    }

    /// Everything up to here that was not on the disk before never will be. Before the next leader looks, so that nobody
    /// is told otherwise.
    pub fn lose(&self, until: Position, cause: &str) {
        let mut state = self.state.lock();
        let from = state.synced.max(state.lost.last().map_or(0, |(_, to)| *to));
        if from >= until.0 {
            return;
        }
        cause.clone_into(&mut state.cause);
        match state.lost.last_mut() {
            Some((_, to)) if *to == from => *to = until.0,
            _ => state.lost.push((from, until.0)),
        }
        if state.lost.len() > MOST_LOST {
            let (from, _) = state.lost.remove(0);
            if let Some(first) = state.lost.first_mut() {
                first.0 = from;
            }
        }
        self.done.notify_all();
    }

    pub fn synced(&self) -> Position {
        Position(self.state.lock().synced)
    }
}

/// The one who syncs for all. Another may once it is dropped.
pub(super) struct Leader<'a> {
    group: &'a Group,
}

impl Leader<'_> {
    /// Everything up to here is on the disk, unless it was lost.
    pub fn synced(self, until: Position) {
        let mut state = self.group.state.lock();
        state.synced = state.synced.max(until.0);
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        self.group.state.lock().has_leader = false;
        self.group.done.notify_all();
    }
}
