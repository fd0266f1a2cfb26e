//! A person ends what no program could.

use chrono::{DateTime, Utc};
use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{Order, OrderStatus, RefundStatus, Resolution, ResolveOrder};
use shop_contracts::{Money, OrderId};
use shop_instrumentation::telemetry::local_root;
use shop_instrumentation::{Code, Problem, ids};
use tracing::Instrument as _;

use super::cancel::all_pieces;
use super::give_back::{ByHand, FIRST_FENCE, GiveBack, GiveBackReason};
use super::text::{Empty, MAX_WORDS_BYTES, actor, text};
use super::{AfterSale, tax};
use crate::place::WAIT_FOR_END;
use crate::saga::drive::{LEASE, ending};
use crate::saga::{Progress, Step};
use crate::storage::change::{Change, Fate};
use crate::storage::history::{Entry, SYSTEM};
use crate::storage::outbox::{self, Event};
use crate::storage::postgres::Stored;

/// What is to be driven after the decision was written, with the fence that its owner has.
enum Next {
    Nothing,
    /// Only to be counted.
    Ended(Box<Order>, Progress),
    Checkout(i64),
    GiveBacks(Vec<(uuid::Uuid, i64)>),
}

impl AfterSale {
    /// Takes an order, or what goes back for it, out of review: tries the step again, walks the order back, or notes that
    /// a person has done the step by hand. Only what was decided about is driven, for as long as a request may wait.
    pub async fn resolve(&self, id: OrderId, request: &ResolveOrder) -> Result<Order, Problem> {
        let actor = actor(&request.actor)?;
        let note = text("note", &request.note, MAX_WORDS_BYTES, Empty::Refused)?;
        let now = self.saga.clock.now();
        let resolution = request.resolution;
        let verb = match resolution {
            Resolution::Retry => "retry",
            Resolution::Cancel => "cancel",
            Resolution::Settled => "settled by hand",
        };
        let entry = Entry { at: now, actor, action: "resolved", detail: format!("{verb}: {note}") };
        let mut next = Next::Nothing;
        self.saga
            .orders
            .change(id, |stored| {
                let in_review = stored.order.status == OrderStatus::ManualReview;
                let mut change = Change::new(now, entry);
                match (in_review, resolution) {
                    (true, Resolution::Retry) => {
                        let again = Progress { review: None, ..stored.progress };
                        change.fate = Fate::Resumed(again, now + LEASE);
                        next = Next::Checkout(stored.fence + 1);
                    }
                    (true, Resolution::Cancel) => {
                        let give_back = unwind(stored, now)?;
                        next = Next::GiveBacks(vec![(give_back.id, give_back.fence)]);
                        change.fate = Fate::Cancelled;
                        change.give_back = Some((give_back, now + LEASE));
                        change.event = Some(Event::new(OrderEventKind::Cancelled, &stored.order, now));
                    }
                    (true, Resolution::Settled) => {
                        let settled = settled_by_hand(stored)?;
                        change.fate = Fate::Resumed(settled, now + LEASE);
                        if settled.is_at_rest() {
                            let order = ended(&mut change, &stored.order, settled);
                            next = Next::Ended(Box::new(order), settled);
                        } else {
                            next = Next::Checkout(stored.fence + 1);
                        }
                    }
                    (false, Resolution::Retry | Resolution::Settled) => {
                        change.resumed = resumed(stored, resolution, now)?;
                        next = Next::GiveBacks(
                            change.resumed.iter().map(|(it, ..)| (it.id, it.fence)).collect(),
                        );
                    }
                    (false, Resolution::Cancel) => return Err(waits_for_nobody()),
                }
                Ok(Some(change))
            })
            .await?;
        match next {
            Next::Nothing => {}
            Next::Ended(order, at) => self.saga.count(&order, at),
            Next::Checkout(fence) => self.driven_checkout(id, fence).await?,
            Next::GiveBacks(owned) => {
                for (give_back, fence) in owned {
                    self.driven(id, give_back, fence).await?;
                }
            }
        }
        self.get(id).await
    }

    /// Drives this order alone, for as long as a request may wait. What is not done by then goes on in the background; a
    /// drain waits for it.
    async fn driven_checkout(&self, id: OrderId, fence: i64) -> Result<(), Problem> {
        let Some(stored) = self.saga.orders.find(id).await?.filter(|it| it.fence == fence) else {
            return Ok(());
        };
        let saga = self.saga.clone();
        let task = async move { saga.drive(stored).await };
        let span = local_root(tracing::info_span!(parent: None, "order saga"));
        let running = self.saga.running.spawn(task.instrument(span));
        if let Ok(Ok(Err(error))) = tokio::time::timeout(WAIT_FOR_END, running).await {
            tracing::warn!(order_id = %id, %error, "the order goes on later");
        }
        Ok(())
    }
}

/// What an order that ends with a decision is told as.
fn ended(change: &mut Change, order: &Order, at: Progress) -> Order {
    let order = Order { status: at.status(), reason: at.explanation(), ..order.clone() };
    change.event = ending(order.status).map(|kind| Event::new(kind, &order, change.now));
    change.ending = Some(Entry {
        at: change.now,
        actor: SYSTEM.to_owned(),
        action: order.status.as_str(),
        detail: order.reason.clone().unwrap_or_default(),
    });
    order
}

fn waits_for_nobody() -> Problem {
    Problem::new(Code::Conflict, "the order does not wait for a person")
}

fn settled_by_hand(stored: &Stored) -> Result<Progress, Problem> {
    let refused = || {
        let detail =
            "retry when the money was taken, walk it back when it was not; what then remains can be settled";
        Problem::new(Code::Conflict, detail)
    };
    stored.progress.settled_by_hand().ok_or_else(refused)
}

fn unwind(stored: &Stored, now: DateTime<Utc>) -> Result<GiveBack, Problem> {
    if stored.progress.step == Step::Abandon {
        let detail = "whether money is held is not known yet: retry, so that payments finds out";
        return Err(Problem::new(Code::Conflict, detail));
    }
    let has_authorisation = stored.progress.authorisation.is_some();
    let total = stored.order.total;
    let part = |whole: Money| if has_authorisation { whole } else { Money::new(0, whole.currency) };
    Ok(GiveBack {
        id: ids::new_id(),
        key: "unwind".to_owned(),
        request_hash: Vec::new(),
        reason: GiveBackReason::Cancelled,
        amount: part(total),
        tax: stored.order.charges.as_ref().map(|charges| part(charges.tax)),
        restock: all_pieces(&stored.order),
        unwind: true,
        progress: GiveBack::start_unwinding(has_authorisation),
        attempts: 0,
        fence: FIRST_FENCE,
        traceparent: outbox::current_traceparent(),
        created_at: now,
        since: now,
    })
}

type Resumed = (GiveBack, ByHand, DateTime<Utc>);

/// What waits for a person, as it goes on: its step tried again, or done by hand.
fn resumed(stored: &Stored, resolution: Resolution, now: DateTime<Utc>) -> Result<Vec<Resumed>, Problem> {
    let waiting: Vec<&GiveBack> =
        stored.give_backs.iter().filter(|it| it.progress.review.is_some()).collect();
    if waiting.is_empty() {
        return Err(waits_for_nobody());
    }
    fits(stored, &waiting)?;
    let mut tax_left = stored.order.refundable_tax().amount_minor;
    let going_on = waiting.into_iter().map(|it| {
        let (progress, by_hand) = match resolution {
            Resolution::Settled => it.settled_by_hand(),
            Resolution::Retry | Resolution::Cancel => (it.retried(), ByHand::Nothing),
        };
        let tax = if it.unwind { it.tax } else { tax::at_most(it, &mut tax_left) };
        let owned = GiveBack { tax, fence: it.fence + 1, ..it.moved_to(progress, now) };
        let tax =
            owned.tax.map(|tax| Money::new(tax.amount_minor.min(owned.amount.amount_minor), tax.currency));
        (GiveBack { tax, ..owned }, by_hand, now + LEASE)
    });
    Ok(going_on.collect())
}

/// A refund that failed counted as nothing meanwhile: what it asks for must still fit. A checkout that is walked back
/// has no other refunds beside it.
fn fits(stored: &Stored, waiting: &[&GiveBack]) -> Result<(), Problem> {
    let failed = waiting.iter().filter(|it| it.progress.money == RefundStatus::Failed && !it.unwind);
    let asked: i64 = failed.map(|it| it.amount.amount_minor).sum();
    if asked > stored.order.refundable().amount_minor {
        return Err(Problem::new(Code::Conflict, "that money was given back otherwise meanwhile"));
    }
    Ok(())
}
