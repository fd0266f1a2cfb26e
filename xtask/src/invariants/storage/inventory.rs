//! The database of inventory: levels, their movements, reservations.

use std::collections::BTreeMap;

use sqlx::{Row as _, postgres::PgRow, types::Uuid};

use super::{Reader, named};
use crate::invariants::snapshot::{InventoryBooks, Level, Movement, Pieces, Reservation, ReservationState};

/// Reads all three.
pub async fn read(urls: &[String]) -> Result<InventoryBooks, String> {
    let mut reader = Reader::open("inventory", urls).await?;
    let sql = "SELECT s.product_id, s.available::bigint AS available, coalesce(sum(m.delta), 0)::bigint AS booked, \
               max(m.at) FILTER (WHERE m.reason = 'opening') AS folded_until \
               FROM stock s LEFT JOIN stock_movements m USING (product_id) GROUP BY s.product_id, s.available";
    let levels = reader.rows(sql, level).await?.into_iter().collect();
    let sql = "SELECT order_id, id, state, expires_at, created_at FROM reservations";
    let mut reservations: BTreeMap<Uuid, Reservation> =
        reader.rows(sql, reservation).await?.into_iter().collect();
    let sql = "SELECT r.order_id, l.product_id, l.quantity, l.returned FROM reservation_lines l \
               JOIN reservations r ON r.id = l.reservation_id";
    for (order, product, quantity, returned) in reader.rows(sql, line).await? {
        let Some(reservation) = reservations.get_mut(&order) else { continue };
        reservation.pieces.insert(product, i64::from(quantity));
        if returned != 0 {
            reservation.returned.insert(product, i64::from(returned));
        }
    }
    let sql = "SELECT order_id, product_id, sum(delta)::bigint AS delta FROM stock_movements \
               WHERE order_id IS NOT NULL GROUP BY order_id, product_id";
    let moved = reader.rows(sql, moved).await?.into_iter().collect();
    let sql = "SELECT id, product_id, delta, reason, actor, at FROM stock_movements WHERE order_id IS NULL";
    let others = reader.rows(sql, other).await?;
    Ok(InventoryBooks { levels, reservations, moved, others })
}

fn level(row: &PgRow) -> Result<(Uuid, Level), sqlx::Error> {
    let it = Level {
        available: row.try_get("available")?,
        booked: row.try_get("booked")?,
        folded_until: row.try_get("folded_until")?,
    };
    Ok((row.try_get("product_id")?, it))
}

fn reservation(row: &PgRow) -> Result<(Uuid, Reservation), sqlx::Error> {
    let it = Reservation {
        id: row.try_get("id")?,
        state: named(row, "state", ReservationState::parse)?,
        expires_at: row.try_get("expires_at")?,
        created_at: row.try_get("created_at")?,
        pieces: Pieces::new(),
        returned: Pieces::new(),
    };
    Ok((row.try_get("order_id")?, it))
}

fn line(row: &PgRow) -> Result<(Uuid, Uuid, i32, i32), sqlx::Error> {
    Ok((
        row.try_get("order_id")?,
        row.try_get("product_id")?,
        row.try_get("quantity")?,
        row.try_get("returned")?,
    ))
}

fn moved(row: &PgRow) -> Result<((Uuid, Uuid), i64), sqlx::Error> {
    Ok(((row.try_get("order_id")?, row.try_get("product_id")?), row.try_get("delta")?))
}

fn other(row: &PgRow) -> Result<Movement, sqlx::Error> {
    Ok(Movement {
        id: row.try_get("id")?,
        product: row.try_get("product_id")?,
        delta: row.try_get("delta")?,
        reason: row.try_get("reason")?,
        actor: row.try_get("actor")?,
        at: row.try_get("at")?,
    })
}
