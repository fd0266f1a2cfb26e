//! Abandoned orders: whatever is held for them goes back, however late the provider tells.

use shop_contracts::payments::AuthorisationState;
use shop_instrumentation::{Code, Problem};

use super::worked_on;
use crate::calls::pause;
use crate::operation::Settled;
use crate::operation::{Kind, OperationState};
use crate::payments::Payments;
use crate::provider::{Lookup, Standing};
use crate::storage::due::AbandonedOrder;

/// How long the provider is asked about an order of which it knew nothing.
const WATCH: chrono::Duration = chrono::Duration::hours(24);

impl Payments {
    pub(super) async fn settle_abandoned(&self) -> Result<usize, sqlx::Error> {
        // A look at the books, and then a void, for which callers wait so long.
        let turn = || self.turn_for(self.limits.call + self.limits.answer);
        let claim = || async { Ok(self.store.claim_abandoned(1, turn()).await?.pop()) };
        worked_on(claim, |order| async move {
            if let Err(error) = self.settle_one_abandoned(&order).await {
                tracing::warn!(order_id = %order.order_id, %error, "abandoned order not settled yet");
            }
        })
        .await
    }

    async fn settle_one_abandoned(&self, order: &AbandonedOrder) -> Result<(), sqlx::Error> {
        let next = match self.look_after(order).await {
            Ok(After::Nothing) => None,
            Ok(After::Again) => Some(pause(order.attempts)),
            Err(problem) => {
                tracing::warn!(order_id = %order.order_id, detail = problem.detail(), "abandoned order not settled yet");
                Some(pause(order.attempts))
            }
        };
        let now = self.clock.now();
        self.store.reschedule_abandoned(order, next.map(|pause| now + pause), now).await
    }

    async fn look_after(&self, order: &AbandonedOrder) -> Result<After, Problem> {
        // Nothing was ever asked, and the tombstone keeps it so.
        let Some(hold) = self.store.find_hold(order.order_id).await? else { return Ok(After::Nothing) };
        match hold.state {
            OperationState::Requested | OperationState::Unknown => Ok(After::Again),
            OperationState::Declined => Ok(After::Nothing),
            OperationState::Succeeded => self.give_back(order).await,
            OperationState::Failed => {
                let lookup = self.look_up(Lookup::Key(&hold.provider_key)).await;
                let found = lookup.map_err(|e| Problem::new(Code::Unavailable, e.to_string()))?;
                match found {
                    Some(late) if late.standing != Standing::Declined => {
                        tracing::warn!(order_id = %order.order_id, "the provider decided after all");
                        let settled = Settled::Succeeded { reference: Some(late.reference) };
                        self.write(&hold, &settled).await?;
                        self.give_back(order).await
                    }
                    Some(_) => Ok(After::Nothing),
                    None if self.clock.now() - order.abandoned_at > WATCH => Ok(After::Nothing),
                    None => Ok(After::Again),
                }
            }
        }
    }

    async fn give_back(&self, order: &AbandonedOrder) -> Result<After, Problem> {
        let Some(held) = self.store.find_of_order(order.order_id).await? else { return Ok(After::Again) };
        if held.state != AuthorisationState::Open {
            return Ok(After::Nothing);
        }
        let voided = self.void(held.id).await?;
        tracing::info!(order_id = %order.order_id, operation = Kind::Void.as_str(), "money of an abandoned order was given back");
        Ok(if voided.state == AuthorisationState::Open { After::Again } else { After::Nothing })
    }
}

enum After {
    Nothing,
    Again,
}
