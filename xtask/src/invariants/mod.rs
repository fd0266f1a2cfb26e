//! Whether the books agree: orders, reservations, stock, payments, accounts, events and mails of one shop, read from its
//! databases and its folder of mails, compared with each other.
//!
//! Nothing is written. Each database is read in one snapshot, one after the other, while the shop may go on: what differs
//! because somebody is just at it agrees a moment later. So the check repeats until everything that was there when it
//! began agrees, or its time is over; what still differs then, and did in the round before, is a disagreement.

mod expected;
mod local;
mod report;
mod rules;
mod snapshot;
mod storage;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use tokio::time::Instant;

pub use self::expected::Expected;
pub use self::local::{CheckOrder, books, check_local};
pub use self::report::Report;
use self::{report::Finding, snapshot::Snapshot};
pub use crate::{buyer::Told, platform::age_limits::AgeLimits};

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(1);

/// Where a shop's books are.
#[derive(Clone, Debug)]
pub struct Books {
    /// URLs of each database. Of several (the nodes of a cluster) the one that takes writes is read.
    pub orders: Vec<String>,
    pub payments: Vec<String>,
    pub inventory: Vec<String>,
    pub notifications: Vec<String>,
    pub identity: Vec<String>,
    /// Where mails are files.
    pub mails: Option<MailFolder>,
    /// How old an unfinished order may be.
    pub ages: AgeLimits,
    /// How long work in hand is given to end.
    pub settle_within: Duration,
    /// What shoppers were told, by the order's number, where somebody wrote it down.
    pub acknowledged: Option<BTreeMap<String, Told>>,
}

impl Books {
    /// The same, but for where each database is: `urls` has them by its name.
    pub fn at(self, urls: impl Fn(&str) -> Vec<String>) -> Self {
        Self {
            orders: urls("orders"),
            payments: urls("payments"),
            inventory: urls("inventory"),
            notifications: urls("notifications"),
            identity: urls("identity"),
            ..self
        }
    }
}

/// A folder with one file a mail.
#[derive(Clone, Debug)]
pub struct MailFolder {
    pub path: PathBuf,
    /// The newest that are kept (`MAIL_KEEP`); older ones may be gone.
    pub keep: usize,
}

/// Compares the books until they agree or `settle_within` is over; a database that does not answer counts as work in
/// hand, too. [`Report::agrees`] is the verdict; an error says which books could not be read.
pub async fn check(books: &Books) -> Result<Report, String> {
    let until = Instant::now() + books.settle_within;
    let mut begun = None;
    let mut before: Option<Report> = None;
    let mut rounds = 0;
    loop {
        rounds += 1;
        let round = match Snapshot::read(books, begun).await {
            Ok(snapshot) => {
                begun = Some(snapshot.begun);
                Ok(Report { rounds, ..judge(&snapshot) })
            }
            Err(e) => Err(e),
        };
        let is_over = Instant::now() + PAUSE >= until;
        match round {
            Ok(report) if report.agrees() && (report.in_hand == 0 || is_over) => return Ok(report),
            Ok(report) if is_over => {
                return Ok(match &before {
                    Some(before) => report.standing_since(before),
                    None => report,
                });
            }
            Ok(report) => before = Some(report),
            Err(e) if is_over => return Err(e),
            // The round before says nothing about the one after an outage.
            Err(_) => before = None,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Orders and refunds that wait for a person now: what a run finds before it begins is not its own doing.
pub async fn waiting(books: &Books) -> Result<usize, String> {
    Ok(rules::manual_review(&Snapshot::read(books, None).await?).len())
}

/// Outcomes of orders that nobody was or will be told of: the order's number, and the kind of the event that is missing.
pub async fn untold(books: &Books) -> Result<Vec<(String, &'static str)>, String> {
    Ok(rules::untold(&Snapshot::read(books, None).await?))
}

fn judge(snapshot: &Snapshot) -> Report {
    let findings: Vec<Finding> = rules::findings(snapshot);
    Report {
        findings,
        manual_review: rules::manual_review(snapshot),
        in_hand: rules::in_hand(snapshot),
        rounds: 0,
        orders: snapshot.orders.orders.len(),
    }
}
