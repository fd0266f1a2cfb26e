//! Pieces of a confirmed reservation that go back on sale.

use chrono::{DateTime, Utc};
use serde_json::Value;
use shop_contracts::inventory::{Reservation, ReservationLine, ReservationState};
use shop_contracts::{ProductId, ReservationId};
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool};

use super::ledger::{self, Movement};
use super::postgres::ReservationRow;

/// What came of giving pieces back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// Given back now, or earlier under the same key.
    Yes(Reservation),
    /// There is no such reservation.
    Unknown,
    /// It was never sold.
    NotConfirmed(ReservationState),
    /// The key belongs to another return of this reservation.
    KeyReused,
    /// More of this product than was reserved and not yet given back.
    TooMany(ProductId),
}

/// Gives all lines back, or none. `lines` are sorted by product and name each product once.
pub async fn give_back(
    pool: &PgPool,
    id: ReservationId,
    key: &str,
    lines: &[ReservationLine],
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Returned, sqlx::Error> {
    let request = serde_json::json!({ "lines": lines, "reason": reason });
    db::observe("UPDATE reservation_lines", async {
        let mut tx = pool.begin().await?;
        // The reservation's lock comes before those of stock, as everywhere; two returns of one sale queue here.
        let query = sqlx::query_as!(
            ReservationRow,
            "SELECT id, order_id, state, expires_at FROM reservations WHERE id = $1 FOR NO KEY UPDATE",
            id.uuid()
        );
        let Some(row) = query.fetch_optional(&mut *tx).await? else { return Ok(Returned::Unknown) };
        let sale = Reservation::try_from(row)?;
        if sale.state != ReservationState::Confirmed {
            return Ok(Returned::NotConfirmed(sale.state));
        }
        if let Some(earlier) = find_request(&mut tx, id, key).await? {
            return Ok(if earlier == request { Returned::Yes(sale) } else { Returned::KeyReused });
        }
        for line in lines {
            if !mark_returned(&mut tx, id, *line).await? {
                return Ok(Returned::TooMany(line.product_id));
            }
            let movement = Movement {
                order_id: Some(sale.order_id),
                ..Movement::by_system(line.product_id, i64::from(line.quantity), reason, now)
            };
            if !ledger::book(&mut tx, &movement).await? {
                return Ok(Returned::TooMany(line.product_id));
            }
        }
        let insert = sqlx::query!(
            "INSERT INTO reservation_returns (reservation_id, idempotency_key, request, at) VALUES ($1, $2, $3, $4)",
            id.uuid(),
            key,
            request,
            now
        );
        insert.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Returned::Yes(sale))
    })
    .await
}

async fn find_request(
    tx: &mut PgConnection,
    id: ReservationId,
    key: &str,
) -> Result<Option<Value>, sqlx::Error> {
    let query = sqlx::query_scalar!(
        "SELECT request FROM reservation_returns WHERE reservation_id = $1 AND idempotency_key = $2",
        id.uuid(),
        key
    );
    query.fetch_optional(tx).await
}

async fn mark_returned(
    tx: &mut PgConnection,
    id: ReservationId,
    line: ReservationLine,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query!(
        "UPDATE reservation_lines SET returned = returned + $3 \
         WHERE reservation_id = $1 AND product_id = $2 AND returned + $3 <= quantity",
        id.uuid(),
        line.product_id.uuid(),
        line.quantity as i32
    );
    Ok(query.execute(tx).await?.rows_affected() == 1)
}
