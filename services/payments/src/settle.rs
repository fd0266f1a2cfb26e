//! Capturing and voiding: each at most once, and only one of the two.

use std::time::{Duration, Instant};

use shop_contracts::PaymentId;
use shop_contracts::payments::Authorisation;
use shop_instrumentation::{Code, Problem, deadline};

use crate::calls::Called;
use crate::operation::{Kind, OperationState};
use crate::payments::{Payments, not_known};
use crate::reconcile::compare::Difference;
use crate::storage::begin::{Begun, Takeover};

/// Pause between two looks at an operation that another request works on.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Payments {
    /// Takes the held money. Doing it again changes nothing.
    pub async fn capture(&self, id: PaymentId) -> Result<Authorisation, Problem> {
        self.settle(id, Kind::Capture).await
    }

    /// Gives the held money back. Doing it again changes nothing.
    pub async fn void(&self, id: PaymentId) -> Result<Authorisation, Problem> {
        self.settle(id, Kind::Void).await
    }

    async fn settle(&self, id: PaymentId, kind: Kind) -> Result<Authorisation, Problem> {
        let give_up_at = Instant::now() + deadline::at_most(self.limits.answer);
        let left = || give_up_at.saturating_duration_since(Instant::now());
        let mut takeover = Takeover::Claim;
        loop {
            match self.store.begin_settling(id, kind, takeover, self.turn()).await? {
                Begun::Claimed(operation) => {
                    match tokio::time::timeout(left(), self.call(operation, None)).await {
                        Ok(Ok(Called::Settled)) => takeover = Takeover::Leave,
                        Ok(Err(problem)) => return Err(problem),
                        Ok(Ok(Called::Unknown)) | Err(_) => return Err(not_known()),
                    }
                }
                Begun::Running if left() > LOOK_AGAIN => {
                    takeover = Takeover::Leave;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Begun::Running | Begun::Open => return Err(not_known()),
                Begun::Done(done) if done.state == OperationState::Failed => {
                    if kind == Kind::Void {
                        // Held here as there: no comparison of the books would tell of it.
                        self.store.note_difference(id, Difference::VoidRefused, self.clock.now()).await?;
                    }
                    let why = done.failure.unwrap_or_default();
                    let detail =
                        format!("the payment provider refused, nothing was {}: {why}", kind.participle());
                    return Err(Problem::new(Code::Conflict, detail));
                }
                Begun::Done(_) => return self.get(id).await,
                Begun::Refused(why) => return Err(Problem::new(Code::Conflict, why)),
                Begun::Missing | Begun::Reused(_) => {
                    return Err(Problem::new(Code::NotFound, "no such authorisation"));
                }
            }
        }
    }
}
