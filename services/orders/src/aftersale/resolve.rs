//! A person ends what no program could.

use shop_contracts::OrderId;
use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{Order, OrderStatus, Resolution, ResolveOrder};
use shop_instrumentation::{Code, Problem, ids};

use super::cancel::all_pieces;
use super::give_back::{GiveBack, GiveBackReason};
use super::text::{Empty, MAX_WORDS_BYTES, actor, text};
use super::{AfterSale, tax};
use crate::saga::drive::LEASE;
use crate::saga::{Saga, Step};
use crate::storage::change::{Change, Fate};
use crate::storage::history::Entry;
use crate::storage::outbox::{self, Event};
use crate::storage::postgres::Stored;

/// What is to be driven after the decision was written.
enum Next {
    Checkout,
    GiveBacks(Vec<uuid::Uuid>),
}

impl AfterSale {
    /// Takes an order out of review: tries its step again, or walks it back. For an order whose refund waits for a
    /// person, `retry` tries that again.
    pub async fn resolve(&self, id: OrderId, request: &ResolveOrder) -> Result<Order, Problem> {
        let actor = actor(&request.actor)?;
        let note = text("note", &request.note, MAX_WORDS_BYTES, Empty::Refused)?;
        let now = self.saga.clock.now();
        let resolution = request.resolution;
        let verb = if resolution == Resolution::Retry { "retry" } else { "cancel" };
        let entry = Entry { at: now, actor, action: "resolved", detail: format!("{verb}: {note}") };
        let mut next = Next::GiveBacks(Vec::new());
        self.saga
            .orders
            .change(id, |stored| {
                let in_review = stored.order.status == OrderStatus::ManualReview;
                let mut change = Change::new(now, entry);
                match (in_review, resolution) {
                    (true, Resolution::Retry) => {
                        change.fate = Fate::Retried;
                        next = Next::Checkout;
                    }
                    (true, Resolution::Cancel) => {
                        let give_back = unwind(stored, now)?;
                        next = Next::GiveBacks(vec![give_back.id]);
                        change.fate = Fate::Cancelled;
                        change.give_back = Some((give_back, now + LEASE));
                        change.event = Some(Event::new(OrderEventKind::Cancelled, &stored.order, now));
                    }
                    (false, Resolution::Retry) => {
                        change.retried = retried(stored)?;
                        next = Next::GiveBacks(change.retried.iter().map(|it| it.id).collect());
                    }
                    (false, Resolution::Cancel) => {
                        return Err(Problem::new(Code::Conflict, "the order does not wait for a person"));
                    }
                }
                Ok(Some(change))
            })
            .await?;
        match next {
            Next::Checkout => go_on(&self.saga).await,
            Next::GiveBacks(ids) => {
                for give_back in ids {
                    self.driven(id, give_back).await?;
                }
            }
        }
        self.get(id).await
    }
}

/// One round of recovery: the order is free, and so it is taken up here or by the other instance.
async fn go_on(saga: &Saga) {
    if let Err(error) = crate::workers::resume(saga).await {
        tracing::warn!(%error, "the order is taken up later");
    }
}

fn unwind(stored: &Stored, now: chrono::DateTime<chrono::Utc>) -> Result<GiveBack, Problem> {
    if stored.progress.step == Step::Abandon {
        let detail = "whether money is held is not known yet: retry, so that payments finds out";
        return Err(Problem::new(Code::Conflict, detail));
    }
    let has_authorisation = stored.progress.authorisation.is_some();
    let total = stored.order.total;
    let amount = if has_authorisation { total } else { shop_contracts::Money::new(0, total.currency) };
    Ok(GiveBack {
        id: ids::new_id(),
        key: "unwind".to_owned(),
        request_hash: Vec::new(),
        reason: GiveBackReason::Cancelled,
        amount,
        tax: tax::contained_in(&stored.order, amount),
        restock: all_pieces(&stored.order),
        unwind: true,
        progress: GiveBack::start_unwinding(has_authorisation),
        attempts: 0,
        fence: 0,
        traceparent: outbox::current_traceparent(),
        created_at: now,
        since: now,
    })
}

/// Give-backs that wait for a person, as they go on. A refund that failed counted as nothing meanwhile: what it asks
/// for must still fit.
fn retried(stored: &Stored) -> Result<Vec<GiveBack>, Problem> {
    let mut tax_left = stored.order.refundable_tax().amount_minor;
    let waiting: Vec<GiveBack> = stored
        .give_backs
        .iter()
        .filter(|it| it.progress.review.is_some())
        .map(|it| GiveBack { progress: it.retried(), tax: tax::at_most(it, &mut tax_left), ..it.clone() })
        .collect();
    if waiting.is_empty() {
        return Err(Problem::new(Code::Conflict, "the order does not wait for a person"));
    }
    let before: Vec<_> = stored.give_backs.iter().filter(|it| it.progress.review.is_some()).collect();
    let asked: i64 = before
        .iter()
        .filter(|it| it.progress.money == shop_contracts::orders::RefundStatus::Failed)
        .map(|it| it.amount.amount_minor)
        .sum();
    if asked > stored.order.refundable().amount_minor {
        return Err(Problem::new(Code::Conflict, "that money was given back otherwise meanwhile"));
    }
    Ok(waiting)
}
