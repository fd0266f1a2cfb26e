//! Orders lose everything that names a person; lines and money stay for the books. A voucher that counts by person keeps a
//! keyed digest of the address for as long as it can be used.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_instrumentation::db;

use super::address_digests;
use super::history::{self, Entry, SHOPPER, SYSTEM};
use super::postgres::PgOrders;

/// From when on orders are anonymised.
#[derive(Debug, Clone, Copy)]
pub struct Cutoffs {
    /// Guests' orders that were placed before.
    pub guests: DateTime<Utc>,
    /// What was asked for before is done even if the parcel never left.
    pub unshipped: DateTime<Utc>,
}

impl PgOrders {
    /// Notes that an account's orders are to be anonymised, and that they are nobody's any more: until then who knows number
    /// and address finds them as a guest does, for there is no account left to log in to. Doing it again changes nothing.
    pub async fn request_anonymisation(
        &self,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE orders SET anonymise_requested_at = coalesce(anonymise_requested_at, $2), account_id = NULL \
             WHERE account_id = $1",
            account.uuid(),
            now
        );
        db::observe("UPDATE orders", query.execute(self.pool())).await.map(|_| ())
    }

    /// Anonymises at most `limit` orders that are due; answers how many. An order that still needs its address, because
    /// its parcel has not left or money is under way, comes later.
    pub async fn anonymise_due(
        &self,
        cutoffs: Cutoffs,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<usize, sqlx::Error> {
        db::observe("UPDATE orders", async {
            let mut tx = self.pool().begin().await?;
            let done = sqlx::query_scalar!(
                "SELECT id FROM orders o WHERE anonymised_at IS NULL \
                 AND (anonymise_requested_at IS NOT NULL OR (account_id IS NULL AND placed_at < $1)) \
                 AND status NOT IN ('pending', 'manual_review') \
                 AND (status <> 'confirmed' OR shipped_at IS NOT NULL \
                      OR coalesce(anonymise_requested_at, placed_at) < $2) \
                 AND NOT EXISTS (SELECT FROM give_backs g WHERE g.order_id = o.id AND g.step <> 'done') \
                 LIMIT $3 FOR UPDATE SKIP LOCKED",
                cutoffs.guests,
                cutoffs.unshipped,
                limit
            )
            .fetch_all(&mut *tx)
            .await?;
            if done.is_empty() {
                return Ok(0);
            }
            address_digests::keep(&mut tx, &done, self.digests(), now).await?;
            sqlx::query!(
                "UPDATE orders SET email = '', account_id = NULL, anonymised_at = $1, \
                 tracking_number = CASE WHEN shipped_at IS NOT NULL THEN '' END, \
                 ship_to = jsonb_build_object('name', '', 'address1', '', 'city', '', 'postcode', '', \
                                              'country', ship_to ->> 'country') \
                 WHERE id = ANY ($2)",
                now,
                &done[..]
            )
            .execute(&mut *tx)
            .await?;
            // Shoppers write their own words there.
            let words = sqlx::query!(
                "UPDATE order_returns SET reason = '', closed_reason = '' WHERE order_id = ANY ($1)",
                &done[..]
            );
            words.execute(&mut *tx).await?;
            // A carrier's page about a parcel names who receives it.
            sqlx::query!(
                "UPDATE order_history SET detail = '' \
                 WHERE order_id = ANY ($1) AND (actor = $2 OR action IN ('shipped', 'return_refused'))",
                &done[..],
                SHOPPER
            )
            .execute(&mut *tx)
            .await?;
            let entry =
                Entry { at: now, actor: SYSTEM.to_owned(), action: "anonymised", detail: String::new() };
            history::insert(&mut tx, &done, &entry).await?;
            tx.commit().await?;
            Ok(done.len())
        })
        .await
    }
}
