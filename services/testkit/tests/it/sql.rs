//! The check of committed metadata finds what changed under a query.

use std::fs;

use shop_testkit::TestDb;
use shop_testkit::sql::wrong_metadata;

const METADATA: &str = r#"{
  "db_name": "PostgreSQL",
  "query": "SELECT id, note FROM things WHERE pieces > $1",
  "describe": {
    "columns": [
      { "ordinal": 0, "name": "id", "type_info": "Int8" },
      { "ordinal": 1, "name": "note", "type_info": "Text" }
    ],
    "parameters": { "Left": ["Int4"] },
    "nullable": [false, true]
  },
  "hash": ""
}"#;

/// What is wrong with the metadata after `change`.
async fn wrong_after(change: &'static str, metadata: &str) -> Vec<String> {
    let db = TestDb::empty().await;
    let table = "CREATE TABLE things (id bigint PRIMARY KEY, note text, pieces integer NOT NULL)";
    sqlx::raw_sql(table).execute(&db.pool).await.unwrap();
    sqlx::raw_sql(change).execute(&db.pool).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("query-a.json"), metadata).unwrap();
    wrong_metadata(&db.pool, folder.path()).await
}

#[tokio::test]
async fn what_the_database_says_too_is_right() {
    assert_eq!(wrong_after("SELECT 1", METADATA).await, Vec::<String>::new());
}

#[tokio::test]
async fn every_change_under_a_query_is_told_with_its_text() {
    for (change, told) in [
        ("ALTER TABLE things ALTER note SET NOT NULL", r#"(id "Int8" NOT NULL, note "Text" NOT NULL), not"#),
        ("ALTER TABLE things ALTER id TYPE integer", r#"(id "Int4" NOT NULL, note "Text"), not"#),
        ("ALTER TABLE things ALTER pieces TYPE bigint", r#"parameters are {"Left":["Int8"]}, not"#),
        ("ALTER TABLE things DROP note", "column \"note\" does not exist"),
        ("DROP TABLE things", "relation \"things\" does not exist"),
    ] {
        let wrong = wrong_after(change, METADATA).await;
        assert_eq!(wrong.len(), 1, "{change}: {wrong:?}");
        let query = "query-a.json: SELECT id, note FROM things WHERE pieces > $1: ";
        assert!(wrong[0].starts_with(query) && wrong[0].contains(told), "{change}: {wrong:?}");
    }
}

#[tokio::test]
async fn files_that_are_no_metadata_and_a_folder_without_any_are_told() {
    assert!(wrong_after("SELECT 1", "{}").await[0].contains("query-a.json: not the metadata of a query"));
    let db = TestDb::empty().await;
    let folder = tempfile::tempdir().unwrap();
    assert!(wrong_metadata(&db.pool, folder.path()).await[0].ends_with("no queries"));
    assert!(wrong_metadata(&db.pool, &folder.path().join("gone")).await[0].contains("gone: "));
}

#[tokio::test]
async fn what_a_query_says_itself_about_null_is_believed() {
    let said = METADATA
        .replace("id, note FROM", r#"id, note AS \"note?\" FROM"#)
        .replace(r#""note","#, r#""note?","#);
    assert_eq!(wrong_after("ALTER TABLE things ALTER note SET NOT NULL", &said).await, Vec::<String>::new());
}
