//! Vouchers and which orders use them, from the database of orders.

use std::collections::BTreeMap;

use sqlx::{Row as _, postgres::PgRow, types::Uuid};

use super::{Reader, minor};
use crate::invariants::snapshot::{Benefit, Redemption, Voucher};

/// Vouchers by id, redemptions by order; of the snapshot that the orders are read in.
pub async fn read(
    reader: &mut Reader,
) -> Result<(BTreeMap<Uuid, Voucher>, BTreeMap<Uuid, Redemption>), String> {
    let sql = "SELECT id, code, benefit, minimum_minor, starts_at, ends_at, uses::bigint AS uses, \
               max_uses::bigint AS max_uses, max_uses_per_person::bigint AS max_uses_per_person, created_at \
               FROM vouchers";
    let vouchers = reader.rows(sql, voucher).await?.into_iter().collect();
    let sql = "SELECT order_id, voucher_id, address_digest, given_back_at IS NULL AS counts FROM voucher_redemptions";
    let redemptions = reader.rows(sql, redemption).await?.into_iter().collect();
    Ok((vouchers, redemptions))
}

fn voucher(row: &PgRow) -> Result<(Uuid, Voucher), sqlx::Error> {
    let it = Voucher {
        code: row.try_get("code")?,
        benefit: benefit(row)?,
        minimum: row.try_get("minimum_minor")?,
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
        uses: row.try_get("uses")?,
        max_uses: row.try_get("max_uses")?,
        max_uses_per_person: row.try_get("max_uses_per_person")?,
        created_at: row.try_get("created_at")?,
    };
    Ok((row.try_get("id")?, it))
}

/// `{"kind": "percent", "percent": …}` or `{"kind": "amount", "amount": {"amount_minor": …}}`.
fn benefit(row: &PgRow) -> Result<Benefit, sqlx::Error> {
    let value: serde_json::Value = row.try_get("benefit")?;
    let known = match value["kind"].as_str() {
        Some("percent") => value["percent"].as_i64().map(Benefit::Percent),
        Some("amount") => minor(&value["amount"]).map(Benefit::Amount),
        _ => None,
    };
    known.ok_or_else(|| sqlx::Error::Decode("benefit: neither a percentage nor an amount".into()))
}

fn redemption(row: &PgRow) -> Result<(Uuid, Redemption), sqlx::Error> {
    let it = Redemption {
        voucher: row.try_get("voucher_id")?,
        address_digest: row.try_get("address_digest")?,
        counts: row.try_get("counts")?,
    };
    Ok((row.try_get("order_id")?, it))
}
