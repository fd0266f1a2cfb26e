//! Each outcome of an order is one event: it waits for the relay, or was taken up once.

use std::{collections::BTreeMap, time::Duration};

use sqlx::types::Uuid;

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{Order, Snapshot},
};

const OUTCOMES: Invariant = Invariant {
    name: "event_outcomes",
    says: "each outcome of an order has exactly one event, waiting in the outbox or taken up once",
    rows: "outcomes",
};
const OWNERS: Invariant = Invariant {
    name: "event_owners",
    says: "no event and no mail is about an order that does not exist",
    rows: "events and mails",
};

use super::is_older;

/// Notifications forget after ninety days.
const REMEMBERED: Duration = Duration::from_hours(24 * 85);

/// An outcome: the event's kind, the mail's, and what stands in the order's history.
struct Outcome {
    event: &'static str,
    mail: &'static str,
    actions: &'static [&'static str],
}

const ALL: [Outcome; 9] = [
    Outcome { event: "order.confirmed", mail: "order_confirmed", actions: &["confirmed"] },
    Outcome { event: "order.declined", mail: "order_declined", actions: &["declined"] },
    Outcome { event: "order.failed", mail: "order_failed", actions: &["rejected"] },
    Outcome {
        event: "order.cancelled",
        mail: "order_cancelled",
        actions: &["cancelled", "resolved_by_cancelling"],
    },
    Outcome { event: "order.shipped", mail: "order_shipped", actions: &["shipped"] },
    Outcome { event: "order.return_requested", mail: "return_requested", actions: &["return_requested"] },
    Outcome { event: "order.return_refused", mail: "return_refused", actions: &["return_refused"] },
    Outcome { event: "order.return_withdrawn", mail: "return_withdrawn", actions: &["return_withdrawn"] },
    Outcome { event: "order.refunded", mail: "order_refunded", actions: &["refunded"] },
];

/// What the books say of one kind of outcome of an order.
struct Account<'a> {
    id: Uuid,
    order: &'a Order,
    outcome: &'static Outcome,
    happened: i64,
    waits: i64,
    taken_up: i64,
}

fn accounts(snapshot: &Snapshot) -> Vec<Account<'_>> {
    let mut waiting = BTreeMap::<(Uuid, &str), i64>::new();
    for event in &snapshot.orders.outbox {
        if let Some(order) = event.order {
            *waiting.entry((order, event.kind.as_str())).or_default() += 1;
        }
    }
    let mut taken_up = BTreeMap::<(Uuid, &str), i64>::new();
    for delivery in snapshot.deliveries.values() {
        if let Some(order) = delivery.order {
            *taken_up.entry((order, delivery.kind.as_str())).or_default() += 1;
        }
    }
    let mut accounts = Vec::new();
    for (id, order) in &snapshot.orders.orders {
        for outcome in &ALL {
            let happened: i64 = outcome.actions.iter().map(|action| order.happened(action)).sum();
            let waits = waiting.get(&(*id, outcome.event)).copied().unwrap_or_default();
            let taken_up = taken_up.get(&(*id, outcome.mail)).copied().unwrap_or_default();
            if happened != 0 || waits != 0 || taken_up != 0 {
                accounts.push(Account { id: *id, order, outcome, happened, waits, taken_up });
            }
        }
    }
    accounts
}

pub fn outcomes(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(OUTCOMES, snapshot.begun);
    for Account { id, order, outcome, happened, waits, taken_up } in accounts(snapshot) {
        finding.look();
        let found = waits + taken_up;
        if found > happened || (found < happened && is_told(order, snapshot)) {
            let kind = outcome.event;
            let detail = format!("{kind}: happened {happened} times, {waits} wait, {taken_up} were taken up");
            finding.disagree(order.placed_at, snapshot.name_of(id), detail);
        }
    }
    finding
}

/// Outcomes without their event, as often as they lack one: the order's number, and the event's kind.
pub fn untold(snapshot: &Snapshot) -> Vec<(String, &'static str)> {
    let lacks = |it: &Account<'_>| (it.happened - it.waits - it.taken_up).max(0) as usize;
    let told_of = |it: &Account<'_>| is_told(it.order, snapshot);
    let accounts = accounts(snapshot).into_iter().filter(told_of);
    accounts.flat_map(|it| vec![(it.order.number.clone(), it.outcome.event); lacks(&it)]).collect()
}

/// Whether every outcome must still be known to have been told.
fn is_told(order: &Order, snapshot: &Snapshot) -> bool {
    order.names_a_person() && !is_older(order.placed_at, snapshot.now, REMEMBERED)
}

pub fn owners(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(OWNERS, snapshot.begun);
    let orders = &snapshot.orders.orders;
    for event in &snapshot.orders.outbox {
        finding.look();
        if event.order.is_none_or(|order| !orders.contains_key(&order)) {
            let detail = format!("{} waits for order {:?}", event.kind, event.order);
            finding.disagree(event.created_at, format!("event {}", event.id), detail);
        }
    }
    for (event, delivery) in &snapshot.deliveries {
        finding.look();
        if let Some(order) = delivery.order.filter(|order| !orders.contains_key(order)) {
            let detail = format!("{} about order {order}", delivery.kind);
            finding.disagree(delivery.created_at, format!("mail {event}"), detail);
        }
    }
    finding
}
