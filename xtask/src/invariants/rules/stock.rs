//! Levels and what was booked: together they say that nothing was sold that was not there.

use std::collections::BTreeSet;

use sqlx::types::Uuid;

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{Reservation, ReservationState, Snapshot},
};

const LEVELS: Invariant = Invariant {
    name: "stock_levels",
    says: "no level is below zero, and each is the sum of its movements",
    rows: "products",
};
const MOVEMENTS: Invariant = Invariant {
    name: "stock_movements",
    says: "what was booked for an order is what its reservation holds, sold and took back",
    rows: "lines",
};

const OWNERS: Invariant = Invariant {
    name: "movement_owners",
    says: "pieces that moved for no order were moved by a person, or are an opening or a delivery",
    rows: "movements without an order",
};

/// What the service books by itself for no order. What the table books in a writer's stead is `other`.
const BY_ITSELF: [&str; 2] = ["opening", "delivery"];
/// Who moves pieces when no person does.
const SYSTEM: &str = "system";

/// The table books what nobody booked, so that levels and movements add up whatever happens; only who did it tells.
pub fn owners(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(OWNERS, snapshot.begun);
    for it in &snapshot.inventory.others {
        finding.look();
        if it.actor == SYSTEM && !BY_ITSELF.contains(&it.reason.as_str()) {
            let detail = format!("{:+} of {} ({}), and nobody says why", it.delta, it.product, it.reason);
            finding.disagree(it.at, format!("movement {}", it.id), detail);
        }
    }
    finding
}

pub fn levels(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(LEVELS, snapshot.begun);
    for (product, level) in &snapshot.inventory.levels {
        finding.look();
        if level.available < 0 || level.available != level.booked {
            let detail = format!("{} available, its movements make {}", level.available, level.booked);
            finding.disagree(snapshot.begun, format!("product {product}"), detail);
        }
    }
    finding
}

pub fn movements(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(MOVEMENTS, snapshot.begun);
    let (moved, none) = (&snapshot.inventory.moved, BTreeSet::new());
    let mut of_order = std::collections::BTreeMap::<Uuid, BTreeSet<Uuid>>::new();
    for (order, product) in moved.keys() {
        of_order.entry(*order).or_default().insert(*product);
    }
    for (order, reservation) in &snapshot.inventory.reservations {
        let products: BTreeSet<Uuid> = reservation.pieces.keys().copied().collect();
        for product in products.union(of_order.get(order).unwrap_or(&none)) {
            // What is folded is booked for no order any more.
            let level = snapshot.inventory.levels.get(product);
            if level.and_then(|l| l.folded_until).is_some_and(|until| reservation.created_at <= until) {
                continue;
            }
            finding.look();
            let booked = moved.get(&(*order, *product)).copied().unwrap_or_default();
            let expected = expected(reservation, *product);
            if booked != expected {
                let state = reservation.state.as_str();
                let detail = format!("product {product}: {state}, so {expected}; booked are {booked}");
                finding.disagree(reservation.created_at, snapshot.name_of(*order), detail);
            }
        }
    }
    for (order, products) in of_order {
        if !snapshot.inventory.reservations.contains_key(&order) {
            finding.look();
            let detail = format!("pieces of {} products were moved, there is no reservation", products.len());
            finding.disagree(snapshot.begun, snapshot.name_of(order), detail);
        }
    }
    finding
}

fn expected(reservation: &Reservation, product: Uuid) -> i64 {
    let of = |pieces: &crate::invariants::snapshot::Pieces| pieces.get(&product).copied().unwrap_or_default();
    match reservation.state {
        ReservationState::Held | ReservationState::Confirmed => {
            of(&reservation.returned) - of(&reservation.pieces)
        }
        ReservationState::Released | ReservationState::Expired => 0,
    }
}
