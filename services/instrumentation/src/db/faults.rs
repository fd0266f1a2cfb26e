//! Faults of the database as this process shows them: connections held back, a table locked, an address that leads
//! nowhere. Each ends with its switch, or with the pool.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::faults::{self, Faults, Shared};

/// A table is free for so long between two locks.
const FREE_FOR: Duration = Duration::from_millis(500);
/// A directory without a socket: connecting fails at once.
const NOWHERE: &str = "/nowhere";

/// Shows the faults of the process at this pool until it is closed.
pub(super) fn attach(pool: &PgPool, max_connections: u32) {
    let Some(faults) = faults::of_process() else { return };
    let pool = pool.clone();
    tokio::spawn(async move {
        let shown = async {
            tokio::join!(hold(faults, &pool, max_connections), lock(faults, &pool), mislead(faults, &pool))
        };
        tokio::select! {
            () = pool.close_event() => {}
            _ = shown => {}
        }
    });
}

/// Lets the server sleep if the connection in hand is to be hit.
pub(super) async fn sleep(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if let Some(delay) = faults::query_delay() {
        sqlx::query("SELECT pg_sleep($1)").bind(delay.as_secs_f64()).execute(connection).await?;
    }
    Ok(())
}

/// Keeps connections, never all of them.
async fn hold(faults: &Faults, pool: &PgPool, max_connections: u32) {
    loop {
        let active = faults.until_on(Shared::PoolExhausted).await;
        let most = (f64::from(max_connections.saturating_sub(1)) * active.ratio) as usize;
        let mut held = Vec::with_capacity(most);
        let mut over = pin!(faults.until_over(Shared::PoolExhausted, active));
        loop {
            tokio::select! {
                () = &mut over => break,
                connection = pool.acquire(), if held.len() < most => held.extend(connection.ok()),
            }
        }
    }
}

/// Locks the table again and again, in a session beside the pool.
async fn lock(faults: &Faults, pool: &PgPool) {
    loop {
        let active = faults.until_on(Shared::Lock).await;
        let mut over = pin!(faults.until_over(Shared::Lock, active));
        let Some(table) = faults.hot_table() else {
            over.await;
            continue;
        };
        let options = pool.connect_options().as_ref().clone();
        let options = options.application_name(&format!("{}-fault", faults.service()));
        let again = async {
            loop {
                if let Err(error) = lock_once(&options, table, active.delay).await {
                    tracing::warn!(%error, table, "table was not locked by an injected fault");
                }
                tokio::time::sleep(FREE_FOR).await;
            }
        };
        tokio::select! {
            () = &mut over => {}
            () = again => {}
        }
    }
}

/// Holds the lock for `time`. When this is dropped the server ends the session as soon as it has slept.
async fn lock_once(options: &PgConnectOptions, table: &str, time: Duration) -> Result<(), sqlx::Error> {
    let mut session = options.connect().await?;
    let mut transaction = session.begin().await?;
    sqlx::query("SET LOCAL lock_timeout = '500ms'").execute(&mut *transaction).await?;
    let table = table.replace('"', "\"\"");
    let statement = format!("LOCK TABLE \"{table}\" IN EXCLUSIVE MODE");
    sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
    sqlx::query("SELECT pg_sleep($1)").bind(time.as_secs_f64()).execute(&mut *transaction).await?;
    transaction.rollback().await?;
    session.close().await
}

/// Leads new connections nowhere; those that are open are thrown away when they would be used.
async fn mislead(faults: &Faults, pool: &PgPool) {
    loop {
        let active = faults.until_on(Shared::BadConfiguration).await;
        let right = pool.connect_options();
        pool.set_connect_options(right.as_ref().clone().socket(NOWHERE));
        faults.until_over(Shared::BadConfiguration, active).await;
        // Whoever found a new primary meanwhile knows better.
        if pool.connect_options().get_socket().is_some_and(|socket| socket == Path::new(NOWHERE)) {
            pool.set_connect_options(right.as_ref().clone());
        }
    }
}
