//! Where payments are kept.
//!
//! Locks are taken in one order: the order's advisory lock, then the authorisation's row, then operations. No
//! transaction is open while the provider is asked.

pub mod begin;
pub mod books;
pub mod due;
pub mod finish;
pub mod rows;
pub mod sandbox;
pub mod webhooks;

use shop_contracts::payments::Authorisation;
use shop_contracts::{OrderId, PaymentId};
use shop_instrumentation::db;
use sqlx::{PgPool, Postgres, Transaction};

use self::rows::{AuthorisationRow, OperationRow};
use crate::operation::{Kind, Operation};

/// The migrations of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The tables `authorisations`, `payment_operations`, `abandoned_orders`, `webhook_events`, `payment_differences`.
#[derive(Clone)]
pub struct PgPayments {
    pool: PgPool,
}

impl PgPayments {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// One authorisation by its id.
    pub async fn find(&self, id: PaymentId) -> Result<Option<Authorisation>, sqlx::Error> {
        let query = sqlx::query_as!(
            AuthorisationRow,
            "SELECT id, order_id, amount_minor, currency, outcome, state, provider_reference, refunded_minor \
             FROM authorisations WHERE id = $1",
            id.uuid()
        );
        let row = query.fetch_optional(&self.pool);
        db::observe("SELECT authorisations", row).await?.map(Authorisation::try_from).transpose()
    }

    /// One authorisation by its order.
    pub async fn find_of_order(&self, order: OrderId) -> Result<Option<Authorisation>, sqlx::Error> {
        let query = sqlx::query_as!(
            AuthorisationRow,
            "SELECT id, order_id, amount_minor, currency, outcome, state, provider_reference, refunded_minor \
             FROM authorisations WHERE order_id = $1",
            order.uuid()
        );
        let row = query.fetch_optional(&self.pool);
        db::observe("SELECT authorisations", row).await?.map(Authorisation::try_from).transpose()
    }

    /// The hold that was asked for an order.
    pub async fn find_hold(&self, order: OrderId) -> Result<Option<Operation>, sqlx::Error> {
        let query = sqlx::query_as!(
            OperationRow,
            "SELECT id, kind, order_id, authorisation_id, provider_key, idempotency_key, token_digest, amount_minor, \
             currency, state, provider_reference, failure, attempts, lease_until, last_call_at, created_at \
             FROM payment_operations WHERE order_id = $1 AND kind = 'authorise'",
            order.uuid()
        );
        let row = query.fetch_optional(&self.pool);
        db::observe("SELECT payment_operations", row).await?.map(Operation::try_from).transpose()
    }

    /// The refunds of an authorisation, oldest first.
    pub async fn list_refunds(&self, payment: PaymentId) -> Result<Vec<Operation>, sqlx::Error> {
        db::observe("SELECT payment_operations", async {
            let mut tx = self.pool.begin().await?;
            operations_of(&mut tx, payment, Kind::Refund).await
        })
        .await
    }
}

/// Everything that decides whether an order may hold money happens one after the other.
async fn lock_order(tx: &mut Transaction<'_, Postgres>, order: OrderId) -> Result<(), sqlx::Error> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", order.to_string())
        .execute(&mut **tx)
        .await
        .map(|_| ())
}

async fn lock_authorisation(
    tx: &mut Transaction<'_, Postgres>,
    id: PaymentId,
) -> Result<Option<Authorisation>, sqlx::Error> {
    let query = sqlx::query_as!(
        AuthorisationRow,
        "SELECT id, order_id, amount_minor, currency, outcome, state, provider_reference, refunded_minor \
         FROM authorisations WHERE id = $1 FOR UPDATE",
        id.uuid()
    );
    query.fetch_optional(&mut **tx).await?.map(Authorisation::try_from).transpose()
}

async fn operations_of(
    tx: &mut Transaction<'_, Postgres>,
    payment: PaymentId,
    kind: Kind,
) -> Result<Vec<Operation>, sqlx::Error> {
    let query = sqlx::query_as!(
        OperationRow,
        "SELECT id, kind, order_id, authorisation_id, provider_key, idempotency_key, token_digest, amount_minor, \
         currency, state, provider_reference, failure, attempts, lease_until, last_call_at, created_at \
         FROM payment_operations WHERE authorisation_id = $1 AND kind = $2 ORDER BY created_at",
        payment.uuid(),
        kind.as_str()
    );
    query.fetch_all(&mut **tx).await?.into_iter().map(Operation::try_from).collect()
}
