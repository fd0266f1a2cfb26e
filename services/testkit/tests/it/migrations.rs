//! A release on a database that another release has migrated.

use shop_instrumentation::db;
use shop_testkit::TestDb;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

const FIRST: &str = "CREATE TABLE kept (n int)";
const SECOND: &str = "ALTER TABLE kept ADD COLUMN note text";

/// A release with these migrations, numbered from 1.
fn release(migrations: &[&'static str]) -> Migrator {
    let numbered = (1..).zip(migrations).map(|(version, sql)| {
        Migration::new(version, "test".into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(numbered.collect())
}

#[tokio::test]
async fn a_release_that_was_rolled_back_to_starts_on_the_newer_tables() {
    let db = TestDb::empty().await;
    let (older, newer) = (release(&[FIRST]), release(&[FIRST, SECOND]));
    db::migrate(&db.pool, &newer).await.unwrap();
    db::migrate(&db.pool, &older).await.unwrap();
    sqlx::query("INSERT INTO kept (n) VALUES (1)").execute(&db.pool).await.unwrap();
    db::migrate(&db.pool, &newer).await.expect("nothing was forgotten: the second is not applied again");
}

#[tokio::test]
async fn an_applied_migration_that_was_edited_is_refused() {
    let db = TestDb::empty().await;
    db::migrate(&db.pool, &release(&[FIRST, SECOND])).await.unwrap();
    let edited = release(&["CREATE TABLE kept (n bigint)"]);
    let error = db::migrate(&db.pool, &edited).await.unwrap_err();
    assert!(matches!(error, MigrateError::VersionMismatch(1)), "{error:?}");
}
