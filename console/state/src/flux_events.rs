//! What Flux told: the newest events, as texts that this crate does not read.

use sha2::{Digest, Sha256};

use crate::{State, StateError, database::on};

impl State {
    /// Keeps an event of a moment; `body` is what was sent, and the same body is the same event. The oldest make room.
    pub async fn keep_flux_event(&self, body: &[u8], at_ms: i64, event: &str) -> Result<(), StateError> {
        let max = self.config.max_flux_event_bytes;
        if event.len() > max {
            return Err(StateError::Invalid(format!("an event of Flux has at most {max} bytes")));
        }
        if event.contains('\0') {
            return Err(StateError::Invalid("an event of Flux has no NUL".to_owned()));
        }
        // Whoever deletes the oldest does it alone; readers are not in its way.
        let lock = self.database.words("SELECT 1", "LOCK TABLE flux_events IN SHARE ROW EXCLUSIVE MODE");
        let trim = self.database.words(
            "DELETE FROM flux_events WHERE body_sha256 IN \
             (SELECT body_sha256 FROM flux_events ORDER BY at_ms DESC, body_sha256 LIMIT -1 OFFSET $1)",
            "DELETE FROM flux_events WHERE body_sha256 IN \
             (SELECT body_sha256 FROM flux_events ORDER BY at_ms DESC, body_sha256 OFFSET $1)",
        );
        on!(self.database, pool => {
            let mut transaction = pool.begin().await?;
            sqlx::query(lock).execute(&mut *transaction).await?;
            sqlx::query(
                "INSERT INTO flux_events (body_sha256, at_ms, event) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(Sha256::digest(body).to_vec())
            .bind(at_ms)
            .bind(event)
            .execute(&mut *transaction)
            .await?;
            sqlx::query(trim).bind(self.config.max_flux_events).execute(&mut *transaction).await?;
            transaction.commit().await
        })
    }

    /// The newest first.
    pub async fn flux_events(&self) -> Result<Vec<String>, StateError> {
        let select = "SELECT event FROM flux_events ORDER BY at_ms DESC, body_sha256 LIMIT $1";
        on!(self.database, pool => {
            sqlx::query_scalar(select).bind(self.config.max_flux_events).fetch_all(pool).await
        })
    }
}
