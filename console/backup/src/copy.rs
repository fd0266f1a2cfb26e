//! Out of a running console.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};

use crate::{
    BackupError, FOLDERS, STATE, Summary,
    manifest::{Entry, Manifest, copy_bytes, digest_file},
};

/// Retention, a flush and a merge may each take files away once; nothing does so all the time.
const TRIES: usize = 20;
const LOG: &str = "wal";
/// Being written, set aside as damaged, or held by whoever runs.
const NOT_COPIED: [&str; 3] = ["tmp", "damaged", "lock"];

/// Copies what the console keeps below `data_dir` into the new folder `to`. The console may run; `began_ms` is the time now.
pub async fn copy(data_dir: &Path, to: &Path, began_ms: i64) -> Result<Summary, BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    // A copy that was cut off is never taken for a whole one.
    let partial = to.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(BackupError::io(&partial))?;
    }
    make_folder(&partial)?;
    let mut files = Vec::new();
    for folder in FOLDERS {
        files.extend(store(data_dir, folder, &partial, &mut |_| {})?);
    }
    files.extend(state(data_dir, &partial).await?);
    if files.is_empty() {
        let _ = fs::remove_dir_all(&partial);
        return Err(BackupError::Nothing(data_dir.to_owned()));
    }
    let manifest = Manifest::new(began_ms, files);
    manifest.write(&partial)?;
    fs::rename(&partial, to).map_err(BackupError::io(to))?;
    Ok(manifest.summary())
}

pub fn make_folder(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(BackupError::io(path))
}

/// One store, again from the beginning when a file that was seen is gone. `before` is told of each file.
fn store(
    data_dir: &Path,
    name: &str,
    to: &Path,
    before: &mut dyn FnMut(&Path),
) -> Result<Vec<Entry>, BackupError> {
    let from = data_dir.join(name);
    if !from.is_dir() {
        return Ok(Vec::new());
    }
    for _ in 0..TRIES {
        let target = to.join(name);
        if target.exists() {
            fs::remove_dir_all(&target).map_err(BackupError::io(&target))?;
        }
        make_folder(&target)?;
        match logs_then_others(data_dir, &from, to, before) {
            Err(BackupError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            done => return done,
        }
    }
    Err(BackupError::Restless { path: from, tries: TRIES })
}

fn logs_then_others(
    data_dir: &Path,
    from: &Path,
    to: &Path,
    before: &mut dyn FnMut(&Path),
) -> Result<Vec<Entry>, BackupError> {
    let mut copied = Vec::new();
    for logs in [true, false] {
        // Looked at anew: a block that came while logs were copied belongs to the copy.
        for path in files(from)?.into_iter().filter(|path| has_extension(path, &[LOG]) == logs) {
            before(&path);
            copied.push(file(data_dir, &path, to)?);
        }
    }
    Ok(copied)
}

/// All files below a folder, oldest names first.
fn files(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(BackupError::io(folder))? {
        let path = entry.map_err(BackupError::io(folder))?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if !has_extension(&path, &NOT_COPIED) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e))
}

fn file(data_dir: &Path, path: &Path, to: &Path) -> Result<Entry, BackupError> {
    let below = path.strip_prefix(data_dir).unwrap_or(path);
    let mut source = File::open(path).map_err(BackupError::io(path))?;
    // As long as it is now: a log that grows faster than it is copied would have no end.
    let length = source.metadata().map_err(BackupError::io(path))?.len();
    let target = to.join(below);
    if let Some(folder) = target.parent() {
        make_folder(folder)?;
    }
    let mut out = new_file(&target)?;
    let copied = copy_bytes(&mut (&mut source).take(length), &mut out);
    let (bytes, sha256) = copied.map_err(BackupError::io(path))?;
    Ok(Entry { path: below.display().to_string(), bytes, sha256 })
}

pub fn new_file(path: &Path) -> Result<File, BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path).map_err(BackupError::io(path))
}

/// SQLite's own copy: of one moment, whatever is written meanwhile (sqlite.org/lang_vacuum.html).
async fn state(data_dir: &Path, to: &Path) -> Result<Option<Entry>, BackupError> {
    let path = data_dir.join(STATE);
    if !path.is_file() {
        return Ok(None);
    }
    let target = to.join(STATE);
    let fail = |source| BackupError::State { path: path.clone(), source };
    let options =
        SqliteConnectOptions::new().filename(&path).busy_timeout(std::time::Duration::from_secs(10));
    let mut session = SqliteConnection::connect_with(&options).await.map_err(fail)?;
    // For the owner alone from its first byte; SQLite takes an empty file.
    drop(new_file(&target)?);
    let into = target.display().to_string().replace('\'', "''");
    session.execute(AssertSqlSafe(format!("VACUUM INTO '{into}'"))).await.map_err(fail)?;
    session.close().await.map_err(fail)?;
    let (bytes, sha256) = digest_file(&target).map_err(BackupError::io(&target))?;
    Ok(Some(Entry { path: STATE.to_owned(), bytes, sha256 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console() -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("metrics/0000000000000001.wal", "one"),
            ("metrics/0000000000000002.wal", "two"),
            ("metrics/blocks/0000000000000001.block", "block"),
            ("metrics/blocks/0000000000000002.tmp", "half"),
            ("logs/0000000000000001.wal", "line"),
            ("alerting/alerting-state.json", "{}"),
            ("quarterdeck.yml", "tokens"),
        ] {
            let file = data.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        data
    }

    fn paths(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|e| e.path.as_str()).collect()
    }

    /// A flush between the two: what left the log is in the block, and the block is copied after the log.
    #[test]
    fn logs_are_copied_before_blocks_and_a_block_that_came_meanwhile_is_copied_too() {
        let (data, to) = (console(), tempfile::tempdir().unwrap());
        let late = data.path().join("metrics/blocks/0000000000000003.block");
        let copied = store(data.path(), "metrics", to.path(), &mut |path| {
            if path.ends_with("0000000000000002.wal") {
                fs::write(&late, "late").unwrap();
            }
        });
        let copied = copied.unwrap();
        let expected = [
            "metrics/0000000000000001.wal",
            "metrics/0000000000000002.wal",
            "metrics/blocks/0000000000000001.block",
            "metrics/blocks/0000000000000003.block",
        ];
        assert_eq!(paths(&copied), expected);
        assert_eq!(
            (copied[3].bytes, fs::read_to_string(to.path().join(expected[3])).unwrap().as_str()),
            (4, "late")
        );
    }

    /// A merge takes blocks away that were seen: their successor may have been missed.
    #[test]
    fn a_store_whose_file_went_away_meanwhile_is_copied_from_the_beginning() {
        let (data, to) = (console(), tempfile::tempdir().unwrap());
        let old = data.path().join("metrics/blocks/0000000000000001.block");
        let copied = store(data.path(), "metrics", to.path(), &mut |path| {
            if path == old && old.exists() {
                fs::write(data.path().join("metrics/blocks/0000000000000004.block"), "merged").unwrap();
                fs::remove_file(&old).unwrap();
            }
        });
        let copied = copied.unwrap();
        assert_eq!(paths(&copied)[2..], ["metrics/blocks/0000000000000004.block"]);
        assert!(!to.path().join("metrics/blocks/0000000000000001.block").exists());
    }

    #[test]
    fn a_store_that_never_rests_is_told() {
        let (data, to) = (console(), tempfile::tempdir().unwrap());
        let mut next = 2;
        let told = store(data.path(), "logs", to.path(), &mut |path| {
            fs::rename(path, data.path().join(format!("logs/{next:016x}.wal"))).unwrap();
            next += 1;
        });
        assert!(matches!(told, Err(BackupError::Restless { tries: TRIES, .. })), "{told:?}");
    }

    #[tokio::test]
    async fn configuration_is_left_out_and_a_copy_is_never_written_over_another() {
        let (data, place) = (console(), tempfile::tempdir().unwrap());
        let to = place.path().join("copy");
        let summary = copy(data.path(), &to, 7).await.unwrap();
        assert_eq!((summary.files, summary.began_ms), (5, 7));
        assert!(!to.join("quarterdeck.yml").exists());
        assert!(matches!(copy(data.path(), &to, 8).await, Err(BackupError::Exists(_))));
        let nothing = copy(place.path(), &place.path().join("other"), 9).await;
        assert!(matches!(nothing, Err(BackupError::Nothing(_))), "{nothing:?}");
    }
}
