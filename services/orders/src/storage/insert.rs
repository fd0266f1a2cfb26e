//! A new order: its row, its lines, its event and the first line of its history, all or nothing.

use chrono::{DateTime, Utc};
use shop_contracts::OrderId;
use shop_contracts::orders::{KnownOrders, Order, OrderLine};
use shop_instrumentation::db;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::by_cart;
use super::history::{self, Entry, SHOPPER};
use super::outbox::{self, Event};
use super::postgres::{PgOrders, Stored};
use super::vouchers;
use crate::vouchers::Refusal;

/// What came of writing an order. Only `Written` left anything behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Insertion {
    Written,
    /// Its key is taken, or its cart's version consumed.
    Taken,
    /// There are orders of its cart that it does not account for.
    CartOrdered(Vec<OrderId>),
    /// Its voucher cannot be used any more.
    Refused(Refusal),
}

impl PgOrders {
    /// Writes a new order and redeems its voucher. `known` is what its cart knows of other orders, where it says so.
    pub async fn insert(
        &self,
        new: &Stored,
        idempotency_key: &str,
        event: &Event,
        known: Option<&KnownOrders>,
        lease_until: DateTime<Utc>,
    ) -> Result<Insertion, sqlx::Error> {
        db::observe("INSERT orders", async {
            let mut tx = self.pool().begin().await?;
            if let Some((cart, known)) = new.order.cart.as_ref().zip(known) {
                by_cart::lock(&mut tx, cart, known).await?;
                let others = by_cart::unaccounted(&mut tx, cart, known).await?;
                if !others.is_empty() {
                    return Ok(Insertion::CartOrdered(others));
                }
            }
            if !insert_order(&mut tx, new, idempotency_key, lease_until).await? {
                return Ok(Insertion::Taken);
            }
            if let Err(refusal) = vouchers::redeem(&mut tx, &new.order, self.digests()).await? {
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
            history::insert(&mut tx, &[new.order.id.uuid()], &entry).await?;
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
    let charges = order.charges.as_ref();
    // No conflict target: the key and the cart's version are both unique, and either may be the one that is taken.
    let inserted = sqlx::query!(
        "INSERT INTO orders (id, number, idempotency_key, request_hash, account_id, email, ship_to, payment_token, \
         total_minor, currency, status, step, lease_until, traceparent, placed_at, updated_at, fence, cart_id, \
         cart_version, delivery_method, delivery_minor, discount_minor, voucher_code, taxes) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', $11, $12, $13, $14, $14, $15, $16, $17, $18, $19, \
         $20, $21, $22) \
         ON CONFLICT DO NOTHING",
        order.id.uuid(),
        order.number,
        idempotency_key,
        new.request_hash,
        order.account_id.map(|a| a.uuid()),
        order.email,
        Json(&order.ship_to) as _,
        new.payment_token,
        order.total.amount_minor,
        order.total.currency.code(),
        new.progress.step.as_str(),
        lease_until,
        new.traceparent,
        order.placed_at,
        new.fence,
        order.cart.as_ref().map(|cart| &cart.id),
        order.cart.as_ref().map(|cart| cart.version as i64),
        charges.map(|it| it.delivery_method).unwrap_or_default().as_str(),
        charges.map_or(0, |it| it.delivery.amount_minor),
        charges.map_or(0, |it| it.discount.amount_minor),
        charges.and_then(|it| it.voucher.as_ref()),
        charges.map(|it| Json(&it.taxes)) as _
    )
    .execute(tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// All lines in one statement, a column a parameter; their positions are their places in the columns.
async fn insert_lines(tx: &mut PgConnection, order: &Order) -> Result<(), sqlx::Error> {
    fn column<T>(order: &Order, of: impl Fn(&OrderLine) -> T) -> Vec<T> {
        order.lines.iter().map(of).collect()
    }
    sqlx::query!(
        "INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price_minor, discount_minor, \
         tax_rate_bp, tax_minor) \
         SELECT $1, place - 1, product_id, name, quantity, price, discount, tax_rate, tax \
         FROM unnest($2::uuid[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::integer[], $8::bigint[]) \
         WITH ORDINALITY AS line (product_id, name, quantity, price, discount, tax_rate, tax, place)",
        order.id.uuid(),
        &column(order, |line| line.product_id.uuid())[..],
        &column(order, |line| line.name.clone())[..],
        &column(order, |line| line.quantity as i32)[..],
        &column(order, |line| line.unit_price.amount_minor)[..],
        &column(order, |line| line.charge.map_or(0, |it| it.discount.amount_minor))[..],
        &column(order, |line| line.charge.map(|it| it.tax_rate_bp as i32))[..] as _,
        &column(order, |line| line.charge.map(|it| it.tax.amount_minor))[..] as _
    )
    .execute(tx)
    .await
    .map(|_| ())
}
