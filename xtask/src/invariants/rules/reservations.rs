//! Every order's reservation: held while the order is in progress, sold with it, given back otherwise.

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{GiveBackStep, Order, Pieces, Reservation, ReservationState, Snapshot, Status, Step},
};

use super::describe;

const STATES: Invariant = Invariant {
    name: "reservation_states",
    says: "a reservation is held while its order is in progress, sold with it, given back otherwise",
    rows: "orders",
};
const PIECES: Invariant = Invariant {
    name: "reservation_pieces",
    says: "a reservation has exactly the pieces that its order has",
    rows: "reservations",
};
const RETURNS: Invariant = Invariant {
    name: "returned_pieces",
    says: "exactly the pieces that an order gave back are on sale again",
    rows: "reservations",
};
const OWNERS: Invariant = Invariant {
    name: "reservation_owners",
    says: "no pieces are set aside for an order that does not exist",
    rows: "reservations",
};

pub fn states(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(STATES, snapshot.begun);
    for (id, order) in &snapshot.orders.orders {
        finding.look();
        let reservation = snapshot.inventory.reservations.get(id);
        if !is_right(order, reservation, snapshot) {
            let state = reservation.map_or("none", |r| r.state.as_str());
            let mut detail =
                format!("{} at {}, its reservation: {state}", order.status.as_str(), order.step.as_str());
            if let (Some(meant), Some(found)) = (order.reservation, reservation)
                && meant != found.id
            {
                detail.push_str(&format!(" ({}; the order means {meant})", found.id));
            }
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

fn is_right(order: &Order, reservation: Option<&Reservation>, snapshot: &Snapshot) -> bool {
    if order.reservation.is_some_and(|meant| reservation.is_none_or(|found| found.id != meant)) {
        return false;
    }
    let state = reservation.map(|r| r.state);
    let is_given_back = matches!(state, Some(ReservationState::Released | ReservationState::Expired));
    match order.status {
        Status::Confirmed => state == Some(ReservationState::Confirmed),
        // A person gave the checkout up: what it had is given back, sold or not. Pieces of a sale are looked at apart.
        Status::Cancelled => match order.unwinding() {
            None => state == Some(ReservationState::Confirmed),
            Some(it) if it.step == GiveBackStep::Done => state != Some(ReservationState::Held),
            Some(_) => true,
        },
        Status::Declined => is_given_back,
        // Inventory did not answer in time: what it set aside after all expires by itself.
        Status::Rejected => {
            let late = order.reservation.is_none() && order.reason.as_deref() == Some("stock_timeout");
            let expires =
                reservation.is_some_and(|r| r.state == ReservationState::Held && r.expires_at > snapshot.now);
            is_given_back || (order.reservation.is_none() && state.is_none()) || (late && expires)
        }
        Status::Pending => match order.step {
            Step::Reserve | Step::Done => true,
            Step::Authorise => matches!(state, Some(ReservationState::Held | ReservationState::Expired)),
            Step::Capture => state == Some(ReservationState::Confirmed),
            // Whether the last call before was answered is not known.
            Step::Confirm | Step::Abandon | Step::Void | Step::Release => state.is_some(),
        },
        Status::ManualReview => true,
    }
}

pub fn pieces(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(PIECES, snapshot.begun);
    for (id, reservation) in &snapshot.inventory.reservations {
        let Some(order) = snapshot.orders.orders.get(id) else { continue };
        finding.look();
        if reservation.pieces != order.pieces {
            let (ordered, reserved) = (describe(&order.pieces), describe(&reservation.pieces));
            let detail = format!("ordered: {ordered}; reserved: {reserved}");
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

pub fn returns(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(RETURNS, snapshot.begun);
    for (id, reservation) in &snapshot.inventory.reservations {
        let Some(order) = snapshot.orders.orders.get(id) else { continue };
        finding.look();
        let (least, most) = given_back(order, reservation.state);
        let is_between = |product| {
            let of = |pieces: &Pieces| pieces.get(product).copied().unwrap_or_default();
            (of(&least)..=of(&most)).contains(&of(&reservation.returned))
        };
        if !most.keys().chain(reservation.returned.keys()).all(is_between) {
            let (given, returned) = (describe(&least), describe(&reservation.returned));
            let detail = format!("given back by the order: {given}; back on sale: {returned}");
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

/// Pieces that must be back on sale, and those that may be because somebody is just at it.
fn given_back(order: &Order, state: ReservationState) -> (Pieces, Pieces) {
    let (mut least, mut most) = (Pieces::new(), Pieces::new());
    for it in &order.give_backs {
        // A reservation that was never sold is released as a whole.
        let restocks = !it.unwind || state == ReservationState::Confirmed;
        for (product, count) in it.restock.iter().filter(|_| restocks) {
            if it.step == GiveBackStep::Done && !it.are_pieces_by_hand {
                *least.entry(*product).or_default() += count;
            }
            if matches!(it.step, GiveBackStep::Done | GiveBackStep::Restock) {
                *most.entry(*product).or_default() += count;
            }
        }
    }
    (least, most)
}

pub fn owners(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(OWNERS, snapshot.begun);
    for (id, reservation) in &snapshot.inventory.reservations {
        finding.look();
        if !snapshot.orders.orders.contains_key(id) {
            let detail = format!("reservation {} is {}", reservation.id, reservation.state.as_str());
            finding.disagree(reservation.created_at, format!("order {id}"), detail);
        }
    }
    finding
}
