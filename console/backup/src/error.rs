//! What can go wrong.

use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    #[error("{} holds nothing of a console", .0.display())]
    Nothing(PathBuf),
    #[error("{} changed at each of {tries} tries", path.display())]
    Restless { path: PathBuf, tries: usize },
    #[error("{}: {source}", path.display())]
    State { path: PathBuf, source: sqlx::Error },
    #[error("{} is no list of a copy: {why}", path.display())]
    Manifest { path: PathBuf, why: String },
    #[error("{} is not what was copied", .0.display())]
    Damaged(PathBuf),
}

impl BackupError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
