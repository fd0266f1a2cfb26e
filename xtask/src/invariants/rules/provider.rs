//! The provider's own books, in which nothing keeps a second movement out, and ours beside them.

use std::collections::BTreeMap;

use sqlx::types::Uuid;

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{Authorisation, MovementKind, PaymentState, ProviderPayment, Snapshot},
};

const MOVEMENTS: Invariant = Invariant {
    name: "provider_movements",
    says: "the provider held and took an order's money at most once, and gave back at most what it took",
    rows: "orders",
};
const ROWS: Invariant = Invariant {
    name: "provider_rows",
    says: "each payment is what the provider says, and the provider has no other",
    rows: "payments here and there",
};

pub fn movements(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(MOVEMENTS, snapshot.begun);
    let mut of_order = BTreeMap::<Uuid, Vec<&ProviderPayment>>::new();
    for payment in snapshot.payments.provider.values() {
        of_order.entry(payment.order).or_default().push(payment);
    }
    for (order, payments) in of_order {
        finding.look();
        let count = |kind| payments.iter().map(|p| p.count(kind)).sum::<usize>();
        let sum = |kind| payments.iter().map(|p| p.sum(kind)).sum::<i64>();
        let (holds, captures) = (count(MovementKind::Hold), count(MovementKind::Capture));
        let (held, taken) = (sum(MovementKind::Hold), sum(MovementKind::Capture));
        let (let_go, given_back) = (sum(MovementKind::Release), sum(MovementKind::Refund));
        let whole =
            payments.iter().filter(|p| p.is_approved).all(|p| p.sum(MovementKind::Hold) == p.amount.minor);
        let moved = payments.iter().any(|p| !p.is_approved && !p.movements.is_empty());
        if holds > 1 || captures > 1 || taken + let_go > held || given_back > taken || !whole || moved {
            let detail = format!(
                "held {held} in {holds}, took {taken} in {captures}, let go of {let_go}, gave back {given_back}"
            );
            let since = payments.iter().map(|p| p.created_at).min().unwrap_or(snapshot.begun);
            finding.disagree(since, snapshot.name_of(order), detail);
        }
    }
    finding
}

pub fn rows(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(ROWS, snapshot.begun);
    let (ours, theirs) = (&snapshot.payments.authorisations, &snapshot.payments.provider);
    for (order, payment) in ours {
        finding.look();
        let there = payment.reference.as_ref().and_then(|r| theirs.get(r));
        if !agree(payment, there) {
            let here = format!("here {}, refunded {}", payment.describe(), payment.refunded_minor);
            let detail = format!("{here}; there {}", there.map_or_else(|| "none".to_owned(), describe));
            finding.disagree(payment.created_at, snapshot.name_of(*order), detail);
        }
    }
    for (reference, there) in theirs {
        finding.look();
        let here = ours.get(&there.order);
        if there.is_approved && here.is_none_or(|p| p.reference.as_ref() != Some(reference)) {
            let ours = here.map_or_else(|| "none".to_owned(), Authorisation::describe);
            let detail = format!("there {reference}, {}; here {ours}", describe(there));
            finding.disagree(there.created_at, snapshot.name_of(there.order), detail);
        }
    }
    finding
}

fn agree(ours: &Authorisation, theirs: Option<&ProviderPayment>) -> bool {
    if !ours.is_approved {
        return theirs.is_none_or(|t| !t.is_approved);
    }
    let Some(theirs) = theirs.filter(|t| t.is_approved && t.amount == ours.amount) else { return false };
    let taken = theirs.sum(MovementKind::Capture);
    let let_go = theirs.sum(MovementKind::Release);
    let (taken_here, let_go_here) = match ours.state {
        PaymentState::Open => (0, 0),
        PaymentState::Captured => (ours.amount.minor, 0),
        PaymentState::Voided => (0, ours.amount.minor),
    };
    (taken, let_go) == (taken_here, let_go_here) && theirs.sum(MovementKind::Refund) == ours.refunded_minor
}

/// For people: `approved 1999 EUR: hold 1999, capture 1999`.
fn describe(payment: &ProviderPayment) -> String {
    let decision = if payment.is_approved { "approved" } else { "declined" };
    let movements = payment.movements.iter().map(|(kind, minor)| format!("{} {minor}", kind.as_str()));
    format!("{decision} {}: {}", payment.amount, movements.collect::<Vec<_>>().join(", "))
}
