//! The state in a Postgres that several consoles share: a small pool with short timeouts that follows the server which takes
//! writes, and migrations that starting consoles do not make twice.
//!
//! What must hold: nobody waits for a server that is known to be away; an operation ends within [`LONGEST`].

mod hosts;
mod watch;

use std::time::{Duration, Instant};

use sqlx::{
    ConnectOptions as _, Connection as _,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};

use self::{hosts::Hosts, watch::Watch};
use crate::{OpenError, PostgresConfig, StateError};

/// Longest operation, a transaction of several statements included. The server ends statements earlier; this is for a server
/// that has vanished without a word.
const LONGEST: Duration = Duration::from_secs(8);
/// A connection that was idle for longer is asked whether it still works before it is used.
const IDLE_WITHOUT_QUESTION: Duration = Duration::from_secs(1);
/// How long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a connection may take to answer that is given back, whatever its last user left running on it.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);
/// Whatever servers and balancers have forgotten about a connection ends with it.
const MAX_LIFETIME: Duration = Duration::from_mins(10);
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);
/// Pauses between tries at the start.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(2);

pub struct Postgres {
    pub pool: PgPool,
    watch: Watch,
}

impl Postgres {
    /// Waits for a server that takes writes and brings its database to the newest version.
    pub async fn open(config: &PostgresConfig) -> Result<Self, OpenError> {
        let hosts = Hosts::parse(&config.url).map_err(OpenError::Address)?;
        let place = hosts.place();
        let current = wait_for_primary(&hosts, &place, config).await?;
        let waited = config.migrate_timeout;
        tokio::time::timeout(waited, migrate(&hosts.all()[current], &place))
            .await
            .unwrap_or_else(|_| Err(OpenError::MigrateTimeout { place: place.clone(), waited }))?;
        let hosts = hosts.map(|options| session(options, config));
        let watch = Watch::new();
        let pool = pool(hosts.all()[current].clone(), config, watch.clone());
        tokio::spawn(watch.clone().run(pool.clone(), hosts, current, config.ask_every));
        Ok(Self { pool, watch })
    }

    /// For how long no server has taken writes; none: one does.
    pub fn away_for(&self) -> Option<Duration> {
        self.watch.away_for()
    }

    /// Does work on the pool, bounded in time. While no server takes writes it is not even tried.
    pub async fn observe<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StateError> {
        if let Some(away_for) = self.watch.away_for() {
            return Err(StateError::Away { away_for, source: None });
        }
        let away = |source| StateError::Away { away_for: self.watch.away_for().unwrap_or_default(), source };
        let bounded = tokio::time::timeout(LONGEST, work);
        let ended = tokio::select! {
            biased;
            ended = bounded => ended,
            // It is waited for no longer than by those who come later.
            () = self.watch.lost() => return Err(away(None)),
        };
        let source = match ended {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) if is_timeout(&error) => {
                self.watch.wake();
                return Err(StateError::Timeout { source: Some(error) });
            }
            Ok(Err(error)) if !is_away(&error) => return Err(error.into()),
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        self.watch.raise_alarm();
        Err(away(source))
    }
}

/// Whether [`PostgresConfig::url`] can be read: what is wrong with it, without its password.
pub fn check_address(url: &str) -> Result<(), String> {
    Hosts::parse(url).map(drop)
}

/// The server does not answer, goes away, has no room or takes no writes; as opposed to a statement that is wrong.
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            true
        }
        // Connection exceptions, shut-down and start-up, read-only transaction, too many connections
        // (PostgreSQL manual, appendix A).
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| {
            code.starts_with("08") || code.starts_with("57P0") || code == "25006" || code == "53300"
        }),
        _ => false,
    }
}

/// No connection was free in time, or a statement took longer than it may (`query_canceled`). The server may be away, but a
/// pool in full use and a lock that is held look the same.
fn is_timeout(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| code == "57014"),
        _ => false,
    }
}

fn pool(options: PgConnectOptions, config: &PostgresConfig, watch: Watch) -> PgPool {
    PgPoolOptions::new()
        .max_connections(config.max_connections.max(1))
        .acquire_timeout(config.acquire_timeout)
        .max_lifetime(MAX_LIFETIME)
        .idle_timeout(IDLE_TIMEOUT)
        // The question costs a round trip: `before_acquire` asks it only of connections that were idle for a while.
        .test_before_acquire(false)
        .before_acquire(move |connection, state| {
            let is_fresh = watch.allows(state.age);
            Box::pin(async move {
                if !is_fresh {
                    return Ok(false);
                }
                if state.idle_for < IDLE_WITHOUT_QUESTION {
                    return Ok(true);
                }
                let answer = tokio::time::timeout(PING_TIMEOUT, connection.ping()).await;
                Ok(matches!(answer, Ok(Ok(()))))
            })
        })
        // sqlx asks the same, and waits for the answer of a server that went silent for ever, with a place of the pool.
        .after_release(|connection, _| {
            Box::pin(async move {
                match tokio::time::timeout(RELEASE_TIMEOUT, connection.ping()).await {
                    Ok(answer) => answer.map(|()| true),
                    Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
                }
            })
        })
        .connect_lazy_with(options)
}

/// Settings of every session. The keepalives let the server find out about vanished consoles; a vanished server is found out
/// by the limits here.
fn session(options: PgConnectOptions, config: &PostgresConfig) -> PgConnectOptions {
    let statement_timeout = format!("{}ms", config.statement_timeout.as_millis());
    named(options).options([
        ("statement_timeout", statement_timeout.as_str()),
        ("idle_in_transaction_session_timeout", "15s"),
        ("tcp_keepalives_idle", "15"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ])
}

fn named(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("quarterdeck").disable_statement_logging()
}

async fn wait_for_primary(hosts: &Hosts, place: &str, config: &PostgresConfig) -> Result<usize, OpenError> {
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let why = match watch::primary(hosts).await {
            Ok(found) => return Ok(found),
            Err(unled) => unled.into_error(),
        };
        // A wrong password or a database that does not exist mends itself no more than a wrong address; but it may be
        // made a moment later, by whoever makes databases.
        if began.elapsed() + pause > config.startup_timeout {
            return Err(OpenError::NoServer {
                place: place.to_owned(),
                waited: began.elapsed(),
                source: why,
            });
        }
        tracing::warn!(
            place,
            error = why.as_ref().map(ToString::to_string),
            "the state's database is not there yet"
        );
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// On a connection of its own, without a bound for single statements. sqlx takes an advisory lock first, so of consoles that
/// start together one migrates and the others find it done.
async fn migrate(options: &PgConnectOptions, place: &str) -> Result<(), OpenError> {
    let failed = |source| OpenError::Database { place: place.to_owned(), source };
    tracing::info!(place, "bringing the state's database to this version");
    let mut connection = named(options.clone()).connect().await.map_err(failed)?;
    let migrated = sqlx::migrate!("./migrations/postgres").run_direct(None, &mut connection, false).await;
    let closed = connection.close().await;
    migrated.map_err(|error| match error {
        MigrateError::VersionMissing(version) => OpenError::Newer { place: place.to_owned(), version },
        source => OpenError::Migrate { place: place.to_owned(), source },
    })?;
    closed.map_err(failed)
}
