//! What shoppers were told, held against orders and money order by order.

use std::collections::BTreeMap;

use sqlx::types::Uuid;

use crate::invariants::{
    Told,
    report::{Finding, Invariant},
    snapshot::{Order, Snapshot, Status},
};

const ACKNOWLEDGED: Invariant = Invariant {
    name: "acknowledged_orders",
    says: "each order that a shopper was told of is confirmed and paid exactly once, or sold out and not paid, or \
           cancelled by that shopper",
    rows: "orders that shoppers were told of",
};
const ONCE: Invariant = Invariant {
    name: "bought_once",
    says: "who wanted one order has no second that is sold or paid",
    rows: "shoppers of a drill",
};

/// Where `buyer.rs` gives each order that is wanted an address of its own.
const ONE_ORDER_DOMAIN: &str = "@once.example.com";

pub fn acknowledged(snapshot: &Snapshot, told: &BTreeMap<String, Told>) -> Finding {
    let mut finding = Finding::new(ACKNOWLEDGED, snapshot.begun);
    let by_number: BTreeMap<&str, (&Uuid, &Order)> =
        snapshot.orders.orders.iter().map(|(id, order)| (order.number.as_str(), (id, order))).collect();
    let paid = snapshot.payments.captures();
    for (number, told) in told {
        finding.look();
        let (since, detail) = match by_number.get(number.as_str()) {
            None => (snapshot.begun, Some("is not in the books".to_owned())),
            Some((id, order)) => {
                (order.placed_at, trouble(*told, order, paid.get(*id).map_or(&[], Vec::as_slice)))
            }
        };
        if let Some(detail) = detail {
            finding.disagree(since, format!("order {number}"), detail);
        }
    }
    finding
}

fn trouble(told: Told, order: &Order, paid: &[i64]) -> Option<String> {
    let (status, reason) = (order.status.as_str(), order.reason.as_deref().unwrap_or("no reason"));
    let is_right = match (told, order.status) {
        // Taken once or not yet; that it goes back is another invariant's.
        (Told::Cancelled | Told::PerhapsCancelled, Status::Cancelled) => paid.len() <= 1,
        (Told::Cancelled, _) => false,
        (_, Status::Confirmed) => paid == [order.total.minor],
        // Told as pending, and the last piece went to somebody else.
        (_, Status::Rejected) => reason == "out_of_stock" && paid.is_empty(),
        _ => false,
    };
    (!is_right).then(|| format!("{status} ({reason}) for {}, taken were {paid:?}", order.total))
}

pub fn once(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(ONCE, snapshot.begun);
    let paid = snapshot.payments.captures();
    let mut shoppers = BTreeMap::<&str, Vec<&Order>>::new();
    for (id, order) in &snapshot.orders.orders {
        if !order.buyer.email.ends_with(ONE_ORDER_DOMAIN) {
            continue;
        }
        let orders = shoppers.entry(&order.buyer.email).or_default();
        if !order.is_void() || paid.get(id).is_some_and(|taken| !taken.is_empty()) {
            orders.push(order);
        }
    }
    for orders in shoppers.into_values() {
        finding.look();
        if orders.len() > 1 {
            let numbers: Vec<&str> = orders.iter().map(|order| order.number.as_str()).collect();
            let since = orders.iter().map(|order| order.placed_at).min().unwrap_or(snapshot.begun);
            finding.disagree(
                since,
                format!("orders {numbers:?}"),
                "one shopper wanted one of them".to_owned(),
            );
        }
    }
    finding
}
