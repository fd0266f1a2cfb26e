//! What must always hold. Pure: no database, no clock; each rule compares rows of a snapshot.

mod accounts;
mod acknowledged;
mod addresses;
mod cancelled;
mod events;
mod mails;
mod orders;
mod payments;
mod provider;
mod refunds;
mod reservations;
mod stock;
mod tariffs;
mod totals;
mod vouchers;

use std::time::Duration;

pub use self::events::untold;

use sqlx::types::chrono::{DateTime, Utc};

use super::{
    report::Finding,
    snapshot::{GiveBack, GiveBackStep, MailFiles, Pieces, Snapshot, Status},
};

/// Every rule, in the order of a sale.
const RULES: [fn(&Snapshot) -> Finding; 28] = [
    orders::carts,
    orders::history,
    orders::ages,
    totals::totals,
    totals::taxes,
    tariffs::delivery,
    tariffs::rates,
    accounts::owners,
    vouchers::uses,
    vouchers::discounts,
    reservations::states,
    reservations::pieces,
    reservations::returns,
    reservations::owners,
    stock::levels,
    stock::movements,
    stock::owners,
    payments::states,
    payments::owners,
    payments::operations,
    provider::movements,
    provider::rows,
    refunds::money,
    refunds::returns,
    cancelled::money,
    events::outcomes,
    events::owners,
    mails::sent,
];

/// Rules that read the folder of mails, where mails are files.
const OF_FILES: [fn(&Snapshot, &MailFiles) -> Finding; 3] =
    [mails::files, addresses::addresses, accounts::mails];

/// What each rule finds.
pub fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let files = snapshot.mails.as_ref();
    let files = files.map(|files| OF_FILES.iter().map(|rule| rule(snapshot, files)));
    let told = snapshot.acknowledged.as_ref();
    let told = told.map(|told| [acknowledged::acknowledged(snapshot, told), acknowledged::once(snapshot)]);
    RULES
        .iter()
        .map(|rule| rule(snapshot))
        .chain(files.into_iter().flatten())
        .chain(told.into_iter().flatten())
        .collect()
}

/// What waits for a person.
pub fn manual_review(snapshot: &Snapshot) -> Vec<String> {
    let mut waiting = Vec::new();
    for (id, order) in &snapshot.orders.orders {
        let name = snapshot.name_of(*id);
        if let Some(review) = &order.review {
            waiting.push(format!("{name}: {}_{review} since {}", order.step.as_str(), order.updated_at));
        }
        for it in &order.give_backs {
            if let Some(review) = &it.review {
                let step = it.step.as_str();
                waiting.push(format!("{name}: giving back {step}_{review} since {}", it.updated_at));
            }
        }
    }
    waiting
}

/// Orders and give-backs from before the check that programs still work on.
pub fn in_hand(snapshot: &Snapshot) -> usize {
    let orders = snapshot.orders.orders.values();
    let unfinished = orders.clone().filter(|o| o.status == Status::Pending && o.placed_at <= snapshot.begun);
    let give_backs = orders.flat_map(|o| &o.give_backs);
    unfinished.count() + give_backs.filter(|it| is_worked_on(it) && it.created_at <= snapshot.begun).count()
}

/// Whether programs still go on with it.
fn is_worked_on(it: &GiveBack) -> bool {
    it.step != GiveBackStep::Done && it.review.is_none()
}

/// Whether `since` lies further back than `limit`.
fn is_older(since: DateTime<Utc>, now: DateTime<Utc>, limit: Duration) -> bool {
    (now - since).to_std().is_ok_and(|age| age > limit)
}

/// `2 of <product>, 1 of <product>`, for people.
fn describe(pieces: &Pieces) -> String {
    if pieces.is_empty() {
        return "nothing".to_owned();
    }
    pieces.iter().map(|(product, count)| format!("{count} of {product}")).collect::<Vec<_>>().join(", ")
}
