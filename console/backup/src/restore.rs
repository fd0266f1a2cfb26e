//! Into the place of a console that does not run.

use std::{
    fs::{self, File},
    path::Path,
};

use crate::{
    BackupError, FOLDERS, STATE, Summary,
    copy::new_file,
    manifest::{Manifest, copy_bytes, digest_file},
};

/// Whether a copy has users and sessions in it: one of a console that keeps them in Postgres has none.
pub fn holds_state(from: &Path) -> Result<bool, BackupError> {
    Ok(Manifest::read(from)?.files.iter().any(|entry| entry.path == STATE))
}

/// Puts a copy into `data_dir`, which must hold nothing of a console. All sums are compared before the first file is put.
pub fn restore(from: &Path, data_dir: &Path) -> Result<Summary, BackupError> {
    let manifest = Manifest::read(from)?;
    for name in FOLDERS.into_iter().chain([STATE]) {
        let place = data_dir.join(name);
        if place.exists() {
            return Err(BackupError::Exists(place));
        }
    }
    for entry in &manifest.files {
        let path = from.join(&entry.path);
        let found = digest_file(&path).map_err(BackupError::io(&path))?;
        if found != (entry.bytes, entry.sha256.clone()) {
            return Err(BackupError::Damaged(path));
        }
    }
    for entry in &manifest.files {
        let (path, place) = (from.join(&entry.path), data_dir.join(&entry.path));
        if let Some(folder) = place.parent() {
            crate::copy::make_folder(folder)?;
        }
        let mut source = File::open(&path).map_err(BackupError::io(&path))?;
        let copied = copy_bytes(&mut source, &mut new_file(&place)?).map_err(BackupError::io(&place))?;
        if copied != (entry.bytes, entry.sha256.clone()) {
            let _ = fs::remove_file(&place);
            return Err(BackupError::Damaged(path));
        }
    }
    Ok(manifest.summary())
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, Executor as _, sqlite::SqliteConnectOptions};

    use super::*;

    async fn console(folder: &Path) -> sqlx::SqliteConnection {
        fs::create_dir_all(folder.join("metrics/blocks")).unwrap();
        fs::write(folder.join("metrics/0000000000000001.wal"), "samples").unwrap();
        fs::write(folder.join("metrics/blocks/0000000000000001.block"), "block").unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.join(STATE))
            .create_if_missing(true)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
        let mut session = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        session.execute("CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('kim')").await.unwrap();
        session
    }

    /// The row is in SQLite's own log and its session is open: a copy of the file alone would lack it.
    #[tokio::test]
    async fn what_a_running_console_wrote_is_there_after_the_way_back() {
        let (data, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let running = console(data.path()).await;
        let (copy, next) = (place.path().join("copy"), place.path().join("next"));
        let taken = crate::copy(data.path(), &copy, 7).await.unwrap();
        assert!(holds_state(&copy).unwrap());
        assert_eq!(restore(&copy, &next).unwrap(), taken);
        let options = SqliteConnectOptions::new().filename(next.join(STATE));
        let mut session = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let name: String =
            sqlx::query_scalar("SELECT name FROM users").fetch_one(&mut session).await.unwrap();
        assert_eq!(name, "kim");
        assert_eq!(fs::read_to_string(next.join("metrics/0000000000000001.wal")).unwrap(), "samples");
        drop(running);
    }

    #[tokio::test]
    async fn a_damaged_copy_and_a_place_that_is_taken_are_refused_before_anything_is_written() {
        let (data, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let _running = console(data.path()).await;
        let (copy, next) = (place.path().join("copy"), place.path().join("next"));
        crate::copy(data.path(), &copy, 7).await.unwrap();
        assert!(matches!(restore(&copy, data.path()), Err(BackupError::Exists(_))));
        fs::write(copy.join("metrics/blocks/0000000000000001.block"), "blocK").unwrap();
        let told = restore(&copy, &next).unwrap_err().to_string();
        assert!(told.contains("0000000000000001.block is not what was copied"), "{told}");
        assert!(!next.exists());
    }
}
