//! Abandoning an order's payment. A tombstone comes first: from then on the order holds no money, whatever the provider
//! still decides, and whoever still asks.

use shop_contracts::OrderId;
use shop_contracts::payments::{Abandoned, AuthorisationOutcome, AuthorisationState};
use shop_instrumentation::{Code, Problem};

use crate::payments::Payments;

impl Payments {
    /// Abandons an order. Its open hold is voided at once where the provider answers, later where it does not.
    pub async fn abandon(&self, order_id: OrderId) -> Result<Abandoned, Problem> {
        if let Some(taken) = self.store.find_of_order(order_id).await?
            && matches!(taken.state, AuthorisationState::Captured | AuthorisationState::Refunded)
        {
            return Err(
                Problem::new(Code::Conflict, "the order's money was taken; refund it").existing(&taken)
            );
        }
        self.store.abandon(order_id, self.clock.now()).await?;
        self.wake.notify_one();
        let Some(held) = self.store.find_of_order(order_id).await? else {
            return Ok(Abandoned { order_id, authorisation: None });
        };
        if held.outcome == AuthorisationOutcome::Approved && held.state == AuthorisationState::Open {
            // What cannot be voided now is voided by the reconciler: the tombstone is there.
            if let Err(problem) = self.void(held.id).await {
                tracing::warn!(%order_id, detail = problem.detail(), "abandoned order not voided yet");
            }
        }
        let authorisation = self.store.find_of_order(order_id).await?;
        Ok(Abandoned { order_id, authorisation })
    }
}
