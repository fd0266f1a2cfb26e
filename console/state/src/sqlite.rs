//! One SQLite file, for the owner only.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    path::Path,
    time::Duration,
};

use sqlx::{
    Connection as _, SqlitePool,
    migrate::MigrateError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::OpenError;

/// Result codes of SQLite (sqlite.org/rescode.html): `SQLITE_CORRUPT`, `SQLITE_NOTADB`.
const DAMAGED: [&str; 2] = ["11", "26"];

/// Opens the file, checks it, and brings it to the newest version. A damaged file is never overwritten.
pub async fn open(file: &Path) -> Result<SqlitePool, OpenError> {
    prepare(file).map_err(|source| OpenError::Unwritable { file: file.to_owned(), source })?;
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    let pool = SqlitePoolOptions::new()
        .max_connections(4)
        .after_release(|connection, _| {
            Box::pin(async move {
                // A roll-back that nobody waited for is done once this is answered.
                connection.ping().await?;
                // SQLite ends some transactions by itself, as on a full disk; sqlx goes on counting, and what comes later on
                // this connection would be a part of one that nobody commits.
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(options)
        .await
        .map_err(|e| database_error(file, e))?;
    let checked: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(&pool)
        .await
        .map_err(|e| database_error(file, e))?;
    if checked != "ok" {
        return Err(OpenError::Corrupt { file: file.to_owned(), what: checked });
    }
    sqlx::migrate!("./migrations/sqlite").run(&pool).await.map_err(|e| migrate_error(file, e))?;
    Ok(pool)
}

/// Makes the folders and the file, for the owner only. SQLite would open a file that it may not write, and fail later.
fn prepare(file: &Path) -> io::Result<()> {
    let mut folders = DirBuilder::new();
    let mut options = OpenOptions::new();
    folders.recursive(true);
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folders.mode(0o700);
        options.mode(0o600);
    }
    if let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) {
        folders.create(folder)?;
    }
    options.open(file).map(drop)
}

fn database_error(file: &Path, source: sqlx::Error) -> OpenError {
    match &source {
        sqlx::Error::Database(e) if e.code().is_some_and(|code| DAMAGED.contains(&&*code)) => {
            OpenError::Corrupt { file: file.to_owned(), what: e.message().to_owned() }
        }
        _ => OpenError::Database { place: place(file), source },
    }
}

fn migrate_error(file: &Path, error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(version) => OpenError::Newer { place: place(file), version },
        MigrateError::Execute(source) => database_error(file, source),
        source => OpenError::Migrate { place: place(file), source },
    }
}

fn place(file: &Path) -> String {
    format!("file {}", file.display())
}
