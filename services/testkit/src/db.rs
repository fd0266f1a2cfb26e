//! A database for one test.

use std::str::FromStr as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use testcontainers_modules::postgres::Postgres;

use crate::backend::{Backend, chosen};
use crate::{docker, local};

/// An empty, migrated database that no other test sees.
pub struct TestDb {
    /// A pool on it.
    pub pool: PgPool,
    /// Its URL, for a second pool or a process.
    pub url: String,
    _container: Option<docker::Container<Postgres>>,
}

impl TestDb {
    /// Makes a database and applies `migrator`.
    pub async fn create(migrator: &Migrator) -> Self {
        let db = Self::empty().await;
        migrator.run(&db.pool).await.expect("the migrations apply to an empty database");
        db
    }

    /// Makes a database without any table.
    pub async fn empty() -> Self {
        let (url, container) = match chosen() {
            Backend::Docker => {
                let container = docker::postgres().await;
                (container.url.clone(), Some(container))
            }
            Backend::Local => (create_local().await, None),
        };
        let options = PgConnectOptions::from_str(&url).expect("the URL is well formed");
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options)
            .await
            .expect("the new database takes connections");
        Self { pool, url, _container: container }
    }
}

async fn create_local() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let directory = tokio::task::spawn_blocking(local::postgres).await.expect("the local Postgres starts");
    let socket = directory.display().to_string().replace('/', "%2F");
    let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = connect_patiently(&format!("postgres://app@{socket}:5432/postgres")).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&admin)
        .await
        .expect("a database can be made");
    admin.close().await;
    format!("postgres://app@{socket}:5432/{name}")
}

/// The socket exists a moment before the server takes sessions.
async fn connect_patiently(url: &str) -> PgPool {
    let options = PgConnectOptions::from_str(url).expect("the URL is well formed");
    crate::eventually_some("the local Postgres takes connections", || {
        let options = options.clone();
        async move { PgPoolOptions::new().max_connections(1).connect_with(options).await.ok() }
    })
    .await
}
