//! What an order costs: its parts add up to the total that is paid.

use std::collections::BTreeMap;

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{Line, Order, Snapshot, TaxShare},
};

const TOTALS: Invariant = Invariant {
    name: "order_totals",
    says: "lines times price, less the discount, plus delivery is the total, and the lines share out the discount",
    rows: "orders",
};
const TAXES: Invariant = Invariant {
    name: "order_taxes",
    says: "the tax at each rate is what its lines and delivery contain, and all of the total is taxed once",
    rows: "orders with tax",
};

/// All of something, in hundredths of a percent.
const WHOLE: i128 = 10_000;

pub fn totals(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(TOTALS, snapshot.begun);
    for (id, order) in &snapshot.orders.orders {
        finding.look();
        if let Some(detail) = wrong_total(order) {
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

fn wrong_total(order: &Order) -> Option<String> {
    let charges = &order.charges;
    let goods: i128 = order.lines.iter().map(Line::amount).sum();
    let (delivery, discount) = (i128::from(charges.delivery), i128::from(charges.discount));
    if goods - discount + delivery != i128::from(order.total.minor) {
        let parts = format!("goods {goods}, discount {discount}, delivery {delivery}");
        return Some(format!("{parts} do not make the total {}", order.total));
    }
    let shared: i128 = order.lines.iter().map(|line| i128::from(line.discount)).sum();
    if shared != discount || order.lines.iter().any(|line| line.paid() < 0) {
        return Some(format!("a discount of {discount}, of which its lines have {shared}"));
    }
    if discount > 0 && charges.voucher.is_none() {
        return Some(format!("a discount of {discount} without a voucher"));
    }
    if charges.taxes.is_none() && (delivery, discount) != (0, 0) {
        return Some(format!("discount {discount} and delivery {delivery}, and no tax is told"));
    }
    None
}

pub fn taxes(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(TAXES, snapshot.begun);
    for (id, order) in &snapshot.orders.orders {
        let Some(shares) = &order.charges.taxes else { continue };
        finding.look();
        if let Some(detail) = wrong_tax(order, shares) {
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

fn wrong_tax(order: &Order, shares: &[TaxShare]) -> Option<String> {
    let gross: i128 = shares.iter().map(|share| i128::from(share.gross)).sum();
    if gross != i128::from(order.total.minor) {
        return Some(format!("{gross} is taxed of the total {}", order.total));
    }
    if let Some(share) = shares.iter().find(|share| !is_contained(share)) {
        return Some(format!("{} in {} is no tax of {} bp", share.tax, share.gross, share.rate_bp));
    }
    // What lines do not account for is delivery, which has one rate.
    let mut left: BTreeMap<i64, (i128, i128)> =
        shares.iter().map(|it| (it.rate_bp, (i128::from(it.gross), i128::from(it.tax)))).collect();
    if left.len() != shares.len() {
        return Some("two shares have one rate".to_owned());
    }
    for line in &order.lines {
        let Some((rate, tax)) = line.tax else { return Some("a line tells no tax".to_owned()) };
        let (gross, of_rate) = left.entry(rate).or_default();
        *gross -= line.paid();
        *of_rate -= i128::from(tax);
    }
    left.retain(|_, rest| *rest != (0, 0));
    let delivery = i128::from(order.charges.delivery);
    let is_right = match left.values().next() {
        None => delivery == 0,
        Some((gross, tax)) => left.len() == 1 && *gross == delivery && (0..=delivery).contains(tax),
    };
    (!is_right)
        .then(|| format!("beside its lines, for delivery of {delivery}, gross and tax by rate: {left:?}"))
}

/// Rounded to the nearest unit, either way where that is undecided.
fn is_contained(share: &TaxShare) -> bool {
    let (gross, tax, rate) = (i128::from(share.gross), i128::from(share.tax), i128::from(share.rate_bp));
    (2 * (tax * (WHOLE + rate) - gross * rate)).abs() <= WHOLE + rate
}
