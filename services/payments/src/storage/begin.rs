//! Writing down what will be asked, before it is asked, and deciding who asks.

use chrono::{DateTime, Duration, Utc};
use shop_contracts::payments::{Authorisation, AuthorisationOutcome, AuthorisationState};
use shop_contracts::{Money, OrderId, PaymentId};
use shop_instrumentation::db;
use sqlx::{Postgres, Transaction};

use super::rows::OperationRow;
use super::{PgPayments, lock_authorisation, lock_order, operations_of};
use crate::operation::{Kind, Operation, OperationState};

/// How long a refused capture or void is the last word: then its caller, a person by that time, may ask anew.
const REFUSAL_STANDS_SECONDS: i64 = 60;

/// What a caller who wants an operation finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is the caller's to ask the provider; nobody else does before the lease ends.
    Claimed(Operation),
    /// Somebody else is asking.
    Running,
    /// Asked without an answer, or the opposite was; the caller comes again when that is decided.
    Open,
    /// Settled before.
    Done(Operation),
    /// The key, or the order, stands for something else.
    Reused(Operation),
    /// Not possible, in words for people.
    Refused(String),
    /// There is no such authorisation.
    Missing,
}

/// Whether a caller takes over an operation that nobody works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    Claim,
    Leave,
}

/// The moment, and how long the provider may be asked before somebody else does.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    pub now: DateTime<Utc>,
    pub lease: Duration,
}

impl Turn {
    /// When somebody else may ask. No other turn of the same row ends then: it tells its owner from others.
    pub fn until(&self) -> DateTime<Utc> {
        self.now + self.lease
    }
}

impl PgPayments {
    /// Begins to hold money for an order.
    pub async fn begin_hold(
        &self,
        asked: &Operation,
        takeover: Takeover,
        turn: Turn,
    ) -> Result<Begun, sqlx::Error> {
        db::observe("INSERT payment_operations", async {
            let mut tx = self.pool.begin().await?;
            lock_order(&mut tx, asked.order_id).await?;
            let inserted =
                !is_abandoned(&mut tx, asked.order_id).await? && { insert(&mut tx, asked, turn).await? };
            if inserted {
                tx.commit().await?;
                return Ok(Begun::Claimed(Operation { lease_until: Some(turn.until()), ..asked.clone() }));
            }
            let known = find_hold(&mut tx, asked).await?;
            let abandoned = is_abandoned(&mut tx, asked.order_id).await?;
            let begun = match known {
                Some(known) if !known.means(asked) => Begun::Reused(known),
                _ if abandoned => Begun::Refused("the order was abandoned".to_owned()),
                Some(known) => resume(&mut tx, known, takeover, turn).await?,
                // Its key was taken and given up in between: the caller comes again.
                None => Begun::Running,
            };
            tx.commit().await?;
            Ok(begun)
        })
        .await
    }

    /// Begins to capture or void an authorisation; each excludes the other from the moment that it is written. A refused
    /// one may be asked for anew later, as another operation under another key.
    pub async fn begin_settling(
        &self,
        id: PaymentId,
        kind: Kind,
        takeover: Takeover,
        turn: Turn,
    ) -> Result<Begun, sqlx::Error> {
        db::observe("INSERT payment_operations", async {
            let mut tx = self.pool.begin().await?;
            let Some(held) = lock_authorisation(&mut tx, id).await? else { return Ok(Begun::Missing) };
            let (target, other) = match kind {
                Kind::Capture => (AuthorisationState::Captured, Kind::Void),
                _ => (AuthorisationState::Voided, Kind::Capture),
            };
            let mut same = operations_of(&mut tx, id, kind).await?;
            let tries = same.len();
            let same = same.pop();
            if held.outcome == AuthorisationOutcome::Approved && held.state == target {
                let done = same
                    .unwrap_or_else(|| Operation::settling(kind, held.order_id, id, held.amount, turn.now));
                return Ok(Begun::Done(done));
            }
            if let Err(why) = may_settle(&held) {
                return Ok(Begun::Refused(why));
            }
            if is_under_way(&mut tx, id, other).await? {
                return Ok(Begun::Open);
            }
            let begun = match same {
                Some(known) if !is_refused_long_ago(&known, turn.now) => {
                    resume(&mut tx, known, takeover, turn).await?
                }
                _ => {
                    let mut new = Operation::settling(kind, held.order_id, id, held.amount, turn.now);
                    if tries > 0 {
                        new.provider_key = format!("{}:{}", new.provider_key, tries + 1);
                        new.caller_key.clone_from(&new.provider_key);
                    }
                    new.provider_reference = held.provider_reference;
                    new.lease_until = Some(turn.until());
                    insert(&mut tx, &new, turn).await?;
                    Begun::Claimed(new)
                }
            };
            tx.commit().await?;
            Ok(begun)
        })
        .await
    }

    /// Begins to give taken money back. All refunds of an authorisation together never exceed what was taken.
    pub async fn begin_refund(
        &self,
        id: PaymentId,
        key: &str,
        amount: Money,
        turn: Turn,
    ) -> Result<Begun, sqlx::Error> {
        db::observe("INSERT payment_operations", async {
            let mut tx = self.pool.begin().await?;
            let Some(taken) = lock_authorisation(&mut tx, id).await? else { return Ok(Begun::Missing) };
            if let Some(known) = find_refund(&mut tx, key).await? {
                if known.payment_id != id || known.amount != amount {
                    return Ok(Begun::Reused(known));
                }
                let begun = resume(&mut tx, known, Takeover::Leave, turn).await?;
                tx.commit().await?;
                return Ok(begun);
            }
            if taken.state == AuthorisationState::Open && is_under_way(&mut tx, id, Kind::Capture).await? {
                return Ok(Begun::Open);
            }
            let earlier = operations_of(&mut tx, id, Kind::Refund).await?;
            if let Err(why) = may_refund(&taken, &earlier, amount) {
                return Ok(Begun::Refused(why));
            }
            let mut new = Operation::refund(key, taken.order_id, id, amount, turn.now);
            new.provider_reference = taken.provider_reference;
            new.lease_until = Some(turn.until());
            if !insert(&mut tx, &new, turn).await? {
                // The same key arrived for another authorisation at the same moment.
                return Ok(Begun::Running);
            }
            tx.commit().await?;
            Ok(Begun::Claimed(new))
        })
        .await
    }

    /// Abandons an order: from now on it holds no money. Answers `true` the first time.
    pub async fn abandon(&self, order: OrderId, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
        db::observe("INSERT abandoned_orders", async {
            let mut tx = self.pool.begin().await?;
            lock_order(&mut tx, order).await?;
            let inserted = sqlx::query!(
                "INSERT INTO abandoned_orders (order_id, abandoned_at, next_check_at) VALUES ($1, $2, $2) \
                 ON CONFLICT (order_id) DO NOTHING",
                order.uuid(),
                now
            );
            let inserted = inserted.execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(inserted.rows_affected() == 1)
        })
        .await
    }
}

async fn is_under_way(
    tx: &mut Transaction<'_, Postgres>,
    id: PaymentId,
    kind: Kind,
) -> Result<bool, sqlx::Error> {
    Ok(operations_of(tx, id, kind).await?.iter().any(|operation| operation.state.is_open()))
}

fn is_refused_long_ago(known: &Operation, now: DateTime<Utc>) -> bool {
    let asked_at = known.last_call_at.unwrap_or(known.created_at);
    known.state == OperationState::Failed && now - asked_at > Duration::seconds(REFUSAL_STANDS_SECONDS)
}

fn may_settle(held: &Authorisation) -> Result<(), String> {
    match (held.outcome, held.state) {
        (AuthorisationOutcome::Declined, _) => Err("the authorisation is already declined".to_owned()),
        (_, AuthorisationState::Open) => Ok(()),
        (_, state) => Err(format!("the authorisation is already {}", state.as_str())),
    }
}

fn may_refund(taken: &Authorisation, earlier: &[Operation], amount: Money) -> Result<(), String> {
    if !matches!(taken.state, AuthorisationState::Captured | AuthorisationState::Refunded) {
        return Err("only captured money can be refunded".to_owned());
    }
    if amount.currency != taken.amount.currency {
        return Err(format!("the payment is in {}", taken.amount.currency.code()));
    }
    let given = earlier.iter().filter(|o| o.state.is_open() || o.state == OperationState::Succeeded);
    let left = taken.amount.amount_minor - given.map(|o| o.amount.amount_minor).sum::<i64>();
    if amount.amount_minor > left {
        return Err(format!("at most {left} minor units are left to refund"));
    }
    Ok(())
}

/// What a caller finds who asks for a known operation again.
async fn resume(
    tx: &mut Transaction<'_, Postgres>,
    mut known: Operation,
    takeover: Takeover,
    turn: Turn,
) -> Result<Begun, sqlx::Error> {
    // A hold that never reached the provider may be asked for again; what was refused is refused.
    let again =
        known.state.is_open() || (known.kind == Kind::Authorise && known.state == OperationState::Failed);
    if !again {
        return Ok(Begun::Done(known));
    }
    if known.is_leased(turn.now) {
        return Ok(Begun::Running);
    }
    if takeover == Takeover::Leave {
        return Ok(Begun::Open);
    }
    sqlx::query!(
        "UPDATE payment_operations SET state = 'requested', attempts = attempts + 1, lease_until = $2, \
         last_call_at = $3, next_attempt_at = $2, updated_at = $3 WHERE id = $1",
        known.id,
        turn.until(),
        turn.now
    )
    .execute(&mut **tx)
    .await?;
    known.attempts += 1;
    known.lease_until = Some(turn.until());
    Ok(Begun::Claimed(known))
}

async fn insert(
    tx: &mut Transaction<'_, Postgres>,
    new: &Operation,
    turn: Turn,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO payment_operations (id, kind, order_id, authorisation_id, provider_key, idempotency_key, \
         token_digest, amount_minor, currency, state, provider_reference, attempts, lease_until, last_call_at, \
         next_attempt_at, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'requested', $10, 1, $11, $12, $11, $12, $12) \
         ON CONFLICT DO NOTHING",
        new.id,
        new.kind.as_str(),
        new.order_id.uuid(),
        new.payment_id.uuid(),
        new.provider_key,
        new.caller_key,
        new.token_digest.as_deref(),
        new.amount.amount_minor,
        new.amount.currency.code(),
        new.provider_reference.as_deref(),
        turn.now + turn.lease,
        turn.now
    )
    .execute(&mut **tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

async fn is_abandoned(tx: &mut Transaction<'_, Postgres>, order: OrderId) -> Result<bool, sqlx::Error> {
    let query =
        sqlx::query_scalar!("SELECT order_id FROM abandoned_orders WHERE order_id = $1", order.uuid());
    Ok(query.fetch_optional(&mut **tx).await?.is_some())
}

/// The hold of a key or of an order; the key wins.
async fn find_hold(
    tx: &mut Transaction<'_, Postgres>,
    asked: &Operation,
) -> Result<Option<Operation>, sqlx::Error> {
    let query = sqlx::query_as!(
        OperationRow,
        "SELECT id, kind, order_id, authorisation_id, provider_key, idempotency_key, token_digest, amount_minor, \
         currency, state, provider_reference, failure, attempts, lease_until, last_call_at, created_at \
         FROM payment_operations WHERE kind = 'authorise' AND (idempotency_key = $1 OR order_id = $2) \
         ORDER BY (idempotency_key = $1) DESC LIMIT 1",
        asked.caller_key,
        asked.order_id.uuid()
    );
    query.fetch_optional(&mut **tx).await?.map(Operation::try_from).transpose()
}

async fn find_refund(
    tx: &mut Transaction<'_, Postgres>,
    key: &str,
) -> Result<Option<Operation>, sqlx::Error> {
    let query = sqlx::query_as!(
        OperationRow,
        "SELECT id, kind, order_id, authorisation_id, provider_key, idempotency_key, token_digest, amount_minor, \
         currency, state, provider_reference, failure, attempts, lease_until, last_call_at, created_at \
         FROM payment_operations WHERE kind = 'refund' AND idempotency_key = $1",
        key
    );
    query.fetch_optional(&mut **tx).await?.map(Operation::try_from).transpose()
}
