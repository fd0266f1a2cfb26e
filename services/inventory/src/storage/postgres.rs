//! Stock and reservations in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::inventory::{Reservation, ReservationLine, ReservationState, StockLevel};
use shop_contracts::{OrderId, ProductId, ReservationId};
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool};

use super::ledger::{self, Movement};

/// The migrations of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// What came of an attempt to reserve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// Set aside now, or earlier for the same order.
    Yes(Reservation),
    /// Nothing was set aside: too little of this product (or it is unknown).
    Insufficient(ProductId),
}

/// The tables `stock`, `reservations`, `reservation_lines`.
#[derive(Clone)]
pub struct PgInventory {
    pub(crate) pool: PgPool,
}

impl PgInventory {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Levels of the products that are known.
    pub async fn levels(&self, ids: &[ProductId]) -> Result<Vec<StockLevel>, sqlx::Error> {
        let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let query =
            sqlx::query!("SELECT product_id, available FROM stock WHERE product_id = ANY ($1)", &ids[..]);
        let rows = db::observe("SELECT stock", query.fetch_all(&self.pool)).await?;
        let levels = rows.into_iter().map(|row| StockLevel {
            product_id: ProductId::new(row.product_id),
            available: row.available.max(0) as u32,
        });
        Ok(levels.collect())
    }

    /// Sets all lines aside, or none. `lines` are sorted by product and name each product once: two reservations that
    /// share products take their locks in the same order.
    pub async fn reserve(
        &self,
        new: &Reservation,
        lines: &[ReservationLine],
        now: DateTime<Utc>,
    ) -> Result<Reserved, sqlx::Error> {
        // Once something is sold out, whoever asks for it queues for no lock and opens no transaction.
        if let Some(short) = self.find_short(new.order_id, lines).await? {
            return Ok(Reserved::Insufficient(short));
        }
        db::observe("INSERT reservations", async {
            let mut tx = self.pool.begin().await?;
            let insert = sqlx::query!(
                "INSERT INTO reservations (id, order_id, state, expires_at, created_at, updated_at) \
                 VALUES ($1, $2, 'held', $3, $4, $4) ON CONFLICT (order_id) DO NOTHING",
                new.id.uuid(),
                new.order_id.uuid(),
                new.expires_at,
                now
            );
            if insert.execute(&mut *tx).await?.rows_affected() == 0 {
                let known = find_by_order(&mut tx, new.order_id).await?;
                return Ok(Reserved::Yes(known.ok_or(sqlx::Error::RowNotFound)?));
            }
            for line in lines {
                if !take(&mut tx, new.order_id, *line, now).await? {
                    tx.rollback().await?;
                    return Ok(Reserved::Insufficient(line.product_id));
                }
                let insert = sqlx::query!(
                    "INSERT INTO reservation_lines (reservation_id, product_id, quantity) VALUES ($1, $2, $3)",
                    new.id.uuid(),
                    line.product_id.uuid(),
                    line.quantity as i32
                );
                insert.execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(Reserved::Yes(new.clone()))
        })
        .await
    }

    /// A product of which too little is left for an order that has no reservation yet.
    async fn find_short(
        &self,
        order: OrderId,
        lines: &[ReservationLine],
    ) -> Result<Option<ProductId>, sqlx::Error> {
        let products: Vec<uuid::Uuid> = lines.iter().map(|line| line.product_id.uuid()).collect();
        let quantities: Vec<i32> = lines.iter().map(|line| line.quantity as i32).collect();
        let query = sqlx::query_scalar!(
            "SELECT wanted.product_id AS \"product_id!\" FROM unnest($2::uuid[], $3::integer[]) AS wanted (product_id, quantity) \
             LEFT JOIN stock s ON s.product_id = wanted.product_id \
             WHERE coalesce(s.available, 0) < wanted.quantity \
             AND NOT EXISTS (SELECT 1 FROM reservations WHERE order_id = $1) ORDER BY 1 LIMIT 1",
            order.uuid(),
            &products[..],
            &quantities[..]
        );
        Ok(db::observe("SELECT stock", query.fetch_optional(&self.pool)).await?.map(ProductId::new))
    }

    /// One by its id.
    pub async fn find(&self, id: ReservationId) -> Result<Option<Reservation>, sqlx::Error> {
        let query = sqlx::query_as!(
            ReservationRow,
            "SELECT id, order_id, state, expires_at FROM reservations WHERE id = $1",
            id.uuid()
        );
        let row = db::observe("SELECT reservations", query.fetch_optional(&self.pool)).await?;
        row.map(Reservation::try_from).transpose()
    }

    /// Makes a held reservation a sale. `false` when it was not held.
    pub async fn confirm(&self, id: ReservationId, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE reservations SET state = 'confirmed', updated_at = $2 WHERE id = $1 AND state = 'held'",
            id.uuid(),
            now
        );
        Ok(db::observe("UPDATE reservations", query.execute(&self.pool)).await?.rows_affected() == 1)
    }

    /// Gives a held reservation's pieces back. `false` when it was not held.
    pub async fn give_back(
        &self,
        id: ReservationId,
        state: ReservationState,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        db::observe("UPDATE reservations", async {
            let mut tx = self.pool.begin().await?;
            let given = give_back(&mut tx, id, state, now).await?;
            tx.commit().await?;
            Ok(given)
        })
        .await
    }

    /// Gives back what expired, at most `limit` reservations; several instances may do so at once.
    pub async fn expire(&self, now: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        db::observe("UPDATE reservations", async {
            let mut tx = self.pool.begin().await?;
            let due = sqlx::query_scalar!(
                "SELECT id FROM reservations WHERE state = 'held' AND expires_at <= $1 \
                 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED",
                now,
                limit
            );
            let due = due.fetch_all(&mut *tx).await?;
            // Rows of stock are locked in order of product over the whole batch: reservation by reservation, two
            // locks could be taken the other way round than `reserve` takes them.
            sqlx::query_scalar!(
                "SELECT product_id FROM stock WHERE product_id IN \
                 (SELECT product_id FROM reservation_lines WHERE reservation_id = ANY ($1)) \
                 ORDER BY product_id FOR UPDATE",
                &due[..]
            )
            .fetch_all(&mut *tx)
            .await?;
            for id in &due {
                give_back(&mut tx, ReservationId::new(*id), ReservationState::Expired, now).await?;
            }
            tx.commit().await?;
            Ok(due.len() as u64)
        })
        .await
    }

    /// Notes since when products are below a quarter of their target, and forgets those that no longer are.
    pub async fn note_low(&self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE stock SET low_since = CASE WHEN available * 4 < target THEN $1::timestamptz END WHERE product_id IN \
             (SELECT product_id FROM stock WHERE (available * 4 < target) <> (low_since IS NOT NULL) \
              ORDER BY product_id LIMIT 200 FOR UPDATE SKIP LOCKED)",
            now
        );
        db::observe("UPDATE stock", query.execute(&self.pool)).await?;
        Ok(())
    }

    /// The supplier's delivery: products that have been low since `low_before` are filled up, so that what is available
    /// and what is held are the target together. Answers how many.
    pub async fn restock(&self, low_before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        db::observe("UPDATE stock", async {
            let mut tx = self.pool.begin().await?;
            // Locked first, counted after: no reservation of these products can come between the count and the delivery.
            let lock = sqlx::query_scalar!(
                "SELECT s.product_id FROM stock s WHERE s.available * 4 < s.target AND s.low_since <= $1 \
                 AND s.available + coalesce((SELECT sum(l.quantity) FROM reservations r \
                 JOIN reservation_lines l ON l.reservation_id = r.id \
                 WHERE r.state = 'held' AND l.product_id = s.product_id), 0) < s.target \
                 ORDER BY s.product_id LIMIT 50 FOR UPDATE OF s SKIP LOCKED",
                low_before
            );
            let low = lock.fetch_all(&mut *tx).await?;
            let delivered = sqlx::query!(
                "WITH wanted AS (SELECT s.product_id, s.target - s.available - coalesce((SELECT sum(l.quantity) \
                 FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id \
                 WHERE r.state = 'held' AND l.product_id = s.product_id), 0) AS delta \
                 FROM stock s WHERE s.product_id = ANY ($1)), \
                 moved AS (UPDATE stock SET available = available + wanted.delta, low_since = NULL, \
                 movements = movements + 1 FROM wanted \
                 WHERE stock.product_id = wanted.product_id AND wanted.delta > 0 \
                 RETURNING stock.product_id, wanted.delta) \
                 INSERT INTO stock_movements (product_id, at, delta, reason) \
                 SELECT product_id, $2, delta, 'delivery' FROM moved",
                &low[..],
                now
            );
            let delivered = delivered.execute(&mut *tx).await?.rows_affected();
            tx.commit().await?;
            Ok(delivered)
        })
        .await
    }

    /// Products with nothing left.
    pub async fn out_of_stock(&self) -> Result<i64, sqlx::Error> {
        let query = sqlx::query_scalar!(r#"SELECT count(*) AS "products!" FROM stock WHERE available = 0"#);
        db::observe("SELECT stock", query.fetch_one(&self.pool)).await
    }
}

/// Takes pieces if they are there. The row's lock makes two takers queue; the second sees what is left.
async fn take(
    tx: &mut PgConnection,
    order: OrderId,
    line: ReservationLine,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let movement = Movement::by_system(line.product_id, -i64::from(line.quantity), "reserved", now);
    ledger::book(tx, &Movement { order_id: Some(order), ..movement }).await
}

async fn give_back(
    tx: &mut PgConnection,
    id: ReservationId,
    state: ReservationState,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query!(
        "UPDATE reservations SET state = $2, updated_at = $3 WHERE id = $1 AND state = 'held'",
        id.uuid(),
        state.as_str(),
        now
    );
    if moved.execute(&mut *tx).await?.rows_affected() == 0 {
        return Ok(false);
    }
    // Rows of stock are locked in order of product, as `reserve` does.
    sqlx::query_scalar!(
        "SELECT stock.product_id FROM stock JOIN reservation_lines USING (product_id) \
         WHERE reservation_id = $1 ORDER BY stock.product_id FOR UPDATE OF stock",
        id.uuid()
    )
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query!(
        "WITH moved AS (UPDATE stock SET available = available + l.quantity, movements = movements + 1 \
         FROM reservation_lines l WHERE l.reservation_id = $1 AND l.product_id = stock.product_id \
         RETURNING stock.product_id, l.quantity) \
         INSERT INTO stock_movements (product_id, at, delta, reason, order_id) \
         SELECT moved.product_id, $2, moved.quantity, $3, r.order_id FROM moved \
         JOIN reservations r ON r.id = $1 ORDER BY moved.product_id",
        id.uuid(),
        now,
        state.as_str()
    )
    .execute(&mut *tx)
    .await?;
    Ok(true)
}

async fn find_by_order(tx: &mut PgConnection, order: OrderId) -> Result<Option<Reservation>, sqlx::Error> {
    let query = sqlx::query_as!(
        ReservationRow,
        "SELECT id, order_id, state, expires_at FROM reservations WHERE order_id = $1",
        order.uuid()
    );
    query.fetch_optional(tx).await?.map(Reservation::try_from).transpose()
}

/// What is read of `reservations`.
pub(super) struct ReservationRow {
    pub id: uuid::Uuid,
    pub order_id: uuid::Uuid,
    pub state: String,
    pub expires_at: DateTime<Utc>,
}

impl TryFrom<ReservationRow> for Reservation {
    type Error = sqlx::Error;

    fn try_from(row: ReservationRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: ReservationId::new(row.id),
            order_id: OrderId::new(row.order_id),
            state: match row.state.as_str() {
                "held" => ReservationState::Held,
                "confirmed" => ReservationState::Confirmed,
                "released" => ReservationState::Released,
                "expired" => ReservationState::Expired,
                other => return Err(sqlx::Error::Decode(format!("state: unknown {other:?}").into())),
            },
            expires_at: row.expires_at,
        })
    }
}
