//! The database of notifications.

use std::collections::BTreeMap;

use sqlx::{Row as _, postgres::PgRow, types::Uuid};

use super::Reader;
use crate::invariants::snapshot::Delivery;

/// Reads which events became mails, by the event's id.
pub async fn read(urls: &[String]) -> Result<BTreeMap<Uuid, Delivery>, String> {
    let mut reader = Reader::open("notifications", urls).await?;
    let sql = "SELECT event_id, order_id, kind, attempts::bigint AS attempts, sent_at IS NOT NULL AS is_sent, \
               withheld, created_at FROM deliveries";
    Ok(reader.rows(sql, delivery).await?.into_iter().collect())
}

fn delivery(row: &PgRow) -> Result<(Uuid, Delivery), sqlx::Error> {
    let it = Delivery {
        order: row.try_get("order_id")?,
        kind: row.try_get("kind")?,
        attempts: row.try_get("attempts")?,
        is_sent: row.try_get("is_sent")?,
        is_withheld: row.try_get("withheld")?,
        created_at: row.try_get("created_at")?,
    };
    Ok((row.try_get("event_id")?, it))
}
