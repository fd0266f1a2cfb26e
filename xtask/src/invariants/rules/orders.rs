//! Orders by themselves: carts, history, age.

use std::{collections::BTreeMap, time::Duration};

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{Order, Snapshot, Status, Step},
};

use super::{is_older, is_worked_on};

/// What a program takes to see that a limit is reached: a round of recovery, and the longest pause between two.
pub const SLACK: Duration = Duration::from_mins(1);

const CARTS: Invariant = Invariant {
    name: "cart_versions",
    says: "a cart's version became at most one order that was neither declined nor rejected",
    rows: "versions of carts",
};
const HISTORY: Invariant = Invariant {
    name: "order_history",
    says: "an order was placed once, ended once as its status says, and left once if its row says that it left",
    rows: "orders",
};
const AGES: Invariant = Invariant {
    name: "order_ages",
    says: "no order or refund is unfinished for longer than its step may take, or lies there untouched",
    rows: "orders",
};

pub fn carts(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(CARTS, snapshot.begun);
    let mut consumed = BTreeMap::<&(String, i64), Vec<&Order>>::new();
    for order in snapshot.orders.orders.values() {
        let Some(cart) = &order.cart else { continue };
        let orders = consumed.entry(cart).or_default();
        if !matches!(order.status, Status::Declined | Status::Rejected) {
            orders.push(order);
        }
    }
    for ((cart, version), orders) in consumed {
        finding.look();
        if orders.len() > 1 {
            let numbers: Vec<&str> = orders.iter().map(|o| o.number.as_str()).collect();
            let since = orders.iter().map(|o| o.placed_at).min().unwrap_or(snapshot.begun);
            finding.disagree(since, format!("cart {cart} version {version}"), format!("orders {numbers:?}"));
        }
    }
    finding
}

pub fn history(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(HISTORY, snapshot.begun);
    for (id, order) in &snapshot.orders.orders {
        finding.look();
        let ends =
            [Status::Confirmed, Status::Declined, Status::Rejected].map(|s| order.happened(s.as_str()));
        let cancelled = order.happened("cancelled") + order.happened("resolved_by_cancelling");
        let is_right = order.happened("placed") == 1
            && match (order.status, order.unwinding().is_some()) {
                (Status::Confirmed, _) => ends == [1, 0, 0] && cancelled == 0,
                (Status::Declined, _) => ends == [0, 1, 0] && cancelled == 0,
                (Status::Rejected, _) => ends == [0, 0, 1] && cancelled == 0,
                (Status::Cancelled, false) => ends == [1, 0, 0] && cancelled == 1,
                (Status::Cancelled, true) => ends == [0, 0, 0] && cancelled == 1,
                (Status::Pending, _) => ends == [0, 0, 0] && cancelled == 0,
                (Status::ManualReview, _) => ends == [0, 0, 0] && order.happened("manual_review") >= 1,
            }
            && order.happened("shipped") == i64::from(order.is_shipped);
        if !is_right {
            let left = if order.is_shipped { ", shipped" } else { "" };
            let detail = format!("{}{left}; its history: {:?}", order.status.as_str(), order.history);
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

pub fn ages(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(AGES, snapshot.begun);
    let (now, limits) = (snapshot.now, snapshot.ages);
    for (id, order) in &snapshot.orders.orders {
        finding.look();
        if order.status == Status::Pending {
            let limit = match order.step {
                Step::Reserve => limits.reserve,
                Step::Authorise => limits.authorise,
                Step::Confirm => limits.confirm,
                Step::Capture => limits.capture,
                Step::Abandon | Step::Void | Step::Release | Step::Done => limits.undo,
            };
            let step = order.step.as_str();
            if is_older(order.updated_at, now, limit + SLACK) || is_older(order.lease_until, now, SLACK) {
                let (since, free) = (order.updated_at, order.lease_until);
                let detail = format!("at {step} since {since}, nobody's since {free}; it is {now}");
                finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
            }
        }
        for it in order.give_backs.iter().filter(|it| is_worked_on(it)) {
            let late = is_older(it.updated_at, now, limits.give_back + SLACK);
            if late || is_older(it.lease_until, now, SLACK) {
                let (step, since, free) = (it.step.as_str(), it.updated_at, it.lease_until);
                let detail = format!("at {step} since {since}, nobody's since {free}; it is {now}");
                finding.disagree(
                    it.created_at,
                    format!("refund {} of {}", it.id, snapshot.name_of(*id)),
                    detail,
                );
            }
        }
    }
    finding
}
