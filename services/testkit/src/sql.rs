//! Whether the committed metadata of checked queries is what a database with the service's migrations says.
//!
//! The compiler trusts `.sqlx`; this asks the database again, without compiling anything. A migration that changes a
//! column under a query fails here, by the query's text, until `make sqlx` has run.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};

use crate::TestDb;

/// One file of `.sqlx`, as far as the macros believe it.
#[derive(Deserialize)]
struct Metadata {
    query: String,
    describe: Shape,
}

/// What goes into a query and comes out of it.
#[derive(Deserialize)]
struct Shape {
    columns: Vec<Column>,
    parameters: Value,
    /// `None` where nobody knows; the macros take it for `Some(true)`.
    nullable: Vec<Option<bool>>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    type_info: Value,
}

/// Asks a fresh database about every query of `<manifest_dir>/.sqlx`.
///
/// # Panics
///
/// Where one is wrong, and where there is none.
pub async fn metadata_holds(migrator: &Migrator, manifest_dir: &str) {
    let db = TestDb::create(migrator).await;
    let wrong = wrong_metadata(&db.pool, &Path::new(manifest_dir).join(".sqlx")).await;
    assert!(wrong.is_empty(), "`make sqlx` renews these:\n{}", wrong.join("\n"));
}

/// What is wrong in a folder of metadata, a line each: the query and the difference.
pub async fn wrong_metadata(pool: &PgPool, folder: &Path) -> Vec<String> {
    let mut files: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(|entry| entry.ok().map(|e| e.path())).collect(),
        Err(error) => return vec![format!("{}: {error}", folder.display())],
    };
    files.sort();
    if files.is_empty() {
        return vec![format!("{}: no queries", folder.display())];
    }
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        wrong.extend(differences(pool, &file).await.into_iter().map(|what| format!("{name}: {what}")));
    }
    wrong
}

async fn differences(pool: &PgPool, file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let committed: Metadata = match serde_json::from_str(&text) {
        Ok(metadata) => metadata,
        Err(error) => return vec![format!("not the metadata of a query: {error}")],
    };
    let query = &committed.query;
    let described = pool.describe(AssertSqlSafe(query.clone()).into_sql_str()).await;
    let asked: Shape = match described.map(|d| serde_json::to_value(d).and_then(serde_json::from_value)) {
        Ok(Ok(shape)) => shape,
        Ok(Err(error)) => return vec![format!("{query}: what the database says is unreadable: {error}")],
        Err(error) => return vec![format!("{query}: {error}")],
    };
    committed.describe.against(&asked).into_iter().map(|what| format!("{query}: {what}")).collect()
}

impl Shape {
    /// How a database's answer differs from what is committed.
    fn against(&self, asked: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.parameters != asked.parameters {
            found.push(format!("parameters are {}, not {}", asked.parameters, self.parameters));
        }
        let (committed, asked) = (self.rows(), asked.rows());
        if committed != asked {
            found.push(format!("columns are ({}), not ({})", asked.join(", "), committed.join(", ")));
        }
        found
    }

    /// Columns as people write them.
    fn rows(&self) -> Vec<String> {
        let column = |(place, Column { name, type_info }): (usize, &Column)| {
            // A query that says it itself is believed; what Postgres infers there, of an outer join, changes with its plan.
            let is_said = name.split(':').next().unwrap_or_default().ends_with(['!', '?']);
            let known = self.nullable.get(place).copied().flatten() == Some(false) && !is_said;
            format!("{name} {type_info}{}", if known { " NOT NULL" } else { "" })
        };
        self.columns.iter().enumerate().map(column).collect()
    }
}
