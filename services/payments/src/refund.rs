//! Giving taken money back. A refund is written first; an answer that does not come is the reconciler's matter, and the
//! caller is told "requested".

use shop_contracts::PaymentId;
use shop_contracts::payments::{NewRefund, Refund};
use shop_instrumentation::{Code, Problem};

use crate::operation::Operation;
use crate::payments::{Payments, not_known};
use crate::storage::begin::Begun;

/// Longest reason, bytes.
const LONGEST_REASON: usize = 200;

impl Payments {
    /// Refunds an authorisation, or part of it, once a key.
    pub async fn refund(&self, id: PaymentId, key: &str, request: &NewRefund) -> Result<Refund, Problem> {
        let invalid =
            |field: &str, detail: &str| Problem::new(Code::Invalid, "invalid refund").field(field, detail);
        if request.amount.amount_minor <= 0 {
            return Err(invalid("amount", "must be positive"));
        }
        if request.reason.len() > LONGEST_REASON {
            return Err(invalid("reason", "must be at most 200 bytes"));
        }
        match self.store.begin_refund(id, key, request.amount, self.turn()).await? {
            Begun::Claimed(operation) => {
                self.call(operation.clone(), None).await?;
                self.show_refund(&operation).await
            }
            Begun::Done(known) => Ok(view(&known)),
            // Asked for; the answer, or its search, is under way.
            Begun::Running | Begun::Open => self.find_refund(id, key).await,
            Begun::Reused(known) => {
                let problem = Problem::new(Code::KeyReused, "this key already stands for another refund");
                Err(problem.existing(&view(&known)))
            }
            Begun::Refused(why) => Err(Problem::new(Code::Conflict, why)),
            Begun::Missing => Err(Problem::new(Code::NotFound, "no such authorisation")),
        }
    }

    async fn find_refund(&self, id: PaymentId, key: &str) -> Result<Refund, Problem> {
        let known = self.store.list_refunds(id).await?.into_iter().find(|o| o.caller_key == key);
        known.as_ref().map(view).ok_or_else(not_known)
    }

    async fn show_refund(&self, operation: &Operation) -> Result<Refund, Problem> {
        let known = self.store.list_refunds(operation.payment_id).await?;
        known.iter().find(|o| o.id == operation.id).map(view).ok_or_else(not_known)
    }
}

fn view(operation: &Operation) -> Refund {
    Refund {
        id: operation.id,
        authorisation_id: operation.payment_id,
        amount: operation.amount,
        state: operation.state.as_refund(),
        created_at: operation.created_at,
    }
}
