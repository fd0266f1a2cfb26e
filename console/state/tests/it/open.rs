use std::{fs, path::Path, time::Duration};

use console_state::{OpenError, Place, PostgresConfig, State, StateConfig};
use shop_testkit::TestDb;
use sqlx::migrate::Migrate as _;
use tempfile::TempDir;

use crate::harness::{Bench, Kept, NOW};

fn folder(b: &Bench) -> &Path {
    match &b.kept {
        Kept::File(dir) => dir.path(),
        Kept::Postgres(_) => unreachable!("this bench is a file's"),
    }
}

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
    let b = Bench::in_file().await;
    b.state.close().await;
    let file = folder(&b).join("console/state.db");
    let mut bytes = fs::read(&file).unwrap();
    assert!(bytes.len() > 8192);
    bytes[4096..].fill(0xff);
    fs::write(&file, bytes).unwrap();
    let error = refused(&file).await;
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let b = Bench::in_file().await;
    let file = folder(&b).join("console/state.db");
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

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_its_password_is_not_told() {
    let b = Bench::in_postgres().await;
    let db = b.db();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, '\\x00', 0)",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    let config = StateConfig::at(Place::Postgres(PostgresConfig::new(db.url.replace("app@", "app:secret@"))));
    assert!(!format!("{config:?}").contains("secret"));
    let error = State::open(config).await.err().expect("the database is refused");
    assert!(matches!(error, OpenError::Newer { version: 9999, .. }), "{error:?}");
    assert!(
        error.to_string().contains("database t") && !format!("{error:?}").contains("secret"),
        "{error:?}"
    );
    assert!(b.state.find_session("x", NOW).await.is_ok(), "who runs already goes on");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_after_a_while() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().display().to_string().replace('/', "%2F");
    let mut postgres = PostgresConfig::new(format!("postgres://kim:secret@{socket}/console"));
    postgres.startup_timeout = Duration::from_millis(300);
    let error = State::open(StateConfig::at(Place::Postgres(postgres))).await.err().expect("nobody is there");
    assert!(matches!(error, OpenError::NoServer { source: Some(_), .. }), "{error:?}");
    assert!(
        error.to_string().contains("database console at /") && !format!("{error:?}").contains("secret"),
        "{error:?}"
    );
}

#[tokio::test]
async fn who_waits_in_vain_to_migrate_says_so() {
    let db = TestDb::empty().await;
    let mut other = db.pool.acquire().await.unwrap();
    other.lock().await.unwrap();
    let mut postgres = PostgresConfig::new(&db.url);
    postgres.migrate_timeout = Duration::from_millis(300);
    let opened = State::open(StateConfig::at(Place::Postgres(postgres)));
    let opened = tokio::time::timeout(Duration::from_secs(20), opened).await.expect("the wait is bounded");
    let error = opened.err().expect("another one migrates");
    assert!(matches!(error, OpenError::MigrateTimeout { .. }), "{error:?}");
    assert!(error.to_string().contains("database t"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let b = Bench::in_file().await;
    b.token(NOW).await;
    for name in ["state.db", "state.db-wal"] {
        let mode = fs::metadata(folder(&b).join("console").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
