//! Holding money for an order, once.

use std::time::{Duration, Instant};

use shop_contracts::payments::{Authorisation, NewAuthorisation};
use shop_instrumentation::{Code, Problem, deadline};

use crate::calls::Called;
use crate::operation::Operation;
use crate::payments::{Payments, not_known};
use crate::storage::begin::{Begun, Takeover};

/// Longest token that a payment form hands out.
const MAX_TOKEN_BYTES: usize = 128;
/// Pause between two looks at an operation that another request, or another instance, works on.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Payments {
    /// Holds money for an order, once. A repeated call (same key, or same order) answers what was decided the first
    /// time; while that is not known it is "unavailable", never a second hold.
    pub async fn authorise(&self, key: &str, request: NewAuthorisation) -> Result<Authorisation, Problem> {
        check(&request)?;
        let give_up_at = Instant::now() + deadline::at_most(self.limits.answer);
        let asked = Operation::authorise(key, &request, self.clock.now());
        // Only a request that waited for nobody asks: those that waited for an answer that did not come say so.
        let mut takeover = Takeover::Claim;
        loop {
            match self.store.begin_hold(&asked, takeover, self.turn()).await? {
                Begun::Claimed(operation) => {
                    match tokio::time::timeout(left(give_up_at), self.call(operation, Some(&request))).await {
                        Ok(Ok(Called::Settled)) => takeover = Takeover::Leave,
                        Ok(Err(problem)) => return Err(problem),
                        Ok(Ok(Called::Unknown)) | Err(_) => return Err(not_known()),
                    }
                }
                Begun::Running if left(give_up_at) > LOOK_AGAIN => {
                    takeover = Takeover::Leave;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Begun::Running | Begun::Open => return Err(not_known()),
                Begun::Done(known) => return self.get(known.payment_id).await,
                Begun::Reused(known) => {
                    let problem = Problem::new(
                        Code::KeyReused,
                        "this key or order already stands for another authorisation",
                    );
                    let existing = self.store.find(known.payment_id).await?;
                    return Err(existing.map_or(problem.clone(), |existing| problem.existing(&existing)));
                }
                Begun::Refused(why) => return Err(Problem::new(Code::Conflict, why)),
                Begun::Missing => return Err(Problem::new(Code::NotFound, "no such authorisation")),
            }
        }
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

fn check(request: &NewAuthorisation) -> Result<(), Problem> {
    let invalid =
        |field: &str, detail: &str| Problem::new(Code::Invalid, "invalid authorisation").field(field, detail);
    if request.amount.amount_minor <= 0 {
        return Err(invalid("amount", "must be positive"));
    }
    let token = &request.payment_token;
    let is_token = token.starts_with("tok_")
        && token.len() <= MAX_TOKEN_BYTES
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_token {
        return Err(invalid("payment_token", "is not a payment token (at most 128 letters, digits and _)"));
    }
    Ok(())
}
