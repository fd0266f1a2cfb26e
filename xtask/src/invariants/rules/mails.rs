//! Each event that was taken up is one mail, sent, and one file where mails are files.

use std::collections::BTreeMap;

use sqlx::types::{
    Uuid,
    chrono::{DateTime, Utc},
};

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{Delivery, MailFiles, Snapshot},
};

const SENT: Invariant =
    Invariant { name: "mails_sent", says: "the mail of each event that was taken up is sent", rows: "mails" };
const FILES: Invariant = Invariant {
    name: "mail_files",
    says: "each mail that was sent and not withheld is one file about its order, and there is no other",
    rows: "mails and files",
};

/// Mails of which an order has one at most.
const ONCE: [&str; 5] =
    ["order_confirmed", "order_declined", "order_failed", "order_cancelled", "order_shipped"];

pub fn sent(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(SENT, snapshot.begun);
    for (event, delivery) in &snapshot.deliveries {
        finding.look();
        if !delivery.is_sent {
            let detail = format!("{} is not sent after {} tries", delivery.kind, delivery.attempts);
            finding.disagree(delivery.created_at, subject(snapshot, *event, delivery), detail);
        }
    }
    finding
}

pub fn files(snapshot: &Snapshot, files: &MailFiles) -> Finding {
    let mut finding = Finding::new(FILES, snapshot.begun);
    let oldest_kept = files.oldest_kept();
    let mut same = BTreeMap::<&str, usize>::new();
    for (event, delivery) in &snapshot.deliveries {
        finding.look();
        let file = files.mails.get(event).map(|mail| &mail.subject);
        if let Some(says) = file.filter(|_| delivery.is_withheld) {
            let detail = format!("{} was withheld, and there is a file: {says:?}", delivery.kind);
            finding.disagree(delivery.created_at, subject(snapshot, *event, delivery), detail);
        }
        if file.is_none() && delivery.is_sent && !delivery.is_withheld && *event >= oldest_kept {
            let detail = format!("{} was sent, and there is no file", delivery.kind);
            finding.disagree(delivery.created_at, subject(snapshot, *event, delivery), detail);
        }
    }
    for (event, mail) in &files.mails {
        let says = &mail.subject;
        finding.look();
        let Some(delivery) = snapshot.deliveries.get(event) else {
            let detail = format!("{says:?} is a file, and no event was taken up for it");
            finding.disagree(written_at(*event, snapshot), format!("mail {event}"), detail);
            continue;
        };
        let order = delivery.order.and_then(|order| snapshot.orders.orders.get(&order));
        if order.is_some_and(|order| !says.contains(&order.number)) {
            let detail = format!("{} says {says:?}", delivery.kind);
            finding.disagree(delivery.created_at, subject(snapshot, *event, delivery), detail);
        }
        if order.is_some() && ONCE.contains(&delivery.kind.as_str()) {
            *same.entry(says).or_default() += 1;
        }
    }
    for (says, count) in same.into_iter().filter(|(_, count)| *count > 1) {
        finding.disagree(snapshot.begun, format!("mails {says:?}"), format!("{count} files say so"));
    }
    for name in &files.strangers {
        finding.disagree(snapshot.begun, format!("file {name}"), "is no mail of an event".to_owned());
    }
    finding
}

/// When an event happened, by its id, which begins with the time (RFC 9562, version 7).
fn written_at(event: Uuid, snapshot: &Snapshot) -> DateTime<Utc> {
    let time = event.get_timestamp().map(|t| t.to_unix());
    let time = time.and_then(|(seconds, nanos)| DateTime::from_timestamp(seconds as i64, nanos));
    time.unwrap_or(snapshot.begun)
}

pub(super) fn subject(snapshot: &Snapshot, event: Uuid, delivery: &Delivery) -> String {
    match delivery.order {
        Some(order) => format!("mail {event} of {}", snapshot.name_of(order)),
        None => format!("mail {event}"),
    }
}
