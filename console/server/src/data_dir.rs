//! The folder of what a console keeps is its own: two would each delete what the other has just written.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

const LOCK: &str = "console.lock";

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("data_dir: {}: another console uses it", .0.display())]
    Used(PathBuf),
    #[error("data_dir: {}: it cannot be written to", folder.display())]
    Unusable { folder: PathBuf, source: io::Error },
}

/// Makes the folder and keeps others out until what it returns is dropped, or the process ends, however that happens.
pub fn lock(folder: &Path) -> Result<File, DataDirError> {
    let unusable = |source| DataDirError::Unusable { folder: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(unusable)?;
    let file = OpenOptions::new().create(true).append(true).open(folder.join(LOCK)).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataDirError::Used(folder.to_owned())),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            tracing::warn!(folder = %folder.display(), "this file system has no locks: see that no other console uses it");
            Ok(file)
        }
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_consoles_until_that_ends() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("data");
        let first = lock(&folder).unwrap();
        let error = lock(&folder).unwrap_err();
        assert_eq!(error.to_string(), format!("data_dir: {}: another console uses it", folder.display()));
        drop(first);
        lock(&folder).unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(lock(&file), Err(DataDirError::Unusable { .. })));
    }
}
