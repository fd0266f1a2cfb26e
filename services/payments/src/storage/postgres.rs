//! Authorisations in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::payments::{Authorisation, AuthorisationOutcome, AuthorisationState};
use shop_contracts::{Money, OrderId, PaymentId};
use shop_instrumentation::db;
use sqlx::{PgPool, Row as _, postgres::PgRow};

/// The migrations of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// An authorisation with the key that it was asked for under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub key: String,
    /// SHA-256 of the payment token; absent in rows older than the column.
    pub token_digest: Option<Vec<u8>>,
    pub authorisation: Authorisation,
}

/// The table `authorisations`.
#[derive(Clone)]
pub struct PgAuthorisations {
    pool: PgPool,
}

impl PgAuthorisations {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The authorisation of an order or of a key; the key wins.
    pub async fn find(&self, key: &str, order: OrderId) -> Result<Option<Stored>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT id, order_id, idempotency_key, token_digest, amount_minor, currency, outcome, state \
             FROM authorisations \
             WHERE idempotency_key = $1 OR order_id = $2 ORDER BY (idempotency_key = $1) DESC LIMIT 1",
        );
        let query = query.bind(key).bind(order.uuid()).fetch_optional(&self.pool);
        db::observe("SELECT authorisations", query).await?.as_ref().map(stored).transpose()
    }

    /// Keeps a new authorisation. `false` when its key or its order is already there: nothing was changed.
    pub async fn insert(&self, new: &Stored, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
        let a = &new.authorisation;
        let query = sqlx::query(
            "INSERT INTO authorisations \
             (id, order_id, idempotency_key, amount_minor, currency, outcome, state, created_at, updated_at, \
             token_digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) ON CONFLICT DO NOTHING",
        );
        let query = query
            .bind(a.id.uuid())
            .bind(a.order_id.uuid())
            .bind(&new.key)
            .bind(a.amount.amount_minor)
            .bind(a.amount.currency.code())
            .bind(a.outcome.as_str())
            .bind(a.state.as_str())
            .bind(now)
            .bind(&new.token_digest)
            .execute(&self.pool);
        Ok(db::observe("INSERT authorisations", query).await?.rows_affected() == 1)
    }

    /// One by its id.
    pub async fn find_by_id(&self, id: PaymentId) -> Result<Option<Authorisation>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT id, order_id, idempotency_key, token_digest, amount_minor, currency, outcome, state \
             FROM authorisations \
             WHERE id = $1",
        );
        let row =
            db::observe("SELECT authorisations", query.bind(id.uuid()).fetch_optional(&self.pool)).await?;
        Ok(row.as_ref().map(stored).transpose()?.map(|s| s.authorisation))
    }

    /// Moves an approved, open authorisation to `state`. `false` when it was not open.
    pub async fn settle(
        &self,
        id: PaymentId,
        state: AuthorisationState,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let query = sqlx::query(
            "UPDATE authorisations SET state = $2, updated_at = $3 \
             WHERE id = $1 AND state = 'open' AND outcome = 'approved'",
        );
        let query = query.bind(id.uuid()).bind(state.as_str()).bind(now).execute(&self.pool);
        Ok(db::observe("UPDATE authorisations", query).await?.rows_affected() == 1)
    }
}

fn stored(row: &PgRow) -> Result<Stored, sqlx::Error> {
    let unknown =
        |column: &str, value: &str| sqlx::Error::Decode(format!("{column}: unknown {value:?}").into());
    let currency: String = row.try_get("currency")?;
    let outcome: String = row.try_get("outcome")?;
    let state: String = row.try_get("state")?;
    Ok(Stored {
        key: row.try_get("idempotency_key")?,
        token_digest: row.try_get("token_digest")?,
        authorisation: Authorisation {
            id: PaymentId::new(row.try_get("id")?),
            order_id: OrderId::new(row.try_get("order_id")?),
            amount: Money::new(
                row.try_get("amount_minor")?,
                currency.parse().map_err(|_| unknown("currency", &currency))?,
            ),
            outcome: match outcome.as_str() {
                "approved" => AuthorisationOutcome::Approved,
                "declined" => AuthorisationOutcome::Declined,
                other => return Err(unknown("outcome", other)),
            },
            state: match state.as_str() {
                "open" => AuthorisationState::Open,
                "captured" => AuthorisationState::Captured,
                "voided" => AuthorisationState::Voided,
                other => return Err(unknown("state", other)),
            },
            provider_reference: None,
            refunded_minor: 0,
        },
    })
}
