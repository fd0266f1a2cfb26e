//! The database of orders.

use std::collections::BTreeMap;

use sqlx::{
    Row as _,
    postgres::PgRow,
    types::{
        Uuid,
        chrono::{DateTime, Utc},
    },
};

use super::{Reader, minor, named, pieces, vouchers};
use crate::invariants::snapshot::{
    Amount, Buyer, Charges, DeliveryMethod, GiveBack, GiveBackStep, Line, MoneyBack, Order, OrderBooks,
    OrderReturn, Pieces, Status, Step, TaxShare, WaitingEvent,
};

/// Reads orders with everything that hangs on them.
pub async fn read(urls: &[String]) -> Result<OrderBooks, String> {
    let mut reader = Reader::open("orders", urls).await?;
    let now = reader.rows("SELECT now() AS now", |row| row.try_get("now")).await?;
    let now: DateTime<Utc> = now.into_iter().next().ok_or("the database of orders has no clock")?;
    let sql = "SELECT id, number, status, step, reason, review, reservation_id, authorisation_id, total_minor, \
               currency, cart_id, cart_version, account_id, lower(email) AS email, delivery_minor, discount_minor, \
               voucher_code, taxes, placed_at, updated_at, lease_until, delivery_method, ship_to ->> 'country' AS country, \
               shipped_at IS NOT NULL AS is_shipped, anonymise_requested_at IS NOT NULL AS is_to_be_anonymised FROM orders";
    let mut orders: BTreeMap<Uuid, Order> = reader.rows(sql, order).await?.into_iter().collect();
    let sql = "SELECT order_id, product_id, quantity, unit_price_minor, discount_minor, tax_rate_bp, tax_minor \
               FROM order_lines ORDER BY order_id, position";
    for (id, line) in reader.rows(sql, line).await? {
        let Some(order) = orders.get_mut(&id) else { continue };
        *order.pieces.entry(line.product).or_default() += line.quantity;
        order.lines.push(line);
    }
    let sql = "SELECT id, order_id, idempotency_key, reason, amount_minor, restock, unwind, step, status, review, \
               money_by_hand_at IS NOT NULL AS is_money_by_hand, \
               pieces_by_hand_at IS NOT NULL AS are_pieces_by_hand, \
               created_at, updated_at, lease_until FROM give_backs ORDER BY created_at, id";
    for (id, it) in reader.rows(sql, give_back).await? {
        orders.entry(id).and_modify(|order| order.give_backs.push(it));
    }
    let sql = "SELECT id, order_id, lines, status = 'received' AS is_received FROM order_returns";
    for (id, it) in reader.rows(sql, order_return).await? {
        orders.entry(id).and_modify(|order| order.returns.push(it));
    }
    let sql = "SELECT order_id, CASE WHEN action = 'resolved' AND detail LIKE 'cancel:%' \
               THEN 'resolved_by_cancelling' ELSE action END AS action, count(*) AS times \
               FROM order_history GROUP BY 1, 2";
    for (id, action, times) in reader.rows(sql, happened).await? {
        orders.entry(id).and_modify(|order| {
            order.history.insert(action, times);
        });
    }
    let sql = "SELECT event_id, kind, payload ->> 'order_id' AS order_id, created_at FROM outbox";
    let outbox = reader.rows(sql, waiting).await?;
    let (vouchers, redemptions) = vouchers::read(&mut reader).await?;
    Ok(OrderBooks { now, orders, outbox, vouchers, redemptions })
}

fn order(row: &PgRow) -> Result<(Uuid, Order), sqlx::Error> {
    let (cart, version): (Option<String>, Option<i64>) =
        (row.try_get("cart_id")?, row.try_get("cart_version")?);
    let order = Order {
        number: row.try_get("number")?,
        status: named(row, "status", Status::parse)?,
        step: named(row, "step", Step::parse)?,
        reason: row.try_get("reason")?,
        review: row.try_get("review")?,
        reservation: row.try_get("reservation_id")?,
        authorisation: row.try_get("authorisation_id")?,
        total: Amount { minor: row.try_get("total_minor")?, currency: row.try_get("currency")? },
        charges: Charges {
            method: named(row, "delivery_method", DeliveryMethod::parse)?,
            country: row.try_get("country")?,
            delivery: row.try_get("delivery_minor")?,
            discount: row.try_get("discount_minor")?,
            voucher: row.try_get("voucher_code")?,
            taxes: taxes(row)?,
        },
        buyer: Buyer { account: row.try_get("account_id")?, email: row.try_get("email")? },
        cart: cart.zip(version),
        placed_at: row.try_get("placed_at")?,
        updated_at: row.try_get("updated_at")?,
        lease_until: row.try_get("lease_until")?,
        is_shipped: row.try_get("is_shipped")?,
        is_to_be_anonymised: row.try_get("is_to_be_anonymised")?,
        lines: Vec::new(),
        pieces: Pieces::new(),
        give_backs: Vec::new(),
        returns: Vec::new(),
        history: BTreeMap::new(),
    };
    Ok((row.try_get("id")?, order))
}

fn line(row: &PgRow) -> Result<(Uuid, Line), sqlx::Error> {
    let (rate, tax): (Option<i32>, Option<i64>) = (row.try_get("tax_rate_bp")?, row.try_get("tax_minor")?);
    let quantity: i32 = row.try_get("quantity")?;
    let it = Line {
        product: row.try_get("product_id")?,
        quantity: i64::from(quantity),
        unit_price: row.try_get("unit_price_minor")?,
        discount: row.try_get("discount_minor")?,
        tax: rate.map(i64::from).zip(tax),
    };
    Ok((row.try_get("order_id")?, it))
}

/// A column with `[{"rate_bp": …, "gross": {"amount_minor": …}, "tax": {"amount_minor": …}}]`.
fn taxes(row: &PgRow) -> Result<Option<Vec<TaxShare>>, sqlx::Error> {
    let Some(value) = row.try_get::<Option<serde_json::Value>, _>("taxes")? else { return Ok(None) };
    let share = |it: &serde_json::Value| {
        Some(TaxShare {
            rate_bp: it["rate_bp"].as_i64()?,
            gross: minor(&it["gross"])?,
            tax: minor(&it["tax"])?,
        })
    };
    let shares = value.as_array().and_then(|all| all.iter().map(share).collect::<Option<Vec<_>>>());
    shares.map(Some).ok_or_else(|| sqlx::Error::Decode("taxes: no list of shares".into()))
}

fn give_back(row: &PgRow) -> Result<(Uuid, GiveBack), sqlx::Error> {
    let it = GiveBack {
        id: row.try_get("id")?,
        key: row.try_get("idempotency_key")?,
        reason: row.try_get("reason")?,
        amount_minor: row.try_get("amount_minor")?,
        restock: pieces(row, "restock")?,
        unwind: row.try_get("unwind")?,
        step: named(row, "step", GiveBackStep::parse)?,
        money: named(row, "status", MoneyBack::parse)?,
        review: row.try_get("review")?,
        is_money_by_hand: row.try_get("is_money_by_hand")?,
        are_pieces_by_hand: row.try_get("are_pieces_by_hand")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        lease_until: row.try_get("lease_until")?,
    };
    Ok((row.try_get("order_id")?, it))
}

fn order_return(row: &PgRow) -> Result<(Uuid, OrderReturn), sqlx::Error> {
    let it = OrderReturn {
        id: row.try_get("id")?,
        lines: pieces(row, "lines")?,
        is_received: row.try_get("is_received")?,
    };
    Ok((row.try_get("order_id")?, it))
}

fn happened(row: &PgRow) -> Result<(Uuid, String, i64), sqlx::Error> {
    Ok((row.try_get("order_id")?, row.try_get("action")?, row.try_get("times")?))
}

fn waiting(row: &PgRow) -> Result<WaitingEvent, sqlx::Error> {
    let order: Option<String> = row.try_get("order_id")?;
    Ok(WaitingEvent {
        id: row.try_get("event_id")?,
        order: order.and_then(|id| id.parse().ok()),
        kind: row.try_get("kind")?,
        created_at: row.try_get("created_at")?,
    })
}
