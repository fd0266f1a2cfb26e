use std::{fs, path::Path};

use console_state::{OpenError, State, StateConfig};
use tempfile::TempDir;

use crate::harness::{Bench, NOW};

async fn refused(file: impl AsRef<Path>) -> OpenError {
    State::open(StateConfig::new(file.as_ref())).await.err().expect("the file is refused")
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_named() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a file"), "").unwrap();
    for file in [dir.path().to_owned(), dir.path().join("a file/state.db")] {
        let error = refused(&file).await;
        assert!(matches!(error, OpenError::Unwritable { .. }), "{error:?}");
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("state.db");
    let text = "this is no database ".repeat(500);
    fs::write(&file, &text).unwrap();
    let error = refused(&file).await;
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("state.db"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_page_is_found_at_the_start() {
    let b = Bench::new().await;
    b.state.close().await;
    let file = b.dir.path().join("console/state.db");
    let mut bytes = fs::read(&file).unwrap();
    assert!(bytes.len() > 8192);
    bytes[4096..].fill(0xff);
    fs::write(&file, bytes).unwrap();
    let error = refused(&file).await;
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let b = Bench::new().await;
    let file = b.dir.path().join("console/state.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    b.state.close().await;
    let error = refused(&file).await;
    assert!(matches!(error, OpenError::Newer { version: 9999, .. }), "{error:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let b = Bench::new().await;
    b.token(NOW).await;
    for name in ["state.db", "state.db-wal"] {
        let mode = fs::metadata(b.dir.path().join("console").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
