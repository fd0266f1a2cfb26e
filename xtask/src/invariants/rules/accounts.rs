//! Accounts: orders are somebody's, and what identity asked to be told was told once.

use std::{collections::BTreeMap, time::Duration};

use sqlx::types::chrono::{DateTime, Utc};

use super::is_older;
use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{Delivery, MailCause, MailFiles, Snapshot},
};

const OWNERS: Invariant = Invariant {
    name: "order_accounts",
    says: "each order's account exists, or was deleted and its orders are to be anonymised",
    rows: "orders of accounts",
};
const MAILS: Invariant = Invariant {
    name: "account_mails",
    says: "each account, registration, asked-for password and deletion has its mail, waiting or taken up, once",
    rows: "things to tell",
};

/// How far clocks may be apart: a fault puts one ahead by as much as a minute.
const APART: Duration = Duration::from_mins(2);
/// Notifications forget after ninety days.
const REMEMBERED: Duration = Duration::from_hours(24 * 85);

pub fn owners(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(OWNERS, snapshot.begun);
    for (id, order) in &snapshot.orders.orders {
        let Some(account) = order.buyer.account else { continue };
        finding.look();
        let identity = &snapshot.identity;
        let is_known = identity.accounts.contains(&account) || identity.deletions.contains_key(&account);
        // Its deletion was told to orders, and is forgotten by identity.
        if !is_known && !order.is_to_be_anonymised {
            let detail = format!("is account {account}'s, which does not exist and was not deleted lately");
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

/// An account's mail names nobody but by its address, which is only in the file.
pub fn mails(snapshot: &Snapshot, files: &MailFiles) -> Finding {
    let mut finding = Finding::new(MAILS, snapshot.begun);
    let told = told(snapshot, files);
    let mut waiting = BTreeMap::<(&str, &str), usize>::new();
    for (kind, to) in &snapshot.identity.outbox {
        *waiting.entry((kind, to)).or_default() += 1;
    }
    // No mail, on purpose; which mailbox it was is not kept.
    let withheld: Vec<&Delivery> = snapshot.deliveries.values().filter(|it| it.is_withheld).collect();
    for ((cause, address), times) in &snapshot.identity.asked {
        let times: Vec<DateTime<Utc>> =
            times.iter().filter(|at| is_remembered(**at, snapshot, files)).copied().collect();
        let Some(first) = times.first() else { continue };
        finding.look();
        let since = |from: DateTime<Utc>| {
            let kinds = cause.mails().iter().filter_map(|kind| told.get(&(*kind, address.as_str())));
            kinds.flatten().filter(|at| **at >= from).count()
        };
        let waits: usize =
            cause.mails().iter().filter_map(|kind| waiting.get(&(*kind, address.as_str()))).sum();
        let of_cause = withheld.iter().filter(|it| cause.mails().contains(&it.kind.as_str()));
        let kept_back = of_cause.filter(|it| it.created_at >= *first - APART).count();
        let found = since(*first - APART) + waits + kept_back;
        // An account is made once; what else is over is forgotten, so that there may be more mails than rows.
        let is_twice = *cause == MailCause::Registered && since(*first) > 1;
        if found < times.len() || is_twice {
            let kinds = cause.mails().join(" or ");
            let detail =
                format!("{} times to tell, {found} of {kinds}, waiting or in the folder", times.len());
            // Addresses are not printed; the time finds the row.
            finding.disagree(*first, format!("{cause:?} at {first}"), detail);
        }
    }
    deletions(snapshot, &mut finding);
    finding
}

/// Deletions forget the address; how many there were must be told.
fn deletions(snapshot: &Snapshot, finding: &mut Finding) {
    const MAIL: &str = "account_deleted";
    let gone = snapshot.identity.deletions.values();
    let gone: Vec<&DateTime<Utc>> = gone.filter(|at| !is_older(**at, snapshot.now, REMEMBERED)).collect();
    let Some(first) = gone.iter().min() else { return };
    finding.look();
    let sent = snapshot.deliveries.values().filter(|it| it.kind == MAIL && it.created_at >= **first - APART);
    let found = sent.count() + snapshot.identity.outbox.iter().filter(|(kind, _)| kind == MAIL).count();
    if found < gone.len() {
        let detail = format!("{} times to tell, {found} of {MAIL}, waiting or taken up", gone.len());
        finding.disagree(**first, format!("deletions since {first}"), detail);
    }
}

/// When each mail was taken up, by kind and address.
fn told<'a>(
    snapshot: &'a Snapshot,
    files: &'a MailFiles,
) -> BTreeMap<(&'a str, &'a str), Vec<DateTime<Utc>>> {
    let mut told = BTreeMap::<_, Vec<DateTime<Utc>>>::new();
    for (event, mail) in &files.mails {
        if let Some(it) = snapshot.deliveries.get(event).filter(|it| it.order.is_none()) {
            told.entry((it.kind.as_str(), mail.to.as_str())).or_default().push(it.created_at);
        }
    }
    told
}

/// Whether its mail must still be there.
fn is_remembered(at: DateTime<Utc>, snapshot: &Snapshot, files: &MailFiles) -> bool {
    let oldest = snapshot.deliveries.get(&files.oldest_kept()).map(|it| it.created_at);
    !is_older(at, snapshot.now, REMEMBERED) && oldest.is_none_or(|oldest| at - APART > oldest)
}
