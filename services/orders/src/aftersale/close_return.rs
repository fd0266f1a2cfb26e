//! A return that brings nothing back: staff refuses it, or the shopper keeps the pieces.

use shop_contracts::OrderId;
use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{Order, RefuseReturn, ReturnClosed, ReturnEnd, ReturnStatus, WithdrawReturn};
use shop_instrumentation::{Code, Problem};
use uuid::Uuid;

use super::AfterSale;
use super::text::{Empty, MAX_WORDS_BYTES, actor, text};
use crate::storage::change::Change;
use crate::storage::history::{Entry, SHOPPER};
use crate::storage::outbox::Event;

impl AfterSale {
    /// Staff refuses a return, with a reason that the shopper reads. Doing it again changes nothing.
    pub async fn refuse_return(
        &self,
        id: OrderId,
        return_id: Uuid,
        request: &RefuseReturn,
    ) -> Result<Order, Problem> {
        let actor = actor(&request.actor)?;
        let reason = text("reason", &request.reason, MAX_WORDS_BYTES, Empty::Refused)?;
        self.close_return(id, return_id, ReturnEnd::Refused, actor, reason).await
    }

    /// The shopper keeps what was announced to come back. Doing it again changes nothing.
    pub async fn withdraw_return(
        &self,
        id: OrderId,
        return_id: Uuid,
        request: &WithdrawReturn,
    ) -> Result<Order, Problem> {
        let reason = text("reason", &request.reason, MAX_WORDS_BYTES, Empty::Allowed)?;
        self.close_return(id, return_id, ReturnEnd::Withdrawn, SHOPPER.to_owned(), reason).await
    }

    async fn close_return(
        &self,
        id: OrderId,
        return_id: Uuid,
        end: ReturnEnd,
        actor: String,
        reason: String,
    ) -> Result<Order, Problem> {
        let now = self.saga.clock.now();
        let (action, kind) = match end {
            ReturnEnd::Refused => ("return_refused", OrderEventKind::ReturnRefused),
            ReturnEnd::Withdrawn => ("return_withdrawn", OrderEventKind::ReturnWithdrawn),
        };
        self.saga
            .orders
            .change(id, |stored| {
                let order = &stored.order;
                let found = order.returns.iter().find(|it| it.id == return_id);
                let found = found.ok_or_else(|| Problem::new(Code::NotFound, "no such return"))?;
                if found.status == ReturnStatus::Received {
                    return Err(Problem::new(Code::Conflict, "the pieces are back"));
                }
                match &found.closed {
                    Some(closed) if closed.end == end => return Ok(None),
                    Some(closed) => {
                        let detail = format!("the return was {}", closed.end.as_str());
                        return Err(Problem::new(Code::Conflict, detail));
                    }
                    None => {}
                }
                let mut change = Change::new(now, Entry { at: now, actor, action, detail: reason.clone() });
                change.event = Some(Event::about_return(kind, order, &reason, now));
                change.closed = Some((return_id, ReturnClosed { end, reason, at: now }));
                Ok(Some(change))
            })
            .await?;
        self.get(id).await
    }
}
