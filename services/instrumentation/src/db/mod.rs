//! Postgres: a small pool with short timeouts that follows the primary of a cluster, migrations at start, and a wrapper
//! that observes each statement.
//!
//! What must always hold: a server that takes no writes any more, or is going away, costs the requests in hand and no
//! later ones. Their connections are not used again, and the pool finds the new primary by itself.

mod faults;
mod follower;
mod hosts;

use std::future::Future;
use std::time::{Duration, Instant};

use sqlx::ConnectOptions as _;
use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use self::follower::Freshness;
use self::hosts::Hosts;
use crate::dependency::{self, Failed};
use crate::faults::is_misconfigured;
use crate::metrics::Metrics;

/// A connection that was idle for longer is asked whether it still works before it is used.
const IDLE_WITHOUT_QUESTION: Duration = Duration::from_secs(1);
/// How long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest time for one observed operation, a transaction of several statements included. The server ends statements
/// earlier; this is for a server that has vanished without a word.
const LONGEST_OPERATION: Duration = Duration::from_secs(20);

/// Limits of a pool.
#[derive(Debug, Clone, Copy)]
pub struct DbConfig {
    /// Most connections open at a time.
    pub max_connections: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long the server works on one statement.
    pub statement_timeout: Duration,
    /// How long a connection is used: whatever a server or a load balancer has forgotten about it ends with it.
    pub max_lifetime: Duration,
    /// How long an unused connection stays open.
    pub idle_timeout: Duration,
    /// How long [`migrate`] waits for a database that is not there yet.
    pub startup_timeout: Duration,
}

impl Default for DbConfig {
    fn default() -> Self {
        Self {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(5),
            max_lifetime: Duration::from_mins(10),
            idle_timeout: Duration::from_mins(2),
            startup_timeout: Duration::from_mins(1),
        }
    }
}

/// A pool that connects when first used, so that a service starts while its database is away. `url` may name several
/// hosts; with `target_session_attrs=read-write` the one that takes writes is found and followed. Must be called inside
/// a runtime.
pub fn connect(url: &str, metrics: &Metrics) -> Result<PgPool, sqlx::Error> {
    connect_with(url, metrics, DbConfig::default())
}

/// A pool with other limits.
pub fn connect_with(url: &str, metrics: &Metrics, config: DbConfig) -> Result<PgPool, sqlx::Error> {
    metrics.observe_databases();
    let mut hosts = Hosts::parse(url)?;
    for options in &mut hosts.options {
        *options = session(options.clone(), metrics.service(), config);
    }
    let freshness = Freshness::new();
    let (fresh, wants_writes) = (freshness.clone(), hosts.wants_writes);
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .max_lifetime(config.max_lifetime)
        .idle_timeout(config.idle_timeout)
        // The question costs a round trip: `before_acquire` asks it only of connections that were idle for a while.
        .test_before_acquire(false)
        .before_acquire(move |connection, state| {
            let is_fresh = fresh.allows(state.age);
            Box::pin(async move {
                if !is_fresh {
                    return Err(not_now("the connection is from before a change of servers"));
                }
                if is_misconfigured() {
                    return Err(not_now("the connection is from before the configuration went wrong"));
                }
                faults::sleep(connection).await?;
                if state.idle_for < IDLE_WITHOUT_QUESTION {
                    return Ok(true);
                }
                match tokio::time::timeout(PING_TIMEOUT, connection.ping()).await {
                    Ok(answer) => answer.map(|()| true),
                    Err(_) => Err(not_now("the connection is silent")),
                }
            })
        })
        // sqlx asks the same, and waits for the answer of a server that went silent for ever, with a place of the pool.
        .after_release(move |connection, _| {
            Box::pin(async move {
                // The server may still work on a statement that nobody waits for.
                match tokio::time::timeout(config.statement_timeout + PING_TIMEOUT, connection.ping()).await {
                    Ok(answer) => answer.map(|()| true),
                    Err(_) => Err(not_now("the connection that comes back is silent")),
                }
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if wants_writes && !follower::takes_writes(connection).await? {
                    follower::raise_alarm();
                    return Err(not_now("the server takes no writes"));
                }
                Ok(())
            })
        })
        .connect_lazy_with(hosts.options[0].clone());
    if wants_writes {
        tokio::spawn(follower::follow(pool.clone(), hosts, freshness));
    }
    faults::attach(&pool, config.max_connections);
    Ok(pool)
}

/// Settings of every session. The keepalives let the server find out about vanished clients; a vanished server is found
/// out by the limits here.
fn session(options: PgConnectOptions, service: &str, config: DbConfig) -> PgConnectOptions {
    let statement_timeout = format!("{}ms", config.statement_timeout.as_millis());
    options
        .application_name(service)
        .options([
            ("statement_timeout", statement_timeout.as_str()),
            ("idle_in_transaction_session_timeout", "15s"),
            ("tcp_keepalives_idle", "15"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ])
        .disable_statement_logging()
}

/// Whether the database answers. A pool whose connections are all in use says nothing about it: then it is asked on a
/// connection of its own.
pub(crate) async fn answers(pool: &PgPool) -> bool {
    let through_the_pool = async { sqlx::query("SELECT 1").execute(pool).await.is_ok() };
    if let Ok(answer) = tokio::time::timeout(PING_TIMEOUT, through_the_pool).await {
        return answer;
    }
    if pool.num_idle() > 0 || is_misconfigured() {
        return false;
    }
    match pool.connect_options().connect().await {
        Ok(mut own) => own.ping().await.is_ok(),
        Err(_) => false,
    }
}

fn not_now(text: &'static str) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, text))
}

/// Applies pending migrations, waiting for a database that is still starting or has no primary yet. Several instances
/// may do so at the same time: sqlx holds an advisory lock while it migrates. What a newer release has applied is left
/// alone; an applied migration that is not what it was is an error.
pub async fn migrate(pool: &PgPool, migrator: &Migrator) -> Result<(), MigrateError> {
    let mut migrator = Migrator::with_migrations(migrator.iter().cloned().collect());
    // Migrations only add, so the release before runs on the newer tables: after a roll-back, and where one of its
    // instances starts anew during a deploy.
    migrator.set_ignore_missing(true);
    let give_up_at = Instant::now() + DbConfig::default().startup_timeout;
    let mut pause = Duration::from_millis(100);
    loop {
        match migrator.run(pool).await {
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
                if dependency::of_postgres(&error) == Failed::Away && Instant::now() < give_up_at =>
            {
                tracing::warn!(%error, "database not there yet");
                follower::raise_alarm();
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            result => return result,
        }
    }
}

/// Runs one statement or transaction in a client span and measures it. `operation` is a constant such as
/// `"SELECT orders"`: verb and table, never values.
pub fn observe<T, F>(operation: &'static str, work: F) -> impl Future<Output = Result<T, sqlx::Error>>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    let work = Box::pin(work);
    spanned(operation, async {
        let result = tokio::time::timeout(LONGEST_OPERATION, work).await;
        let result = result.unwrap_or_else(|_| Err(not_now("the server is silent")));
        if let Err(error) = &result {
            note_error(error);
        }
        result
    })
}

/// As [`observe`], for work whose error is the caller's own type.
pub fn observe_as<T, E, F>(operation: &'static str, work: F) -> impl Future<Output = Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    spanned(operation, Box::pin(work))
}

/// `work` comes boxed: what waits for a connection and talks to Postgres is some 15 KB. In place it would make every
/// future that awaits a statement as large, those that await several 100 KB, and each is moved as often as it is wrapped.
async fn spanned<T, E, F>(operation: &'static str, work: F) -> Result<T, E>
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
    crate::operation::observe(&span, "postgresql", operation, work).await
}

/// Has the primary looked for when an error says that this may not have been it. [`observe`] does so itself; work under
/// [`observe_as`] calls this with the error before it makes its own of it.
pub fn note_error(error: &sqlx::Error) {
    let may_have_moved = match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(cause) => {
            cause.code().is_some_and(|code| code == "25006" || code.starts_with("57P0"))
        }
        _ => false,
    };
    if may_have_moved {
        follower::raise_alarm();
    }
}

/// The name of the constraint that a statement violated, if that is why it failed.
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|cause| cause.constraint())
}
