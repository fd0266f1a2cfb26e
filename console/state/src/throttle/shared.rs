//! Counts in Postgres, for all consoles on it.

use std::net::IpAddr;

use sqlx::PgConnection;

use super::{Key, ThrottleConfig, Window, keys};
use crate::{StateError, postgres::Postgres};

/// Windows that are over, deleted an attempt at most.
const SWEPT: i64 = 100;

impl Key {
    /// Postgres' texts hold no NUL, which a name that was typed may.
    fn text(&self) -> String {
        match self {
            Self::User(name) => format!("user:{}", name.replace('\0', "\u{fffd}")),
            Self::Address(address) => format!("address:{address}"),
        }
    }
}

/// As [`super::Throttle::attempt`]. The inner `Err` has the milliseconds to wait.
pub async fn attempt(
    postgres: &Postgres,
    config: &ThrottleConfig,
    user: &str,
    address: IpAddr,
    now_ms: i64,
) -> Result<Result<(), i64>, StateError> {
    postgres
        .observe(async {
            let mut transaction = postgres.pool.begin().await?;
            let mut counted = Vec::with_capacity(2);
            let mut wait = None;
            for key in keys(user, address) {
                let window = locked(&mut transaction, &key.text(), now_ms).await?;
                wait = wait.max(window.wait(&key, config, now_ms));
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
pub async fn forgive(postgres: &Postgres, user: &str, address: IpAddr) -> Result<(), StateError> {
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
    Ok(Window { start_ms, wrong: u32::try_from(wrong).unwrap_or(u32::MAX) })
}

/// Deletes what is over and what is too much, leaving alone what others hold.
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
         (SELECT key FROM log_in_attempts ORDER BY start_ms DESC OFFSET $1 FOR UPDATE SKIP LOCKED)",
    )
    .bind(i64::try_from(config.max_keys).unwrap_or(i64::MAX))
    .execute(&mut *transaction)
    .await?;
    Ok(())
}
