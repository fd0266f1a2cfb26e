//! Webhooks seen.

use chrono::{DateTime, Utc};
use shop_instrumentation::db;

use super::PgPayments;

impl PgPayments {
    /// Remembers an event and makes what it speaks of due at once. `false` when it was seen before: nothing was
    /// changed.
    pub async fn hint(
        &self,
        provider: &str,
        event: &crate::webhook::Event,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        db::observe("INSERT webhook_events", async {
            let mut tx = self.pool.begin().await?;
            let seen = sqlx::query!(
                "INSERT INTO webhook_events (provider, event_id, received_at) VALUES ($1, $2, $3) \
                 ON CONFLICT DO NOTHING",
                provider,
                event.id,
                now
            );
            if seen.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            // The authorisation first, as everybody who writes both: the other way round two of them wait for each other.
            sqlx::query!(
                "UPDATE authorisations SET verify_at = $2 WHERE provider_reference = $1",
                event.reference,
                now
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!(
                "UPDATE payment_operations SET next_attempt_at = $3 \
                 WHERE state IN ('requested', 'unknown') AND (provider_reference = $1 OR provider_key = $2)",
                event.reference,
                event.key,
                now
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Forgets events older than `before`, at most `limit` at a time.
    pub async fn forget_events(&self, before: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query!(
            "DELETE FROM webhook_events WHERE (provider, event_id) IN \
             (SELECT provider, event_id FROM webhook_events WHERE received_at < $1 LIMIT $2)",
            before,
            limit
        );
        Ok(db::observe("DELETE webhook_events", query.execute(&self.pool)).await?.rows_affected())
    }
}
