//! Rows to values.

use serde_json::Value;
use shop_contracts::orders::{Order, OrderLine, OrderStatus};
use shop_contracts::{AccountId, Currency, Money, OrderId, PaymentId, ProductId, ReservationId};
use sqlx::{Row as _, postgres::PgRow};

use crate::saga::step::{Progress, Reason, Step};

/// The columns that [`order`] and [`progress`] read.
pub const COLUMNS: &str = "id, number, account_id, email, ship_to, payment_token, total_minor, currency, status, \
                           step, reservation_id, authorisation_id, reason, attempts, request_hash, traceparent, \
                           placed_at";

fn unknown(column: &str, value: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column}: unknown {value:?}").into())
}

fn currency(row: &PgRow) -> Result<Currency, sqlx::Error> {
    let name: String = row.try_get("currency")?;
    name.parse().map_err(|_| unknown("currency", &name))
}

/// An order with its lines.
pub fn order(row: &PgRow, lines: &[PgRow]) -> Result<Order, sqlx::Error> {
    let currency = currency(row)?;
    let status: String = row.try_get("status")?;
    let ship_to: Value = row.try_get("ship_to")?;
    let account: Option<uuid::Uuid> = row.try_get("account_id")?;
    Ok(Order {
        id: OrderId::new(row.try_get("id")?),
        number: row.try_get("number")?,
        account_id: account.map(AccountId::new),
        email: row.try_get("email")?,
        status: OrderStatus::parse(&status).ok_or_else(|| unknown("status", &status))?,
        lines: lines.iter().map(|l| line(l, currency)).collect::<Result<_, _>>()?,
        total: Money::new(row.try_get("total_minor")?, currency),
        ship_to: serde_json::from_value(ship_to).map_err(|e| sqlx::Error::Decode(e.into()))?,
        placed_at: row.try_get("placed_at")?,
        cart: None,
        shipment: None,
        refunds: Vec::new(),
        returns: Vec::new(),
        can_cancel: false,
        can_return: false,
        reason: None,
    })
}

fn line(row: &PgRow, currency: Currency) -> Result<OrderLine, sqlx::Error> {
    let quantity: i32 = row.try_get("quantity")?;
    Ok(OrderLine {
        product_id: ProductId::new(row.try_get("product_id")?),
        name: row.try_get("name")?,
        quantity: quantity.max(0) as u32,
        unit_price: Money::new(row.try_get("unit_price_minor")?, currency),
    })
}

/// Where the saga stands.
pub fn progress(row: &PgRow) -> Result<Progress, sqlx::Error> {
    let step: String = row.try_get("step")?;
    let reason: Option<String> = row.try_get("reason")?;
    let reservation: Option<uuid::Uuid> = row.try_get("reservation_id")?;
    let authorisation: Option<uuid::Uuid> = row.try_get("authorisation_id")?;
    let reason = reason.map(|r| Reason::parse(&r).ok_or_else(|| unknown("reason", &r))).transpose()?;
    Ok(Progress {
        step: Step::parse(&step).ok_or_else(|| unknown("step", &step))?,
        reservation: reservation.map(ReservationId::new),
        authorisation: authorisation.map(PaymentId::new),
        reason,
    })
}
