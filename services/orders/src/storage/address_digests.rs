//! The digests of addresses in `voucher_redemptions`: written when an order is anonymised at the latest, emptied when
//! nobody can use the voucher any more.

use chrono::{DateTime, Utc};
use shop_instrumentation::db;
use sqlx::PgConnection;
use uuid::Uuid;

use super::postgres::PgOrders;
use crate::vouchers::AddressDigests;

/// Keeps digests of these orders' addresses where a voucher still counts by person and has none, in the transaction that
/// empties the addresses: orders of versions before, and of instances of them that run beside this one, have none.
pub async fn keep(
    tx: &mut PgConnection,
    orders: &[Uuid],
    digests: &AddressDigests,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let missing = sqlx::query!(
        "SELECT r.order_id, r.voucher_id, o.email FROM voucher_redemptions r \
         JOIN orders o ON o.id = r.order_id JOIN vouchers v ON v.id = r.voucher_id \
         WHERE r.order_id = ANY ($1) AND r.address_digest IS NULL AND r.given_back_at IS NULL \
           AND o.email <> '' AND v.max_uses_per_person IS NOT NULL AND v.ends_at > $2 AND v.ended_at IS NULL",
        orders,
        now
    )
    .fetch_all(&mut *tx)
    .await?;
    if missing.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = missing.iter().map(|row| row.order_id).collect();
    let kept: Vec<Vec<u8>> =
        missing.iter().map(|row| digests.digest(row.voucher_id, &row.email).to_vec()).collect();
    sqlx::query!(
        "UPDATE voucher_redemptions r SET address_digest = kept.digest \
         FROM unnest($1::uuid[], $2::bytea[]) AS kept (order_id, digest) WHERE r.order_id = kept.order_id",
        &ids[..],
        &kept[..]
    )
    .execute(tx)
    .await
    .map(|_| ())
}

impl PgOrders {
    /// Empties at most `limit` digests of vouchers that ended before; answers how many. It waits for no row.
    pub async fn forget_digests(
        &self,
        ended_before: DateTime<Utc>,
        limit: i64,
    ) -> Result<usize, sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE voucher_redemptions SET address_digest = NULL WHERE order_id IN \
             (SELECT r.order_id FROM vouchers v JOIN voucher_redemptions r ON r.voucher_id = v.id \
              WHERE (v.ends_at < $1 OR v.ended_at < $1) AND r.address_digest IS NOT NULL \
              LIMIT $2 FOR UPDATE OF r SKIP LOCKED)",
            ended_before,
            limit
        );
        let done = db::observe("UPDATE voucher_redemptions", query.execute(self.pool())).await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }
}
