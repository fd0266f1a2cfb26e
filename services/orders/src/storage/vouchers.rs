//! The tables `vouchers` and `voucher_redemptions`.

use chrono::{DateTime, Utc};
use shop_contracts::orders::Order;
use shop_contracts::vouchers::{Voucher, VoucherTerms};
use shop_contracts::{Currency, Money, OrderId};
use shop_instrumentation::db;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, PgExecutor, Row as _};
use uuid::Uuid;

use super::postgres::PgOrders;
use crate::vouchers::{Person, Refusal, usable};

const COLUMNS: &str = "id, code, benefit, minimum_minor, currency, starts_at, ends_at, max_uses, max_uses_per_person, \
                       uses, note, created_by, created_at, ended_by, ended_at, end_note";

/// How often a person uses a voucher, by account or by address.
const USES_BY: &str = "SELECT count(*) FROM voucher_redemptions r JOIN orders o ON o.id = r.order_id \
                       WHERE r.voucher_id = $1 AND r.given_back_at IS NULL \
                       AND (o.account_id = $2 OR lower(o.email) = lower($3))";

impl PgOrders {
    /// The voucher with this code.
    pub async fn find_voucher(&self, code: &str) -> Result<Option<Voucher>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM vouchers WHERE code = $1");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(code);
        let row = db::observe("SELECT vouchers", query.fetch_optional(self.pool())).await?;
        row.as_ref().map(voucher).transpose()
    }

    /// How many orders of a person use a voucher.
    pub async fn voucher_uses_by(&self, id: Uuid, person: &Person<'_>) -> Result<u32, sqlx::Error> {
        db::observe("SELECT voucher_redemptions", uses_by(self.pool(), id, person)).await
    }

    /// Vouchers, newest first.
    pub async fn list_vouchers(&self, offset: i64, limit: i64) -> Result<Vec<Voucher>, sqlx::Error> {
        let sql =
            format!("SELECT {COLUMNS} FROM vouchers ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(limit).bind(offset);
        let rows = db::observe("SELECT vouchers", query.fetch_all(self.pool())).await?;
        rows.iter().map(voucher).collect()
    }

    /// Writes a voucher, unless there is one with its code; answers the one that stands.
    pub async fn insert_voucher(&self, new: &Voucher) -> Result<Voucher, sqlx::Error> {
        let benefit = serde_json::to_value(new.terms.benefit).map_err(|e| sqlx::Error::Encode(e.into()))?;
        // An update that changes nothing, so that the row comes back either way.
        let sql = format!(
            "INSERT INTO vouchers (id, code, benefit, minimum_minor, currency, starts_at, ends_at, max_uses, \
             max_uses_per_person, note, created_by, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (code) DO UPDATE SET code = EXCLUDED.code RETURNING {COLUMNS}"
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(new.id)
            .bind(&new.terms.code)
            .bind(benefit)
            .bind(new.terms.minimum.amount_minor)
            .bind(new.terms.minimum.currency.code())
            .bind(new.starts_at)
            .bind(new.ends_at)
            .bind(new.max_uses as i32)
            .bind(new.max_uses_per_person.map(|most| most as i32))
            .bind(&new.note)
            .bind(&new.created_by)
            .bind(new.created_at);
        let row = db::observe("INSERT vouchers", query.fetch_one(self.pool())).await?;
        voucher(&row)
    }

    /// Ends a voucher, once; `None` when there is none.
    pub async fn end_voucher(
        &self,
        id: Uuid,
        actor: &str,
        note: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Voucher>, sqlx::Error> {
        let sql = format!(
            "UPDATE vouchers SET ended_by = coalesce(ended_by, $2), ended_at = coalesce(ended_at, $3), \
             end_note = CASE WHEN ended_at IS NULL THEN $4 ELSE end_note END WHERE id = $1 RETURNING {COLUMNS}"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(id).bind(actor).bind(now).bind(note);
        let row = db::observe("UPDATE vouchers", query.fetch_optional(self.pool())).await?;
        row.as_ref().map(voucher).transpose()
    }
}

/// Lets a new order use the voucher that it names, in the transaction that writes the order. The order's row comes before
/// the voucher's in every transaction, so that two of them never wait for each other; the lock lasts for three short
/// statements, and nobody waits for it longer than a statement may take.
pub async fn redeem(tx: &mut PgConnection, order: &Order) -> Result<Result<(), Refusal>, sqlx::Error> {
    let Some((code, goods)) = order.charges.as_ref().and_then(|it| Some((it.voucher.as_ref()?, it.goods)))
    else {
        return Ok(Ok(()));
    };
    let sql = format!("SELECT {COLUMNS} FROM vouchers WHERE code = $1 FOR UPDATE");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(code).fetch_optional(&mut *tx).await?;
    let Some(found) = row.as_ref().map(voucher).transpose()? else { return Ok(Err(Refusal::Unknown)) };
    let person = Person { account: order.account_id, email: Some(&order.email) };
    let by_person = uses_by(&mut *tx, found.id, &person).await?;
    if let Err(refusal) = usable(&found, by_person, goods, order.placed_at) {
        return Ok(Err(refusal));
    }
    book(tx, found.id, order.id).await.map(Ok)
}

async fn book(tx: &mut PgConnection, voucher: Uuid, order: OrderId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE vouchers SET uses = uses + 1 WHERE id = $1").bind(voucher).execute(&mut *tx).await?;
    sqlx::query("INSERT INTO voucher_redemptions (order_id, voucher_id) VALUES ($1, $2)")
        .bind(order.uuid())
        .bind(voucher)
        .execute(tx)
        .await
        .map(|_| ())
}

async fn uses_by(
    executor: impl PgExecutor<'_>,
    voucher: Uuid,
    person: &Person<'_>,
) -> Result<u32, sqlx::Error> {
    let query = sqlx::query_scalar(USES_BY).bind(voucher);
    let query = query.bind(person.account.map(|account| account.uuid())).bind(person.email);
    let count: i64 = query.fetch_one(executor).await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn voucher(row: &PgRow) -> Result<Voucher, sqlx::Error> {
    let currency: String = row.try_get("currency")?;
    let currency: Currency = currency.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
    let benefit: serde_json::Value = row.try_get("benefit")?;
    let count = |value: i32| u32::try_from(value).unwrap_or_default();
    Ok(Voucher {
        id: row.try_get("id")?,
        terms: VoucherTerms {
            code: row.try_get("code")?,
            benefit: serde_json::from_value(benefit).map_err(|e| sqlx::Error::Decode(e.into()))?,
            minimum: Money::new(row.try_get("minimum_minor")?, currency),
        },
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
        max_uses: count(row.try_get("max_uses")?),
        max_uses_per_person: row.try_get::<Option<i32>, _>("max_uses_per_person")?.map(count),
        uses: count(row.try_get("uses")?),
        note: row.try_get("note")?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        ended_by: row.try_get("ended_by")?,
        ended_at: row.try_get("ended_at")?,
        end_note: row.try_get("end_note")?,
    })
}
