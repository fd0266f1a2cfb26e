//! Counts in Postgres, for all consoles on it.
//!
//! Strangers cause these queries as often as they like, so what must hold: a few connections of the pool serve all of
//! them, and who is throttled already is refused without a lock.

use std::{net::IpAddr, time::Duration};

use sqlx::{PgConnection, PgPool};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Key, ThrottleConfig, Window, keys};
use crate::{PostgresConfig, StateError, postgres::Postgres};

/// Of windows that are over and of those that are too many, so many are deleted an attempt at most.
const SWEPT: i64 = 100;
/// When to come back for who got no turn.
const CROWDED_WAIT_MS: i64 = 1_000;

/// Who may count: the other connections are left to the sessions of those who are in.
pub struct SharedThrottle {
    turns: Semaphore,
    turn_timeout: Duration,
}

impl Key {
    /// Postgres' texts hold no NUL, which a name that was typed may.
    fn text(&self) -> String {
        match self {
            Self::User(name) => format!("user:{}", name.replace('\0', "\u{fffd}")),
            Self::Address(address) => format!("address:{address}"),
        }
    }
}

impl SharedThrottle {
    /// A quarter of the connections counts.
    pub fn new(config: &PostgresConfig) -> Self {
        let turns = (config.max_connections / 4).max(1) as usize;
        Self { turns: Semaphore::new(turns), turn_timeout: config.acquire_timeout }
    }

    /// As [`super::Throttle::attempt`]. The inner `Err` has the milliseconds to wait.
    pub async fn attempt(
        &self,
        postgres: &Postgres,
        config: &ThrottleConfig,
        user: &str,
        address: IpAddr,
        now_ms: i64,
    ) -> Result<Result<(), i64>, StateError> {
        let Some(_turn) = self.turn().await else { return Ok(Err(CROWDED_WAIT_MS)) };
        let keys = keys(user, address);
        postgres
            .observe(async {
                if let Some(wait) = find_wait(&postgres.pool, &keys, config, now_ms).await? {
                    return Ok(Err(wait));
                }
                let mut transaction = postgres.pool.begin().await?;
                let mut counted = Vec::with_capacity(2);
                let mut wait = None;
                for key in &keys {
                    let window = locked(&mut transaction, &key.text(), now_ms).await?;
                    wait = wait.max(window.wait(key, config, now_ms));
                    counted.push((key, window.counted(config, now_ms)));
                }
                if let Some(wait) = wait {
                    transaction.rollback().await?;
                    return Ok(Err(wait));
                }
                for (key, window) in counted {
                    sqlx::query("UPDATE log_in_attempts SET start_ms = $2, wrong = $3 WHERE key = $1")
                        .bind(key.text())
                        .bind(window.start_ms)
                        .bind(i64::from(window.wrong))
                        .execute(&mut *transaction)
                        .await?;
                }
                sweep(&mut transaction, config, now_ms).await?;
                transaction.commit().await?;
                Ok(Ok(()))
            })
            .await
    }

    /// As [`super::Throttle::forgive`].
    pub async fn forgive(&self, postgres: &Postgres, user: &str, address: IpAddr) -> Result<(), StateError> {
        let Some(_turn) = self.turn().await else { return Err(StateError::Timeout { source: None }) };
        let [address, user] = keys(user, address);
        postgres
            .observe(async {
                let mut transaction = postgres.pool.begin().await?;
                sqlx::query("UPDATE log_in_attempts SET wrong = GREATEST(wrong - 1, 0) WHERE key = $1")
                    .bind(address.text())
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query("DELETE FROM log_in_attempts WHERE key = $1")
                    .bind(user.text())
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await
            })
            .await
    }

    /// None: all have been taken for as long as a request waits for a connection.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        tokio::time::timeout(self.turn_timeout, self.turns.acquire()).await.ok()?.ok()
    }
}

/// Milliseconds to wait by the counts as they are now; none: the attempt may be counted. Locks nothing.
async fn find_wait(
    pool: &PgPool,
    keys: &[Key],
    config: &ThrottleConfig,
    now_ms: i64,
) -> Result<Option<i64>, sqlx::Error> {
    let texts: Vec<String> = keys.iter().map(Key::text).collect();
    let found: Vec<(String, i64, i64)> =
        sqlx::query_as("SELECT key, start_ms, wrong FROM log_in_attempts WHERE key = ANY($1)")
            .bind(&texts)
            .fetch_all(pool)
            .await?;
    let waits = found.iter().filter_map(|(text, start_ms, wrong)| {
        let key = texts.iter().position(|known| known == text)?;
        window(*start_ms, *wrong).wait(&keys[key], config, now_ms)
    });
    Ok(waits.max())
}

/// The window of a key, a new one when there is none; nobody else changes it before the transaction ends.
async fn locked(transaction: &mut PgConnection, key: &str, now_ms: i64) -> Result<Window, sqlx::Error> {
    let (start_ms, wrong): (i64, i64) = sqlx::query_as(
        "INSERT INTO log_in_attempts (key, start_ms, wrong) VALUES ($1, $2, 0) \
         ON CONFLICT (key) DO UPDATE SET wrong = log_in_attempts.wrong RETURNING start_ms, wrong",
    )
    .bind(key)
    .bind(now_ms)
    .fetch_one(transaction)
    .await?;
    Ok(window(start_ms, wrong))
}

fn window(start_ms: i64, wrong: i64) -> Window {
    Window { start_ms, wrong: u32::try_from(wrong).unwrap_or(u32::MAX) }
}

/// Deletes what is over and what is too much, leaving alone what others hold. Rows that stay are not locked: one that
/// OFFSET skips would be (PostgreSQL manual, SELECT, The Locking Clause), so the border is found without a lock.
async fn sweep(
    transaction: &mut PgConnection,
    config: &ThrottleConfig,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM log_in_attempts WHERE key IN \
         (SELECT key FROM log_in_attempts WHERE start_ms <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(now_ms - config.window_ms)
    .bind(SWEPT)
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "DELETE FROM log_in_attempts WHERE key IN \
         (SELECT key FROM log_in_attempts WHERE start_ms < \
          (SELECT start_ms FROM log_in_attempts ORDER BY start_ms DESC OFFSET $1 LIMIT 1) \
          LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(i64::try_from(config.max_keys.saturating_sub(1)).unwrap_or(i64::MAX))
    .bind(SWEPT)
    .execute(&mut *transaction)
    .await?;
    Ok(())
}
