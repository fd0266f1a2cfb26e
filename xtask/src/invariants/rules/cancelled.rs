//! What was paid for an order that is cancelled goes back.

use std::collections::BTreeSet;

use sqlx::types::Uuid;

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{GiveBack, GiveBackStep, MoneyBack, OperationKind, PaymentState, Snapshot, Status},
};

use super::is_worked_on;

const MONEY: Invariant = Invariant {
    name: "cancelled_money",
    says: "money that was taken for a cancelled order went back or is on its way",
    rows: "cancelled orders",
};

pub fn money(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(MONEY, snapshot.begun);
    let captures = snapshot.payments.captures();
    let operations = snapshot.payments.operations.iter();
    // Payments still asks the provider.
    let asked: BTreeSet<Uuid> = operations
        .filter(|it| it.kind == OperationKind::Refund && it.state.is_open())
        .map(|it| it.order)
        .collect();
    for (id, order) in &snapshot.orders.orders {
        if order.status != Status::Cancelled {
            continue;
        }
        finding.look();
        let ours = snapshot.payments.authorisations.get(id);
        let ours = ours.filter(|p| p.is_approved && p.state == PaymentState::Captured);
        // Whoever knows of more: ours may not have heard of it yet.
        let theirs = captures.get(id).map_or(0, |taken| taken.iter().sum());
        let taken = ours.map_or(0, |p| p.amount.minor).max(theirs);
        let goes = order.give_backs.iter().filter(|it| goes_back(it) || asked.contains(id));
        let given: i64 = goes.map(|it| it.amount_minor).sum();
        if taken > given {
            let waits = order.give_backs.iter().filter(|it| it.review.is_some()).count();
            let detail =
                format!("{taken} was taken, {given} went back or goes; {waits} refunds wait for a person");
            finding.disagree(order.updated_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

/// Whether the money is back or a program goes on with it. A refund that waits for a person gives nothing back.
fn goes_back(it: &GiveBack) -> bool {
    it.money == MoneyBack::Refunded || it.step == GiveBackStep::Done || is_worked_on(it)
}
