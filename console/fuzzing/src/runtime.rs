//! Sources are asynchronous; the bodies of targets are not.

use std::{fs, path::Path, sync::OnceLock};

use console_storage::SourceError;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Waits for an answer. One that broke down inside is a broken promise.
pub(crate) fn answer<T>(work: impl Future<Output = Result<T, SourceError>>) -> Result<T, SourceError> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a thread can be started")
    });
    let answer = runtime.block_on(work);
    if let Err(broken @ (SourceError::Internal(_) | SourceError::ReadAgain)) = &answer {
        panic!("the query broke down: {broken}");
    }
    answer
}

/// A folder for files that only one body sees; in memory where the machine has such a place.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if fs::metadata(memory).is_ok_and(|m| m.is_dir()) {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.expect("a temporary folder can be made")
}
