//! Money that goes back: once for each time that an order gave it, and never more than was taken.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::types::Uuid;

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{
        Authorisation, GiveBack, Line, MoneyBack, Operation, OperationKind, OperationState, Order,
        PaymentState, Pieces, Snapshot,
    },
};

use super::describe;

const MONEY: Invariant = Invariant {
    name: "refunded_money",
    says: "exactly what an order gave back was refunded, never more than was taken",
    rows: "refunds of orders and of payments",
};
const RETURNS: Invariant = Invariant {
    name: "returned_parcels",
    says: "each return that came back gives back its pieces and at most what was paid for them, once",
    rows: "returns",
};

pub fn money(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(MONEY, snapshot.begun);
    let mut refunds = BTreeMap::<Uuid, Vec<&Operation>>::new();
    for it in &snapshot.payments.operations {
        if it.kind == OperationKind::Refund && it.state == OperationState::Succeeded {
            finding.look();
            refunds.entry(it.order).or_default().push(it);
        }
    }
    for (id, order) in &snapshot.orders.orders {
        let done = refunds.get(id).map_or(&[][..], Vec::as_slice);
        let payment = snapshot.payments.authorisations.get(id);
        for it in order.give_backs.iter().filter(|it| it.amount_minor > 0 || it.unwind) {
            finding.look();
            let refunded: i64 = done.iter().filter(|r| belongs(r, it)).map(|r| r.amount.minor).sum();
            if let Some(detail) = trouble(it, refunded, payment) {
                finding.disagree(
                    it.created_at,
                    format!("refund {} of {}", it.id, snapshot.name_of(*id)),
                    detail,
                );
            }
        }
        for refund in done.iter().filter(|r| !order.give_backs.iter().any(|it| belongs(r, it))) {
            let detail =
                format!("{} was refunded, and the order gave nothing back under its key", refund.amount);
            let subject = format!("operation {} of {}", refund.id, snapshot.name_of(*id));
            finding.disagree(refund.created_at, subject, detail);
        }
        let refunded: i64 = done.iter().map(|r| r.amount.minor).sum();
        let taken = payment.filter(|p| p.is_approved && p.state == PaymentState::Captured);
        let (taken, noted) = taken.map_or((0, 0), |p| (p.amount.minor, p.refunded_minor));
        if refunded > taken || refunded != noted {
            let detail = format!("taken {taken}, refunded {refunded}, noted at the payment {noted}");
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

/// The key at payments is the give-back's id, with the round behind it after a refusal.
fn belongs(refund: &Operation, it: &GiveBack) -> bool {
    let rest = refund.key.strip_prefix(&it.id.to_string());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn trouble(it: &GiveBack, refunded: i64, payment: Option<&Authorisation>) -> Option<String> {
    let (amount, state) = (it.amount_minor, it.money.as_str());
    // Held money that was let go of was never taken.
    let let_go = it.unwind && payment.is_none_or(|p| !p.is_approved || p.state == PaymentState::Voided);
    let is_right = match it.money {
        _ if it.is_money_by_hand => refunded == 0 || refunded == amount,
        MoneyBack::Refunded if let_go => refunded == 0,
        MoneyBack::Refunded => refunded == amount,
        // Whether the call was answered is not known.
        MoneyBack::Pending | MoneyBack::Failed => refunded == 0 || refunded == amount,
    };
    (!is_right).then(|| format!("{state} for {amount}, payments refunded {refunded}"))
}

pub fn returns(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(RETURNS, snapshot.begun);
    for (id, order) in &snapshot.orders.orders {
        let (mut known, mut received, mut back) = (BTreeSet::new(), Pieces::new(), 0);
        for it in &order.returns {
            finding.look();
            let key = format!("return:{}", it.id);
            let given: Vec<&GiveBack> = order.give_backs.iter().filter(|g| g.key == key).collect();
            let is_right = match given.as_slice() {
                [] => !it.is_received,
                [one] => {
                    it.is_received
                        && one.restock == it.lines
                        && i128::from(one.amount_minor) <= paid(order, &it.lines)
                }
                _ => false,
            };
            if !is_right {
                let received = if it.is_received { "received" } else { "announced" };
                let given: Vec<String> = given
                    .iter()
                    .map(|g| format!("{} and {}", g.amount_minor, describe(&g.restock)))
                    .collect();
                let detail = format!("{received} with {}; given back: {given:?}", describe(&it.lines));
                finding.disagree(
                    order.placed_at,
                    format!("return {} of {}", it.id, snapshot.name_of(*id)),
                    detail,
                );
            }
            known.insert(key);
            for (product, count) in it.lines.iter().filter(|_| it.is_received) {
                *received.entry(*product).or_default() += count;
            }
            back += given.iter().map(|g| i128::from(g.amount_minor)).sum::<i128>();
        }
        if back > paid(order, &received) {
            let detail = format!(
                "{back} was given back for {}, paid were {}",
                describe(&received),
                paid(order, &received)
            );
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
        for it in order.give_backs.iter().filter(|it| it.reason == "returned" && !known.contains(&it.key)) {
            let detail = format!("{} was given back for a return that is not there", it.amount_minor);
            finding.disagree(it.created_at, format!("refund {} of {}", it.id, snapshot.name_of(*id)), detail);
        }
    }
    finding
}

/// What was paid for pieces, a voucher's share taken off; a share of a unit counts as one.
fn paid(order: &Order, pieces: &Pieces) -> i128 {
    let mut sum = 0;
    for (product, count) in pieces {
        let lines = order.lines.iter().filter(|line| line.product == *product);
        let whole: i128 = lines.map(Line::paid).sum();
        let ordered = i128::from(order.pieces.get(product).copied().unwrap_or_default().max(1));
        let back = i128::from(*count).min(ordered);
        sum += (whole * back + ordered - 1).div_euclid(ordered);
    }
    sum
}
