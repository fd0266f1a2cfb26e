//! The sandbox provider's books in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::{Money, OrderId};
use shop_instrumentation::{db, ids};
use sqlx::{PgPool, Postgres, Transaction};

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
            let inserted = sqlx::query!(
                "INSERT INTO sandbox_payments (reference, idempotency_key, order_id, amount_minor, currency, outcome, \
                 capture_fails, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (idempotency_key) DO NOTHING",
                reference,
                new.key,
                new.order_id.uuid(),
                new.amount.amount_minor,
                new.amount.currency.code(),
                if new.approved { "approved" } else { "declined" },
                new.capture_fails,
                now
            )
            .execute(&mut *tx)
            .await?;
            if inserted.rows_affected() == 1 {
                if new.approved {
                    insert_movement(&mut tx, &reference, "hold", new.key, new.amount.amount_minor, now).await?;
                }
                tx.commit().await?;
                return Ok(Ok(Decided { reference, approved: new.approved }));
            }
            let known = sqlx::query!(
                "SELECT reference, outcome, amount_minor, currency FROM sandbox_payments WHERE idempotency_key = $1",
                new.key
            )
            .fetch_one(&mut *tx)
            .await?;
            if known.amount_minor != new.amount.amount_minor || known.currency != new.amount.currency.code() {
                return Ok(Err("this key was used for another amount"));
            }
            Ok(Ok(Decided { reference: known.reference, approved: known.outcome == "approved" }))
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
            let payment = sqlx::query!(
                "SELECT amount_minor, capture_fails FROM sandbox_payments WHERE reference = $1 FOR UPDATE",
                reference
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(payment) = payment else { return Ok(Err("no such payment")) };
            let movements = sqlx::query!(
                "SELECT kind, idempotency_key, amount_minor FROM sandbox_movements WHERE reference = $1 ORDER BY id",
                reference
            )
            .fetch_all(&mut *tx)
            .await?;
            let mut totals = Totals::default();
            for known in &movements {
                if known.idempotency_key == key && known.kind == kind.as_str() {
                    return Ok(Ok(()));
                }
                totals.add(&known.kind, known.amount_minor);
            }
            let amount = amount.map_or(payment.amount_minor, |amount| amount.amount_minor);
            if let Err(why) = totals.allow(kind, amount, payment.capture_fails) {
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
        let query = sqlx::query!(
            "SELECT p.reference, p.outcome, m.kind AS \"kind?\", m.idempotency_key AS \"idempotency_key?\", \
             m.amount_minor AS \"amount_minor?\" FROM sandbox_payments p \
             LEFT JOIN sandbox_movements m ON m.reference = p.reference \
             WHERE ($1 AND p.idempotency_key = $2) OR (NOT $1 AND p.reference = $2) ORDER BY m.id",
            by_key,
            value
        );
        let rows = db::observe("SELECT sandbox_payments", query.fetch_all(&self.pool)).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let (outcome, reference) = (first.outcome.clone(), first.reference.clone());
        let mut totals = Totals::default();
        let mut refunds = Vec::new();
        for row in rows {
            let (Some(kind), Some(amount_minor)) = (row.kind, row.amount_minor) else { continue };
            totals.add(&kind, amount_minor);
            if kind == "refund" {
                let (key, standing) = (row.idempotency_key, RefundStanding::Succeeded);
                refunds.push(ProviderRefund { key, amount_minor, standing });
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
    sqlx::query!(
        "INSERT INTO sandbox_movements (reference, kind, idempotency_key, amount_minor, created_at) \
         VALUES ($1, $2, $3, $4, $5)",
        reference,
        kind,
        key,
        amount_minor,
        now
    )
    .execute(&mut **tx)
    .await
    .map(|_| ())
}
