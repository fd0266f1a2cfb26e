//! Where mails went.

use std::{collections::BTreeSet, time::Duration};

use super::{is_older, mails::subject};
use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{Delivery, MailFiles, Snapshot},
};

const ADDRESSES: Invariant = Invariant {
    name: "mail_addresses",
    says: "each mail went to the address of its order, or to one that an account has or was asked for with",
    rows: "files",
};

const DELETED: &str = "account_deleted";
/// A registration that nobody confirms is forgotten after a day, and its address with it.
const KNOWN_FOR: Duration = Duration::from_hours(23);

pub fn addresses(snapshot: &Snapshot, files: &MailFiles) -> Finding {
    let mut finding = Finding::new(ADDRESSES, snapshot.begun);
    let known = snapshot.identity.addresses();
    let gone = gone(snapshot, files);
    for (event, mail) in &files.mails {
        let Some(delivery) = snapshot.deliveries.get(event) else { continue };
        finding.look();
        let to = mail.to.as_str();
        let detail = match delivery.order {
            Some(order) => snapshot
                .orders
                .orders
                .get(&order)
                .filter(|order| {
                    // Anonymised orders have none any more.
                    order.names_a_person() && order.buyer.email != to
                })
                .map(|_| "went to another address than the order's"),
            None if is_accounts(delivery, snapshot) && !known.contains(to) && !gone.contains(to) => {
                Some("went to an address that identity does not know")
            }
            None => None,
        };
        if let Some(detail) = detail {
            let detail = format!("{} {detail}", delivery.kind);
            finding.disagree(delivery.created_at, subject(snapshot, *event, delivery), detail);
        }
    }
    finding
}

/// Whether identity must still know its address.
fn is_accounts(delivery: &Delivery, snapshot: &Snapshot) -> bool {
    delivery.kind != DELETED && !is_older(delivery.created_at, snapshot.now, KNOWN_FOR)
}

/// Addresses of accounts that are gone, and were told so.
fn gone<'a>(snapshot: &Snapshot, files: &'a MailFiles) -> BTreeSet<&'a str> {
    let mails = files.mails.iter();
    let of_deletion =
        mails.filter(|(event, _)| snapshot.deliveries.get(event).is_some_and(|it| it.kind == DELETED));
    of_deletion.map(|(_, mail)| mail.to.as_str()).collect()
}
