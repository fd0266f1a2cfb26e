//! After an account's end: orders loses everything that names the person.
//!
//! The step was written with the account's end and is repeated until orders has done it; then once more two
//! minutes later, because an order that was on its way when the account ended may have been written since.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use shop_contracts::AccountId;
use shop_instrumentation::client::{Call, CallError, ServiceClient};

use crate::identity::Identity;
use crate::storage::deletions::Deletion;

/// Deletions taken at a time.
pub const BATCH: i64 = 16;
/// Longer than a batch takes: each call has a limit of its own, and they are made at the same time.
const LEASE: TimeDelta = TimeDelta::seconds(60);
const CALL_LIMIT: Duration = Duration::from_secs(20);
/// Longest pause between two tries.
const MAX_PAUSE: TimeDelta = TimeDelta::minutes(10);
/// Longer than any request's deadline: nothing that began before the end arrives after it.
const SECOND_PASS_AFTER: TimeDelta = TimeDelta::minutes(2);

/// Who keeps orders, and can make them nobody's.
#[async_trait]
pub trait OrderAnonymiser: Send + Sync + 'static {
    /// Takes everything that names a person out of an account's orders; doing it again is harmless.
    async fn anonymise(&self, account: AccountId) -> Result<(), CallError>;
}

#[async_trait]
impl OrderAnonymiser for ServiceClient {
    async fn anonymise(&self, account: AccountId) -> Result<(), CallError> {
        let call = Call::post_empty(format!("/v1/accounts/{account}/anonymise")).idempotent();
        self.send(call).await.map(|_| ())
    }
}

/// One batch; answers how many were taken.
pub async fn once(identity: &Identity, orders: &dyn OrderAnonymiser) -> Result<usize, sqlx::Error> {
    let now = identity.clock.now();
    let due = identity.deletions.claim(now, now + LEASE, BATCH).await?;
    let results =
        futures::future::join_all(due.iter().map(|deletion| forget(identity, orders, *deletion))).await;
    results.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(due.len())
}

async fn forget(
    identity: &Identity,
    orders: &dyn OrderAnonymiser,
    deletion: Deletion,
) -> Result<(), sqlx::Error> {
    let Deletion { account, passes, attempts } = deletion;
    let done = tokio::time::timeout(CALL_LIMIT, orders.anonymise(account)).await;
    let failure = match done {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("orders did not answer in time".to_owned()),
    };
    let now = identity.clock.now();
    match (failure, passes) {
        (Some(error), _) => {
            tracing::warn!(user.id = %account, attempts, error, "orders still name a person who left");
            identity.deletions.postpone(account, now + pause(attempts)).await
        }
        (None, 0) => {
            tracing::info!(user.id = %account, "orders anonymised");
            identity.deletions.passed(account, now + SECOND_PASS_AFTER).await
        }
        (None, _) => identity.deletions.finish(account).await,
    }
}

/// 1 s, 2 s, 4 s … after so many tries.
fn pause(attempts: i32) -> TimeDelta {
    let seconds = 1_i64 << attempts.saturating_sub(1).clamp(0, 20);
    TimeDelta::seconds(seconds).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_ten_minutes() {
        assert_eq!([1, 2, 5].map(pause), [1, 2, 16].map(TimeDelta::seconds));
        assert_eq!((pause(11), pause(i32::MAX)), (MAX_PAUSE, MAX_PAUSE));
    }
}
