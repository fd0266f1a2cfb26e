//! Orders with everything that hangs on them: one query a table, however many orders.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::postgres::Stored;
use super::rows::{self, GIVE_BACK_COLUMNS};

type ByOrder = BTreeMap<Uuid, Vec<PgRow>>;

/// Completes rows of `orders`, in their order.
pub async fn whole(connection: &mut PgConnection, orders: Vec<PgRow>) -> Result<Vec<Stored>, sqlx::Error> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = orders.iter().map(|r| r.try_get("id")).collect::<Result<_, _>>()?;
    let lines = by_order(
        connection,
        "SELECT order_id, product_id, name, quantity, unit_price_minor, discount_minor, tax_rate_bp, tax_minor \
         FROM order_lines \
         WHERE order_id = ANY ($1) ORDER BY order_id, position"
            .to_owned(),
        &ids,
    )
    .await?;
    let sql = format!(
        "SELECT {GIVE_BACK_COLUMNS} FROM give_backs WHERE order_id = ANY ($1) ORDER BY created_at, id"
    );
    let give_backs = by_order(connection, sql, &ids).await?;
    let returns = by_order(
        connection,
        "SELECT id, order_id, idempotency_key, request_hash, lines, reason, status, created_at FROM order_returns \
         WHERE order_id = ANY ($1) ORDER BY created_at, id"
            .to_owned(),
        &ids,
    )
    .await?;
    orders.iter().map(|row| stored(row, &lines, &give_backs, &returns)).collect()
}

async fn by_order(connection: &mut PgConnection, sql: String, ids: &[Uuid]) -> Result<ByOrder, sqlx::Error> {
    let mut by_order = ByOrder::new();
    for row in sqlx::query(AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await? {
        by_order.entry(row.try_get("order_id")?).or_default().push(row);
    }
    Ok(by_order)
}

fn stored(
    row: &PgRow,
    lines: &ByOrder,
    give_backs: &ByOrder,
    returns: &ByOrder,
) -> Result<Stored, sqlx::Error> {
    let id: Uuid = row.try_get("id")?;
    let line_rows: Vec<&PgRow> = lines.get(&id).into_iter().flatten().collect();
    let mut order = rows::order(row, &line_rows)?;
    let give_backs = give_backs
        .get(&id)
        .into_iter()
        .flatten()
        .map(|row| rows::give_back(row, order.total.currency))
        .collect::<Result<Vec<_>, _>>()?;
    let returns =
        returns.get(&id).into_iter().flatten().map(rows::order_return).collect::<Result<Vec<_>, _>>()?;
    order.refunds = give_backs.iter().filter_map(|it| it.as_refund()).collect();
    order.returns = returns.iter().map(|it| it.value.clone()).collect();
    Ok(Stored {
        order,
        progress: rows::progress(row)?,
        payment_token: row.try_get("payment_token")?,
        request_hash: row.try_get("request_hash")?,
        attempts: row.try_get("attempts")?,
        fence: row.try_get("fence")?,
        since: row.try_get("updated_at")?,
        traceparent: row.try_get("traceparent")?,
        give_backs,
        returns,
    })
}
