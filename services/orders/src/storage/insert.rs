//! A new order: its row, its lines, its event and the first line of its history, all or nothing.

use chrono::{DateTime, Utc};
use shop_contracts::orders::Order;
use shop_instrumentation::db;
use sqlx::PgConnection;

use super::history::{self, Entry, SHOPPER};
use super::outbox::{self, Event};
use super::postgres::{PgOrders, Stored};
use super::vouchers;
use crate::vouchers::Refusal;

/// What came of writing an order. Only `Written` left anything behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    Written,
    /// Its key is taken, or its cart's version consumed.
    Taken,
    /// Its voucher cannot be used any more.
    Refused(Refusal),
}

impl PgOrders {
    /// Writes a new order and redeems its voucher.
    pub async fn insert(
        &self,
        new: &Stored,
        idempotency_key: &str,
        event: &Event,
        lease_until: DateTime<Utc>,
    ) -> Result<Insertion, sqlx::Error> {
        db::observe("INSERT orders", async {
            let mut tx = self.pool().begin().await?;
            if !insert_order(&mut tx, new, idempotency_key, lease_until).await? {
                return Ok(Insertion::Taken);
            }
            if let Err(refusal) = vouchers::redeem(&mut tx, &new.order).await? {
                return Ok(Insertion::Refused(refusal));
            }
            insert_lines(&mut tx, &new.order).await?;
            outbox::insert(&mut tx, event).await?;
            let entry = Entry {
                at: new.order.placed_at,
                actor: SHOPPER.to_owned(),
                action: "placed",
                detail: String::new(),
            };
            history::insert(&mut tx, new.order.id, &entry).await?;
            tx.commit().await?;
            Ok(Insertion::Written)
        })
        .await
    }
}

async fn insert_order(
    tx: &mut PgConnection,
    new: &Stored,
    idempotency_key: &str,
    lease_until: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let order = &new.order;
    let ship_to = serde_json::to_value(&order.ship_to).map_err(|e| sqlx::Error::Encode(e.into()))?;
    let charges = order.charges.as_ref();
    let taxes = charges.map(|charges| serde_json::to_value(&charges.taxes)).transpose();
    let taxes = taxes.map_err(|e| sqlx::Error::Encode(e.into()))?;
    // No conflict target: the key and the cart's version are both unique, and either may be the one that is taken.
    let inserted = sqlx::query(
        "INSERT INTO orders (id, number, idempotency_key, request_hash, account_id, email, ship_to, payment_token, \
         total_minor, currency, status, step, lease_until, traceparent, placed_at, updated_at, fence, cart_id, \
         cart_version, delivery_method, delivery_minor, discount_minor, voucher_code, taxes) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', $11, $12, $13, $14, $14, $15, $16, $17, $18, $19, \
         $20, $21, $22) \
         ON CONFLICT DO NOTHING",
    )
    .bind(order.id.uuid())
    .bind(&order.number)
    .bind(idempotency_key)
    .bind(&new.request_hash)
    .bind(order.account_id.map(|a| a.uuid()))
    .bind(&order.email)
    .bind(ship_to)
    .bind(&new.payment_token)
    .bind(order.total.amount_minor)
    .bind(order.total.currency.code())
    .bind(new.progress.step.as_str())
    .bind(lease_until)
    .bind(&new.traceparent)
    .bind(order.placed_at)
    .bind(new.fence)
    .bind(order.cart.as_ref().map(|cart| cart.id.clone()))
    .bind(order.cart.as_ref().map(|cart| cart.version as i64))
    .bind(charges.map(|it| it.delivery_method).unwrap_or_default().as_str())
    .bind(charges.map_or(0, |it| it.delivery.amount_minor))
    .bind(charges.map_or(0, |it| it.discount.amount_minor))
    .bind(charges.and_then(|it| it.voucher.as_ref()))
    .bind(taxes)
    .execute(tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

async fn insert_lines(tx: &mut PgConnection, order: &Order) -> Result<(), sqlx::Error> {
    for (position, line) in order.lines.iter().enumerate() {
        sqlx::query(
            "INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price_minor, \
             discount_minor, tax_rate_bp, tax_minor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(order.id.uuid())
        .bind(position as i32)
        .bind(line.product_id.uuid())
        .bind(&line.name)
        .bind(line.quantity as i32)
        .bind(line.unit_price.amount_minor)
        .bind(line.charge.map_or(0, |it| it.discount.amount_minor))
        .bind(line.charge.map(|it| it.tax_rate_bp as i32))
        .bind(line.charge.map(|it| it.tax.amount_minor))
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
