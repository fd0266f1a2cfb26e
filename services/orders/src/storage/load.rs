//! Orders with everything that hangs on them: one query a table, however many orders.

use std::collections::BTreeMap;

use shop_contracts::charges::LineCharge;
use shop_contracts::orders::{
    OrderLine, OrderReturn, RefundStatus, ReturnClosed, ReturnEnd, ReturnLine, ReturnStatus,
};
use shop_contracts::{Money, ProductId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::named::Named;
use super::postgres::Stored;
use super::rows::{OrderRow, StoredReturn};
use crate::aftersale::captured;
use crate::aftersale::give_back::{GiveBack, GiveBackProgress, GiveBackReason, GiveBackStep};
use crate::saga::step::Review;

type ById = BTreeMap<Uuid, Stored>;

/// Completes rows of `orders`, in their order.
pub async fn whole(connection: &mut PgConnection, rows: Vec<OrderRow>) -> Result<Vec<Stored>, sqlx::Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut orders: ById = rows.into_iter().map(|row| (row.id, row.stored())).collect();
    add_lines(connection, &ids, &mut orders).await?;
    add_give_backs(connection, &ids, &mut orders).await?;
    add_returns(connection, &ids, &mut orders).await?;
    for Stored { order, give_backs, .. } in orders.values_mut() {
        order.captured = Some(captured::captured(order, give_backs));
        order.needs_person = captured::needs_person(order, give_backs);
    }
    Ok(ids.iter().filter_map(|id| orders.remove(id)).collect())
}

async fn add_lines(
    connection: &mut PgConnection,
    ids: &[Uuid],
    orders: &mut ById,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query!(
        "SELECT order_id, product_id, name, quantity, unit_price_minor, discount_minor, tax_rate_bp, tax_minor \
         FROM order_lines WHERE order_id = ANY ($1) ORDER BY order_id, position",
        ids
    );
    for row in query.fetch_all(connection).await? {
        let Some(Stored { order, .. }) = orders.get_mut(&row.order_id) else { continue };
        let currency = order.total.currency;
        order.lines.push(OrderLine {
            product_id: ProductId::new(row.product_id),
            name: row.name,
            quantity: row.quantity.max(0) as u32,
            unit_price: Money::new(row.unit_price_minor, currency),
            charge: row.tax_rate_bp.zip(row.tax_minor).map(|(rate, tax)| LineCharge {
                discount: Money::new(row.discount_minor, currency),
                tax_rate_bp: rate.max(0) as u32,
                tax: Money::new(tax, currency),
            }),
        });
    }
    Ok(())
}

/// Money and pieces that go back, in the order's currency.
async fn add_give_backs(
    connection: &mut PgConnection,
    ids: &[Uuid],
    orders: &mut ById,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query!(
        r#"SELECT id, order_id, idempotency_key, request_hash, reason AS "reason: Named<GiveBackReason>",
           amount_minor, tax_minor, restock AS "restock: Json<Vec<ReturnLine>>", unwind,
           step AS "step: Named<GiveBackStep>", status AS "status: Named<RefundStatus>",
           review AS "review: Named<Review>", round, attempts, fence, traceparent, created_at, updated_at
           FROM give_backs WHERE order_id = ANY ($1) ORDER BY created_at, id"#,
        ids
    );
    for row in query.fetch_all(connection).await? {
        let Some(stored) = orders.get_mut(&row.order_id) else { continue };
        let currency = stored.order.total.currency;
        let it = GiveBack {
            id: row.id,
            key: row.idempotency_key,
            request_hash: row.request_hash,
            reason: row.reason.0,
            amount: Money::new(row.amount_minor, currency),
            tax: row.tax_minor.map(|minor| Money::new(minor, currency)),
            restock: row.restock.0,
            unwind: row.unwind,
            progress: GiveBackProgress {
                step: row.step.0,
                money: row.status.0,
                review: row.review.map(|it| it.0),
                round: row.round,
            },
            attempts: row.attempts,
            fence: row.fence,
            traceparent: row.traceparent,
            created_at: row.created_at,
            since: row.updated_at,
        };
        stored.order.refunds.extend(it.as_refund());
        stored.give_backs.push(it);
    }
    Ok(())
}

async fn add_returns(
    connection: &mut PgConnection,
    ids: &[Uuid],
    orders: &mut ById,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query!(
        r#"SELECT id, order_id, idempotency_key, request_hash, lines AS "lines: Json<Vec<ReturnLine>>", reason,
           status AS "status: Named<ReturnStatus>", created_at, closed_as AS "closed_as: Named<ReturnEnd>",
           closed_reason, closed_at
           FROM order_returns WHERE order_id = ANY ($1) ORDER BY created_at, id"#,
        ids
    );
    for row in query.fetch_all(connection).await? {
        let Some(stored) = orders.get_mut(&row.order_id) else { continue };
        let value = OrderReturn {
            id: row.id,
            lines: row.lines.0,
            reason: row.reason,
            status: row.status.0,
            created_at: row.created_at,
            closed: row.closed_as.zip(row.closed_at).map(|(end, at)| ReturnClosed {
                end: end.0,
                reason: row.closed_reason,
                at,
            }),
        };
        stored.order.returns.push(value.clone());
        stored.returns.push(StoredReturn { key: row.idempotency_key, request_hash: row.request_hash, value });
    }
    Ok(())
}
