//! Pieces come back: announced by the shopper, received by staff, and then the money follows.

use sha2::{Digest as _, Sha256};
use shop_contracts::OrderId;
use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{
    NewReturn, Order, OrderReturn, OrderStatus, ReturnLine, ReturnStatus, StaffNote,
};
use shop_instrumentation::{Code, Problem, ids};
use uuid::Uuid;

use super::give_back::{FIRST_FENCE, GiveBack, GiveBackReason};
use super::text::{Empty, MAX_WORDS_BYTES, actor, text};
use super::{AfterSale, permission, worth};
use crate::saga::drive::LEASE;
use crate::storage::change::Change;
use crate::storage::history::{Entry, SHOPPER};
use crate::storage::outbox::{self, Event};
use crate::storage::rows::StoredReturn;

const MAX_LINES: usize = 50;

impl AfterSale {
    /// Announces a return, once a key.
    pub async fn request_return(
        &self,
        id: OrderId,
        key: &str,
        request: &NewReturn,
    ) -> Result<Order, Problem> {
        let reason = text("reason", &request.reason, MAX_WORDS_BYTES, Empty::Allowed)?;
        check(&request.lines)?;
        let hash = hash(&request.lines);
        let now = self.saga.clock.now();
        self.saga
            .orders
            .change(id, |stored| {
                let order = &stored.order;
                if let Some(known) = stored.returns.iter().find(|it| it.key == key) {
                    let other =
                        Problem::new(Code::KeyReused, "this Idempotency-Key belongs to another return");
                    let other = other.existing(&permission::shown(order.clone(), now));
                    return if known.request_hash == hash { Ok(None) } else { Err(other) };
                }
                allowed(order, &request.lines, now)?;
                let value = OrderReturn {
                    id: ids::new_id(),
                    lines: request.lines.clone(),
                    reason: reason.clone(),
                    status: ReturnStatus::Requested,
                    created_at: now,
                    closed: None,
                };
                let entry =
                    Entry { at: now, actor: SHOPPER.to_owned(), action: "return_requested", detail: reason };
                let mut change = Change::new(now, entry);
                change.new_return = Some(StoredReturn { key: key.to_owned(), request_hash: hash, value });
                change.event = Some(Event::new(OrderEventKind::ReturnRequested, order, now));
                Ok(Some(change))
            })
            .await?;
        self.get(id).await
    }

    /// The pieces of a return are back. Doing it again changes nothing.
    pub async fn receive_return(
        &self,
        id: OrderId,
        return_id: Uuid,
        request: &StaffNote,
    ) -> Result<Order, Problem> {
        let actor = actor(&request.actor)?;
        let detail = text("note", &request.note, MAX_WORDS_BYTES, Empty::Allowed)?;
        let now = self.saga.clock.now();
        let give_back_id = ids::new_id();
        let mut is_new = false;
        self.saga
            .orders
            .change(id, |stored| {
                let order = &stored.order;
                let found = order.returns.iter().find(|it| it.id == return_id);
                let found = found.ok_or_else(|| Problem::new(Code::NotFound, "no such return"))?;
                if found.status == ReturnStatus::Received {
                    return Ok(None);
                }
                if let Some(closed) = &found.closed {
                    let detail = format!("the return was {}", closed.end.as_str());
                    return Err(Problem::new(Code::Conflict, detail));
                }
                is_new = true;
                let (amount, tax) = worth::of(order, &found.lines);
                let give_back = GiveBack {
                    id: give_back_id,
                    // A return is received once.
                    key: format!("return:{return_id}"),
                    request_hash: Vec::new(),
                    reason: GiveBackReason::Returned,
                    amount,
                    tax,
                    progress: GiveBack::start(amount, &found.lines),
                    restock: found.lines.clone(),
                    unwind: false,
                    attempts: 0,
                    fence: FIRST_FENCE,
                    traceparent: outbox::current_traceparent(),
                    created_at: now,
                    since: now,
                };
                let entry = Entry { at: now, actor, action: "return_received", detail };
                let mut change = Change::new(now, entry);
                change.received = Some(return_id);
                change.give_back = Some((give_back, now + LEASE));
                Ok(Some(change))
            })
            .await?;
        if is_new { self.driven(id, give_back_id, FIRST_FENCE).await } else { self.get(id).await }
    }
}

fn check(lines: &[ReturnLine]) -> Result<(), Problem> {
    let invalid = |field: String, detail: String| {
        Err(Problem::new(Code::Invalid, "invalid return").field(field, detail))
    };
    if lines.is_empty() || lines.len() > MAX_LINES {
        return invalid("lines".to_owned(), format!("1 to {MAX_LINES} lines, got {}", lines.len()));
    }
    for (i, line) in lines.iter().enumerate() {
        if line.quantity == 0 {
            return invalid(format!("lines[{i}].quantity"), "at least 1".to_owned());
        }
        if lines[..i].iter().any(|before| before.product_id == line.product_id) {
            return invalid(format!("lines[{i}].product_id"), "each product once".to_owned());
        }
    }
    Ok(())
}

fn allowed(order: &Order, lines: &[ReturnLine], now: chrono::DateTime<chrono::Utc>) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(Code::Conflict, detail));
    if order.status != OrderStatus::Confirmed || order.shipment.is_none() {
        return refused("only an order that was shipped can be sent back");
    }
    if !permission::is_in_return_time(order, now) {
        return refused("the time for returns is over");
    }
    let left = order.returnable();
    for (i, line) in lines.iter().enumerate() {
        let most = left.get(&line.product_id).copied().unwrap_or_default();
        if line.quantity > most {
            let problem = Problem::new(Code::Conflict, "more than was ordered and not yet sent back");
            return Err(problem.field(format!("lines[{i}].quantity"), format!("at most {most}")));
        }
    }
    Ok(())
}

fn hash(lines: &[ReturnLine]) -> Vec<u8> {
    let mut sorted: Vec<String> = lines.iter().map(|l| format!("{} {}", l.product_id, l.quantity)).collect();
    sorted.sort();
    Sha256::digest(sorted.join("\n")).to_vec()
}
