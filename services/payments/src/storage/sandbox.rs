//! The sandbox provider's books in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::{Money, OrderId};
use shop_instrumentation::{db, ids};
use sqlx::{PgPool, Postgres, Row as _, Transaction};

use crate::provider::{Lookup, ProviderPayment, ProviderRefund, RefundStanding, Standing};

/// Money that moves after the hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    Capture,
    Release,
    Refund,
}

impl Movement {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Refund => "refund",
        }
    }
}

/// A payment to decide about.
#[derive(Debug, Clone, Copy)]
pub struct NewPayment<'a> {
    pub key: &'a str,
    pub order_id: OrderId,
    pub amount: Money,
    pub approved: bool,
    pub capture_fails: bool,
}

/// What was decided, now or under the same key before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub reference: String,
    pub approved: bool,
}

/// The tables `sandbox_payments` and `sandbox_movements`.
#[derive(Clone)]
pub struct PgSandbox {
    pool: PgPool,
}

impl PgSandbox {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Decides about a payment once a key. The inner error says why the sandbox refuses.
    pub async fn decide(
        &self,
        new: &NewPayment<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<Decided, &'static str>, sqlx::Error> {
        db::observe("INSERT sandbox_payments", async {
            let mut tx = self.pool.begin().await?;
            let reference = format!("sbx_{}", ids::new_id().simple());
            let inserted = sqlx::query(
                "INSERT INTO sandbox_payments (reference, idempotency_key, order_id, amount_minor, currency, outcome, \
                 capture_fails, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (idempotency_key) DO NOTHING",
            )
            .bind(&reference)
            .bind(new.key)
            .bind(new.order_id.uuid())
            .bind(new.amount.amount_minor)
            .bind(new.amount.currency.code())
            .bind(if new.approved { "approved" } else { "declined" })
            .bind(new.capture_fails)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            if inserted.rows_affected() == 1 {
                if new.approved {
                    insert_movement(&mut tx, &reference, "hold", new.key, new.amount.amount_minor, now).await?;
                }
                tx.commit().await?;
                return Ok(Ok(Decided { reference, approved: new.approved }));
            }
            let row = sqlx::query(
                "SELECT reference, outcome, amount_minor, currency FROM sandbox_payments WHERE idempotency_key = $1",
            )
            .bind(new.key)
            .fetch_one(&mut *tx)
            .await?;
            let (amount, currency): (i64, String) = (row.try_get("amount_minor")?, row.try_get("currency")?);
            if amount != new.amount.amount_minor || currency != new.amount.currency.code() {
                return Ok(Err("this key was used for another amount"));
            }
            let outcome: String = row.try_get("outcome")?;
            Ok(Ok(Decided { reference: row.try_get("reference")?, approved: outcome == "approved" }))
        })
        .await
    }

    /// Records a movement once a key. The inner error says why the sandbox refuses.
    pub async fn record(
        &self,
        kind: Movement,
        key: &str,
        reference: &str,
        amount: Option<Money>,
        now: DateTime<Utc>,
    ) -> Result<Result<(), &'static str>, sqlx::Error> {
        db::observe("INSERT sandbox_movements", async {
            let mut tx = self.pool.begin().await?;
            let payment = sqlx::query(
                "SELECT amount_minor, outcome, capture_fails FROM sandbox_payments WHERE reference = $1 FOR UPDATE",
            )
            .bind(reference)
            .fetch_optional(&mut *tx)
            .await?;
            let Some(payment) = payment else { return Ok(Err("no such payment")) };
            let movements = sqlx::query(
                "SELECT kind, idempotency_key, amount_minor FROM sandbox_movements WHERE reference = $1 ORDER BY id",
            )
            .bind(reference)
            .fetch_all(&mut *tx)
            .await?;
            let mut totals = Totals::default();
            for row in &movements {
                let (known, name): (String, String) = (row.try_get("idempotency_key")?, row.try_get("kind")?);
                if known == key && name == kind.as_str() {
                    return Ok(Ok(()));
                }
                totals.add(&name, row.try_get("amount_minor")?);
            }
            let held: i64 = payment.try_get("amount_minor")?;
            let amount = amount.map_or(held, |amount| amount.amount_minor);
            if let Err(why) = totals.allow(kind, amount, payment.try_get("capture_fails")?) {
                return Ok(Err(why));
            }
            insert_movement(&mut tx, reference, kind.as_str(), key, amount, now).await?;
            tx.commit().await?;
            Ok(Ok(()))
        })
        .await
    }

    /// Where a payment stands.
    pub async fn find(&self, lookup: Lookup<'_>) -> Result<Option<ProviderPayment>, sqlx::Error> {
        let (by_key, value) = match lookup {
            Lookup::Key(key) => (true, key),
            Lookup::Reference(reference) => (false, reference),
        };
        let rows = sqlx::query(
            "SELECT p.reference, p.outcome, m.kind, m.idempotency_key, m.amount_minor FROM sandbox_payments p \
             LEFT JOIN sandbox_movements m ON m.reference = p.reference \
             WHERE ($1 AND p.idempotency_key = $2) OR (NOT $1 AND p.reference = $2) ORDER BY m.id",
        );
        let rows = rows.bind(by_key).bind(value).fetch_all(&self.pool);
        let rows = db::observe("SELECT sandbox_payments", rows).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let outcome: String = first.try_get("outcome")?;
        let reference: String = first.try_get("reference")?;
        let mut totals = Totals::default();
        let mut refunds = Vec::new();
        for row in &rows {
            let Some(kind) = row.try_get::<Option<String>, _>("kind")? else { continue };
            let amount_minor: i64 = row.try_get("amount_minor")?;
            totals.add(&kind, amount_minor);
            if kind == "refund" {
                let key: Option<String> = row.try_get("idempotency_key")?;
                refunds.push(ProviderRefund { key, amount_minor, standing: RefundStanding::Succeeded });
            }
        }
        let standing = match (outcome.as_str(), totals) {
            ("declined", _) => Standing::Declined,
            (_, Totals { captured: 1.., .. }) => Standing::Captured,
            (_, Totals { released: 1.., .. }) => Standing::Released,
            _ => Standing::Held,
        };
        Ok(Some(ProviderPayment { reference, standing, captured_minor: totals.captured, refunds }))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    held: i64,
    captured: i64,
    released: i64,
    refunded: i64,
}

impl Totals {
    fn add(&mut self, kind: &str, amount: i64) {
        match kind {
            "hold" => self.held += amount,
            "capture" => self.captured += amount,
            "release" => self.released += amount,
            _ => self.refunded += amount,
        }
    }

    fn allow(self, kind: Movement, amount: i64, capture_fails: bool) -> Result<(), &'static str> {
        let open = self.held - self.captured - self.released;
        match kind {
            Movement::Capture if capture_fails => Err("the card issuer refuses the capture"),
            Movement::Capture | Movement::Release if amount > open => Err("the amount is not held any more"),
            Movement::Refund if amount > self.captured - self.refunded => Err("more than was taken"),
            _ => Ok(()),
        }
    }
}

async fn insert_movement(
    tx: &mut Transaction<'_, Postgres>,
    reference: &str,
    kind: &str,
    key: &str,
    amount_minor: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO sandbox_movements (reference, kind, idempotency_key, amount_minor, created_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(reference)
    .bind(kind)
    .bind(key)
    .bind(amount_minor)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(|_| ())
}
