//! What we say of each order's money: taken for exactly what was sold, and for nothing else.

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{
        Authorisation, MoneyBack, Operation, OperationKind, OperationState, Order, PaymentState, Snapshot,
        Status, Step,
    },
};

use super::{is_older, orders::SLACK};

const STATES: Invariant = Invariant {
    name: "payment_states",
    says: "money is taken for exactly the total of what is sold, and none is held for what is not",
    rows: "orders",
};
const OWNERS: Invariant = Invariant {
    name: "payment_owners",
    says: "no money moves for an order that does not exist",
    rows: "payments and operations",
};
const OPERATIONS: Invariant = Invariant {
    name: "payment_operations",
    says: "every call that moves money has ended in time, as its payment says",
    rows: "operations",
};

pub fn states(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(STATES, snapshot.begun);
    for (id, order) in &snapshot.orders.orders {
        finding.look();
        let payment = snapshot.payments.authorisations.get(id);
        if !is_right(order, payment) {
            let found = payment.map_or_else(|| "none".to_owned(), Authorisation::describe);
            let (status, step) = (order.status.as_str(), order.step.as_str());
            let detail = format!("{status} at {step} for {}, its payment: {found}", order.total);
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

fn is_right(order: &Order, payment: Option<&Authorisation>) -> bool {
    if payment.is_some_and(|p| p.amount != order.total) {
        return false;
    }
    if order.authorisation.is_some_and(|meant| payment.is_none_or(|found| found.id != meant)) {
        return false;
    }
    let state = payment.filter(|p| p.is_approved).map(|p| p.state);
    let is_free = matches!(state, None | Some(PaymentState::Voided));
    let is_taken = state == Some(PaymentState::Captured) && order.authorisation.is_some();
    match order.status {
        Status::Confirmed => is_taken,
        Status::Cancelled => match order.unwinding() {
            None => is_taken,
            // Whether taken money went back is looked at apart.
            Some(it) if it.money == MoneyBack::Refunded => is_free || is_taken,
            Some(_) => true,
        },
        Status::Declined | Status::Rejected => is_free,
        Status::Pending => match order.step {
            Step::Capture => matches!(state, Some(PaymentState::Open | PaymentState::Captured)),
            Step::Confirm => state == Some(PaymentState::Open),
            _ => state != Some(PaymentState::Captured),
        },
        Status::ManualReview => true,
    }
}

pub fn owners(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(OWNERS, snapshot.begun);
    let orders = &snapshot.orders.orders;
    for (id, payment) in &snapshot.payments.authorisations {
        finding.look();
        if !orders.contains_key(id) {
            let detail = format!("payment {}: {}", payment.id, payment.describe());
            finding.disagree(payment.created_at, format!("order {id}"), detail);
        }
    }
    for it in &snapshot.payments.operations {
        finding.look();
        if !orders.contains_key(&it.order) {
            let detail = format!("{} of {} is {}", it.kind.as_str(), it.amount, it.state.as_str());
            finding.disagree(it.created_at, format!("order {}", it.order), detail);
        }
    }
    finding
}

pub fn operations(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(OPERATIONS, snapshot.begun);
    for it in &snapshot.payments.operations {
        finding.look();
        let payment = snapshot.payments.authorisations.get(&it.order);
        let detail = match trouble(it, payment, snapshot) {
            None => continue,
            Some(why) => format!("{} of {} is {}: {why}", it.kind.as_str(), it.amount, it.state.as_str()),
        };
        let subject = format!("operation {} of {}", it.id, snapshot.name_of(it.order));
        finding.disagree(it.created_at, subject, detail);
    }
    finding
}

fn trouble(it: &Operation, payment: Option<&Authorisation>, snapshot: &Snapshot) -> Option<String> {
    let ages = snapshot.ages;
    let limit = match it.kind {
        OperationKind::Authorise => ages.authorise,
        OperationKind::Capture => ages.capture,
        OperationKind::Void => ages.undo,
        OperationKind::Refund => ages.give_back,
    };
    if it.state.is_open() {
        let late = is_older(it.created_at, snapshot.now, limit + SLACK);
        return late.then(|| format!("no answer since {}", it.created_at));
    }
    let state = payment.filter(|p| p.is_approved && p.id == it.authorisation).map(|p| p.state);
    let fits = match (it.kind, it.state) {
        (OperationKind::Authorise, OperationState::Succeeded) => state.is_some(),
        (OperationKind::Authorise, OperationState::Declined) => state.is_none(),
        (OperationKind::Capture | OperationKind::Refund, OperationState::Succeeded) => {
            state == Some(PaymentState::Captured)
        }
        (OperationKind::Void, OperationState::Succeeded) => state == Some(PaymentState::Voided),
        _ => true,
    };
    let whole = it.kind == OperationKind::Refund || payment.is_none_or(|p| p.amount == it.amount);
    let says = || format!("the payment is {}", payment.map_or_else(|| "none".to_owned(), |p| p.describe()));
    (!fits || !whole).then(says)
}
