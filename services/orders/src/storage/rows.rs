//! Rows to values.

use serde_json::Value;
use shop_contracts::charges::{Charges, LineCharge, TaxShare};
use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::orders::{
    CartRef, Order, OrderLine, OrderReturn, OrderStatus, RefundStatus, ReturnStatus, Shipment,
};
use shop_contracts::{AccountId, Currency, Money, OrderId, PaymentId, ProductId, ReservationId};
use sqlx::{Row as _, postgres::PgRow};

use crate::aftersale::give_back::{GiveBack, GiveBackProgress, GiveBackReason, GiveBackStep};
use crate::saga::step::{Progress, Reason, Review, Step};

/// The columns of `orders` that [`order`] and [`progress`] read.
pub const COLUMNS: &str = "id, number, account_id, email, ship_to, payment_token, total_minor, currency, status, \
                           step, reservation_id, authorisation_id, reason, review, attempts, fence, request_hash, \
                           traceparent, placed_at, updated_at, cart_id, cart_version, carrier, tracking_number, \
                           shipped_at, delivery_method, delivery_minor, discount_minor, voucher_code, taxes";

/// An announced return with the request that made it.
#[derive(Debug, Clone)]
pub struct StoredReturn {
    pub key: String,
    pub request_hash: Vec<u8>,
    pub value: OrderReturn,
}

fn unknown(column: &str, value: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column}: unknown {value:?}").into())
}

fn json<T: serde::de::DeserializeOwned>(row: &PgRow, column: &str) -> Result<T, sqlx::Error> {
    let value: Value = row.try_get(column)?;
    serde_json::from_value(value).map_err(|e| sqlx::Error::Decode(e.into()))
}

fn known<T>(row: &PgRow, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, sqlx::Error> {
    let name: String = row.try_get(column)?;
    parse(&name).ok_or_else(|| unknown(column, &name))
}

fn known_or_null<T>(
    row: &PgRow,
    column: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, sqlx::Error> {
    let name: Option<String> = row.try_get(column)?;
    name.map(|name| parse(&name).ok_or_else(|| unknown(column, &name))).transpose()
}

/// An order with its lines, without refunds and returns.
pub fn order(row: &PgRow, lines: &[&PgRow]) -> Result<Order, sqlx::Error> {
    let currency = known(row, "currency", |name| name.parse::<Currency>().ok())?;
    let account: Option<uuid::Uuid> = row.try_get("account_id")?;
    Ok(Order {
        id: OrderId::new(row.try_get("id")?),
        number: row.try_get("number")?,
        account_id: account.map(AccountId::new),
        email: row.try_get("email")?,
        status: known(row, "status", OrderStatus::parse)?,
        lines: lines.iter().map(|l| line(l, currency)).collect::<Result<_, _>>()?,
        total: Money::new(row.try_get("total_minor")?, currency),
        ship_to: json(row, "ship_to")?,
        placed_at: row.try_get("placed_at")?,
        cart: cart(row)?,
        shipment: shipment(row)?,
        refunds: Vec::new(),
        returns: Vec::new(),
        can_cancel: false,
        can_return: false,
        reason: progress(row)?.explanation(),
        charges: charges(row, currency)?,
    })
}

/// What the total is made of; nothing for a row that was written before there was anything but goods.
fn charges(row: &PgRow, currency: Currency) -> Result<Option<Charges>, sqlx::Error> {
    let taxes: Option<Value> = row.try_get("taxes")?;
    let Some(taxes) = taxes else { return Ok(None) };
    let taxes: Vec<TaxShare> = serde_json::from_value(taxes).map_err(|e| sqlx::Error::Decode(e.into()))?;
    let minor = |column| row.try_get::<i64, _>(column);
    let (total, discount, delivery) =
        (minor("total_minor")?, minor("discount_minor")?, minor("delivery_minor")?);
    let money = |minor| Money::new(minor, currency);
    Ok(Some(Charges {
        goods: money(total.saturating_sub(delivery).saturating_add(discount)),
        discount: money(discount),
        voucher: row.try_get("voucher_code")?,
        delivery_method: known(row, "delivery_method", DeliveryMethod::parse)?,
        delivery: money(delivery),
        tax: money(taxes.iter().map(|share| share.tax.amount_minor).sum()),
        taxes,
    }))
}

fn line_charge(row: &PgRow, currency: Currency) -> Result<Option<LineCharge>, sqlx::Error> {
    let tax: (Option<i32>, Option<i64>) = (row.try_get("tax_rate_bp")?, row.try_get("tax_minor")?);
    let discount: i64 = row.try_get("discount_minor")?;
    Ok(tax.0.zip(tax.1).map(|(rate, tax)| LineCharge {
        discount: Money::new(discount, currency),
        tax_rate_bp: rate.max(0) as u32,
        tax: Money::new(tax, currency),
    }))
}

fn line(row: &PgRow, currency: Currency) -> Result<OrderLine, sqlx::Error> {
    let quantity: i32 = row.try_get("quantity")?;
    Ok(OrderLine {
        product_id: ProductId::new(row.try_get("product_id")?),
        name: row.try_get("name")?,
        quantity: quantity.max(0) as u32,
        unit_price: Money::new(row.try_get("unit_price_minor")?, currency),
        charge: line_charge(row, currency)?,
    })
}

fn cart(row: &PgRow) -> Result<Option<CartRef>, sqlx::Error> {
    let (id, version): (Option<String>, Option<i64>) =
        (row.try_get("cart_id")?, row.try_get("cart_version")?);
    Ok(id.zip(version).map(|(id, version)| CartRef { id, version: version.max(0) as u64 }))
}

fn shipment(row: &PgRow) -> Result<Option<Shipment>, sqlx::Error> {
    let carrier: Option<String> = row.try_get("carrier")?;
    let Some(carrier) = carrier else { return Ok(None) };
    Ok(Some(Shipment {
        carrier,
        tracking_number: row.try_get("tracking_number")?,
        shipped_at: row.try_get("shipped_at")?,
    }))
}

/// Where the saga stands.
pub fn progress(row: &PgRow) -> Result<Progress, sqlx::Error> {
    let reservation: Option<uuid::Uuid> = row.try_get("reservation_id")?;
    let authorisation: Option<uuid::Uuid> = row.try_get("authorisation_id")?;
    Ok(Progress {
        step: known(row, "step", Step::parse)?,
        reservation: reservation.map(ReservationId::new),
        authorisation: authorisation.map(PaymentId::new),
        reason: known_or_null(row, "reason", Reason::parse)?,
        review: known_or_null(row, "review", Review::parse)?,
    })
}

/// The columns of `give_backs` that [`give_back`] reads.
pub const GIVE_BACK_COLUMNS: &str = "id, order_id, idempotency_key, request_hash, reason, amount_minor, tax_minor, restock, \
                                     unwind, step, status, review, round, attempts, fence, traceparent, created_at, \
                                     updated_at";

/// Money and pieces that go back, in the order's currency.
pub fn give_back(row: &PgRow, currency: Currency) -> Result<GiveBack, sqlx::Error> {
    Ok(GiveBack {
        id: row.try_get("id")?,
        key: row.try_get("idempotency_key")?,
        request_hash: row.try_get("request_hash")?,
        reason: known(row, "reason", GiveBackReason::parse)?,
        amount: Money::new(row.try_get("amount_minor")?, currency),
        tax: row.try_get::<Option<i64>, _>("tax_minor")?.map(|minor| Money::new(minor, currency)),
        restock: json(row, "restock")?,
        unwind: row.try_get("unwind")?,
        progress: GiveBackProgress {
            step: known(row, "step", GiveBackStep::parse)?,
            money: known(row, "status", refund_status)?,
            review: known_or_null(row, "review", Review::parse)?,
            round: row.try_get("round")?,
        },
        attempts: row.try_get("attempts")?,
        fence: row.try_get("fence")?,
        traceparent: row.try_get("traceparent")?,
        created_at: row.try_get("created_at")?,
        since: row.try_get("updated_at")?,
    })
}

fn refund_status(name: &str) -> Option<RefundStatus> {
    [RefundStatus::Pending, RefundStatus::Refunded, RefundStatus::Failed]
        .into_iter()
        .find(|status| refund_status_name(*status) == name)
}

/// Its name in the database.
pub const fn refund_status_name(status: RefundStatus) -> &'static str {
    match status {
        RefundStatus::Pending => "pending",
        RefundStatus::Refunded => "refunded",
        RefundStatus::Failed => "failed",
    }
}

/// An announced return.
pub fn order_return(row: &PgRow) -> Result<StoredReturn, sqlx::Error> {
    let status = known(row, "status", |name| match name {
        "requested" => Some(ReturnStatus::Requested),
        "received" => Some(ReturnStatus::Received),
        _ => None,
    })?;
    Ok(StoredReturn {
        key: row.try_get("idempotency_key")?,
        request_hash: row.try_get("request_hash")?,
        value: OrderReturn {
            id: row.try_get("id")?,
            lines: json(row, "lines")?,
            reason: row.try_get("reason")?,
            status,
            created_at: row.try_get("created_at")?,
        },
    })
}
