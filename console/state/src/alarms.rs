//! Alarms of others that are handed on, each as it was told last, so that consoles that share a state hand on the same.
//! Labels and annotations are texts that this crate does not read.

use crate::{State, StateError, database::on};

/// How long the end of an alarm is remembered: longer than what tells of it may be on its way.
const ORDER_RETENTION_MS: i64 = 2 * 3_600_000;
/// All texts of one together.
const MAX_BYTES: usize = 64 << 10;

/// An alarm as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Names the alarm for good.
    pub key: String,
    /// When it changed, by the clock of whoever tells it.
    pub changed_at_ms: i64,
    /// It fires until then.
    pub ends_at_ms: i64,
    pub labels: String,
    pub annotations: String,
}

impl State {
    /// Keeps an alarm unless a change of the same moment or a later one is known; answers what is known now. Its labels are
    /// those with which it last began to fire: an end has them too, whatever it was told with.
    pub async fn keep_alarm(&self, told: &Alarm, now_ms: i64) -> Result<Alarm, StateError> {
        let texts = [&told.key, &told.labels, &told.annotations];
        let size_bytes: usize = texts.iter().map(|t| t.len()).sum();
        if size_bytes > MAX_BYTES || texts.iter().any(|t| t.contains('\0')) {
            return Err(StateError::Invalid(format!("an alarm has at most {MAX_BYTES} bytes and no NUL")));
        }
        // Whoever writes does it alone: two of them could each wait for a row of the other.
        let lock = self.database.words("SELECT 1", "LOCK TABLE alarms IN SHARE ROW EXCLUSIVE MODE");
        let sweep = self.database.words(
            "DELETE FROM alarms WHERE ends_at_ms < $1 OR key IN \
             (SELECT key FROM alarms WHERE key <> $2 ORDER BY ends_at_ms DESC, key LIMIT -1 OFFSET $3)",
            "DELETE FROM alarms WHERE ends_at_ms < $1 OR key IN \
             (SELECT key FROM alarms WHERE key <> $2 ORDER BY ends_at_ms DESC, key OFFSET $3)",
        );
        on!(self.database, pool => {
            let mut transaction = pool.begin().await?;
            sqlx::query(lock).execute(&mut *transaction).await?;
            sqlx::query(sweep)
                .bind(now_ms - ORDER_RETENTION_MS)
                .bind(&told.key)
                .bind(self.config.max_alarms - 1)
                .execute(&mut *transaction)
                .await?;
            sqlx::query(
                "INSERT INTO alarms (key, changed_at_ms, ends_at_ms, labels, annotations) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO UPDATE SET \
                 changed_at_ms = excluded.changed_at_ms, ends_at_ms = excluded.ends_at_ms, \
                 labels = CASE WHEN alarms.ends_at_ms <= $6 AND excluded.ends_at_ms > $6 \
                 THEN excluded.labels ELSE alarms.labels END, \
                 annotations = excluded.annotations \
                 WHERE alarms.changed_at_ms < excluded.changed_at_ms",
            )
            .bind(&told.key)
            .bind(told.changed_at_ms)
            .bind(told.ends_at_ms)
            .bind(&told.labels)
            .bind(&told.annotations)
            .bind(now_ms)
            .execute(&mut *transaction)
            .await?;
            let (changed_at_ms, ends_at_ms, labels, annotations) = sqlx::query_as(
                "SELECT changed_at_ms, ends_at_ms, labels, annotations FROM alarms WHERE key = $1",
            )
            .bind(&told.key)
            .fetch_one(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(Alarm { key: told.key.clone(), changed_at_ms, ends_at_ms, labels, annotations })
        })
    }
}
