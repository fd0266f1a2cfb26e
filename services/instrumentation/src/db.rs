//! Postgres: a small pool with short timeouts, migrations at start, and a wrapper that observes each statement.

use std::future::Future;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use sqlx::ConnectOptions as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tracing::Instrument as _;

use crate::metrics::{self, Metrics};

/// Limits of a pool.
#[derive(Debug, Clone, Copy)]
pub struct DbConfig {
    /// Most connections open at a time.
    pub max_connections: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long the server works on one statement.
    pub statement_timeout: Duration,
    /// How long [`migrate`] waits for a database that is not there yet.
    pub startup_patience: Duration,
}

impl Default for DbConfig {
    fn default() -> Self {
        Self {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(5),
            startup_patience: Duration::from_mins(1),
        }
    }
}

/// A pool that connects when first used, so that a service starts while its database is away.
pub fn connect(url: &str, metrics: &Metrics) -> Result<PgPool, sqlx::Error> {
    connect_with(url, metrics, DbConfig::default())
}

/// A pool with other limits.
pub fn connect_with(url: &str, metrics: &Metrics, config: DbConfig) -> Result<PgPool, sqlx::Error> {
    metrics.observe_databases();
    let statement_timeout = format!("{}ms", config.statement_timeout.as_millis());
    let options = PgConnectOptions::from_str(url)?
        .application_name(metrics.service())
        .options([
            ("statement_timeout", statement_timeout),
            ("idle_in_transaction_session_timeout", "15s".to_owned()),
        ])
        .disable_statement_logging();
    Ok(PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .idle_timeout(Duration::from_mins(5))
        .connect_lazy_with(options))
}

/// Applies pending migrations, waiting for a database that is still starting. Several instances may do so at the same
/// time: sqlx holds an advisory lock while it migrates.
pub async fn migrate(pool: &PgPool, migrator: &Migrator) -> Result<(), MigrateError> {
    let give_up_at = Instant::now() + DbConfig::default().startup_patience;
    let mut pause = Duration::from_millis(100);
    loop {
        match migrator.run(pool).await {
            Err(MigrateError::Execute(error)) if is_away(&error) && Instant::now() < give_up_at => {
                tracing::warn!(%error, "database not there yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            result => return result,
        }
    }
}

/// Runs one statement or transaction in a client span and measures it. `operation` is a constant such as
/// `"SELECT orders"`: verb and table, never values.
pub async fn observe<T, F>(operation: &'static str, work: F) -> Result<T, sqlx::Error>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    observe_as(operation, work).await
}

/// As [`observe`], for work whose error is the caller's own type.
pub async fn observe_as<T, E, F>(operation: &'static str, work: F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let span = tracing::info_span!(
        "postgresql",
        otel.name = operation,
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        db.system.name = "postgresql",
        db.operation.name = operation,
    );
    let timer = metrics::db_timer("postgresql", operation);
    let result = work.instrument(span.clone()).await;
    timer.observe_duration();
    if result.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    result
}

/// The name of the constraint that a statement violated, if that is why it failed.
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|cause| cause.constraint())
}

fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        // cannot_connect_now: the server is starting up; and its relatives.
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}
