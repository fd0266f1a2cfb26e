//! The tables `vouchers` and `voucher_redemptions`.

use chrono::{DateTime, Utc};
use shop_contracts::orders::Order;
use shop_contracts::vouchers::{Benefit, Voucher, VoucherTerms};
use shop_contracts::{Currency, Money};
use shop_instrumentation::db;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::named::Named;
use super::postgres::PgOrders;
use crate::vouchers::{AddressDigests, Person, Refusal, UsesBefore, usable};

/// A query for whole vouchers: what comes before the columns, what comes after them, and its parameters.
macro_rules! vouchers {
    ($before:literal, $after:literal $(, $parameter:expr)* $(,)?) => {
        sqlx::query!(
            $before
                + "id, code, benefit AS \"benefit: Json<Benefit>\", minimum_minor, \
                   currency AS \"currency: Named<Currency>\", starts_at, ends_at, max_uses, max_uses_per_person, \
                   uses, note, created_by, created_at, ended_by, ended_at, end_note"
                + $after
            $(, $parameter)*
        )
        .map(|row| Voucher {
            id: row.id,
            terms: VoucherTerms {
                code: row.code,
                benefit: row.benefit.0,
                minimum: Money::new(row.minimum_minor, row.currency.0),
            },
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            max_uses: count(row.max_uses),
            max_uses_per_person: row.max_uses_per_person.map(count),
            uses: count(row.uses),
            note: row.note,
            created_by: row.created_by,
            created_at: row.created_at,
            ended_by: row.ended_by,
            ended_at: row.ended_at,
            end_note: row.end_note,
        })
    };
}

impl PgOrders {
    /// The voucher with this code.
    pub async fn find_voucher(&self, code: &str) -> Result<Option<Voucher>, sqlx::Error> {
        let query = vouchers!("SELECT ", " FROM vouchers WHERE code = $1", code);
        db::observe("SELECT vouchers", query.fetch_optional(self.pool())).await
    }

    /// How many orders of a person use a voucher.
    pub async fn voucher_uses_by(&self, id: Uuid, person: &Person<'_>) -> Result<UsesBefore, sqlx::Error> {
        db::observe("SELECT voucher_redemptions", uses_by(self.pool(), id, person, self.digests())).await
    }

    /// Vouchers, newest first.
    pub async fn list_vouchers(&self, offset: i64, limit: i64) -> Result<Vec<Voucher>, sqlx::Error> {
        let query = vouchers!(
            "SELECT ",
            " FROM vouchers ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2",
            limit,
            offset
        );
        db::observe("SELECT vouchers", query.fetch_all(self.pool())).await
    }

    /// Writes a voucher, unless there is one with its code; answers the one that stands.
    pub async fn insert_voucher(&self, new: &Voucher) -> Result<Voucher, sqlx::Error> {
        // An update that changes nothing, so that the row comes back either way.
        let query = vouchers!(
            "INSERT INTO vouchers (id, code, benefit, minimum_minor, currency, starts_at, ends_at, max_uses, \
             max_uses_per_person, note, created_by, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (code) DO UPDATE SET code = EXCLUDED.code RETURNING ",
            "",
            new.id,
            new.terms.code,
            Json(new.terms.benefit) as _,
            new.terms.minimum.amount_minor,
            new.terms.minimum.currency.code(),
            new.starts_at,
            new.ends_at,
            new.max_uses as i32,
            new.max_uses_per_person.map(|most| most as i32),
            new.note,
            new.created_by,
            new.created_at
        );
        db::observe("INSERT vouchers", query.fetch_one(self.pool())).await
    }

    /// Ends a voucher, once; `None` when there is none.
    pub async fn end_voucher(
        &self,
        id: Uuid,
        actor: &str,
        note: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Voucher>, sqlx::Error> {
        let query = vouchers!(
            "UPDATE vouchers SET ended_by = coalesce(ended_by, $2), ended_at = coalesce(ended_at, $3), \
             end_note = CASE WHEN ended_at IS NULL THEN $4 ELSE end_note END WHERE id = $1 RETURNING ",
            "",
            id,
            actor,
            now,
            note
        );
        db::observe("UPDATE vouchers", query.fetch_optional(self.pool())).await
    }
}

/// Lets a new order use the voucher that it names, in the transaction that writes the order. The order's row comes before
/// the voucher's in every transaction, so that two of them never wait for each other; the lock lasts for three short
/// statements, and nobody waits for it longer than a statement may take.
pub async fn redeem(
    tx: &mut PgConnection,
    order: &Order,
    digests: &AddressDigests,
) -> Result<Result<(), Refusal>, sqlx::Error> {
    let Some((code, goods)) = order.charges.as_ref().and_then(|it| Some((it.voucher.as_ref()?, it.goods)))
    else {
        return Ok(Ok(()));
    };
    let query = vouchers!("SELECT ", " FROM vouchers WHERE code = $1 FOR UPDATE", code);
    let Some(found) = query.fetch_optional(&mut *tx).await? else { return Ok(Err(Refusal::Unknown)) };
    let person = Person { account: order.account_id, email: Some(&order.email) };
    // Nobody waits for the lock while uses are counted for nothing.
    let before = match found.max_uses_per_person {
        Some(_) => uses_by(&mut *tx, found.id, &person, digests).await?,
        None => UsesBefore::default(),
    };
    if let Err(refusal) = usable(&found, before, goods, order.placed_at) {
        return Ok(Err(refusal.told_to(&person)));
    }
    // Nothing is kept of an address where nobody counts by it.
    let digest = found.max_uses_per_person.map(|_| digests.digest(found.id, &order.email));
    book(tx, found.id, order, digest.as_ref().map(<[u8; _]>::as_slice)).await.map(Ok)
}

async fn book(
    tx: &mut PgConnection,
    voucher: Uuid,
    order: &Order,
    address_digest: Option<&[u8]>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("UPDATE vouchers SET uses = uses + 1 WHERE id = $1", voucher).execute(&mut *tx).await?;
    let query = sqlx::query!(
        "INSERT INTO voucher_redemptions (order_id, voucher_id, address_digest) VALUES ($1, $2, $3)",
        order.id.uuid(),
        voucher,
        address_digest
    );
    query.execute(tx).await.map(|_| ())
}

/// How often a person uses a voucher: by account, by address, and by the digest of the address, which is all that is left
/// where an order was anonymised; an order that is found by several of them is one, and the account's own where it is one of
/// them. It begins with the person's orders, by the predicate of the addresses' index, and the `LIMIT` of what can be one
/// row keeps it there: a voucher that many people use would have all their orders read, while every other order with it
/// waits for its row. One statement, so that an order that is anonymised meanwhile is seen either before or after.
async fn uses_by(
    executor: impl PgExecutor<'_>,
    voucher: Uuid,
    person: &Person<'_>,
    digests: &AddressDigests,
) -> Result<UsesBefore, sqlx::Error> {
    let digests = person.email.map(|email| digests.digests(voucher, email)).unwrap_or_default();
    let query = sqlx::query!(
        r#"SELECT count(DISTINCT id) AS "of_person!", count(*) FILTER (WHERE is_own) AS "of_account!" FROM
           (SELECT o.id, o.account_id = $2 AS is_own FROM orders o CROSS JOIN LATERAL
            (SELECT FROM voucher_redemptions r WHERE r.order_id = o.id AND r.voucher_id = $1
             AND r.given_back_at IS NULL LIMIT 1) AS used
            WHERE o.account_id = $2 OR (o.email <> '' AND lower(o.email) = lower($3))
            UNION ALL
            SELECT r.order_id, false FROM voucher_redemptions r WHERE r.voucher_id = $1
            AND r.address_digest IS NOT NULL AND r.address_digest = ANY ($4) AND r.given_back_at IS NULL) AS uses"#,
        voucher,
        person.account.map(|account| account.uuid()),
        person.email,
        &digests[..]
    );
    let found = query.fetch_one(executor).await?;
    let count = |orders: i64| u32::try_from(orders).unwrap_or(u32::MAX);
    Ok(UsesBefore { of_person: count(found.of_person), of_account: count(found.of_account) })
}

fn count(value: i32) -> u32 {
    u32::try_from(value).unwrap_or_default()
}
