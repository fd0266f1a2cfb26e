//! What the check found: one line an invariant, and under it what disagrees, bounded.

use std::fmt;

use sqlx::types::chrono::{DateTime, Utc};

/// Disagreements of one invariant that are kept.
const KEPT: usize = 1_000;
/// Disagreements of one invariant that are printed.
const SHOWN: usize = 20;

/// Something that must always hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invariant {
    /// What it is called in reports and tests.
    pub name: &'static str,
    /// What must hold, as a sentence.
    pub says: &'static str,
    /// What is looked at, in the plural.
    pub rows: &'static str,
}

/// Books that do not agree about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Kind and id of what it is about; with the invariant's name, what tells it from others in the next round.
    pub subject: String,
    /// What the one side says and what the other.
    pub detail: String,
}

/// What one invariant's look found.
#[derive(Clone, Debug)]
pub struct Finding {
    pub invariant: Invariant,
    /// Rows that were compared. Zero proves nothing.
    pub looked_at: usize,
    /// At most a thousand of [`Finding::total`].
    pub disagreements: Vec<Disagreement>,
    pub total: usize,
    /// What began later is work in hand: the next check looks at it.
    begun: DateTime<Utc>,
}

/// What the check found in all books.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    /// Orders and refunds that wait for a person: no disagreement, and never to be overlooked.
    pub manual_review: Vec<String>,
    /// Orders and refunds that were there when the check began, are worked on still, and are not too old for it.
    pub in_hand: usize,
    /// Rounds that it took.
    pub rounds: usize,
    /// Orders in the books.
    pub orders: usize,
}

impl Finding {
    /// An invariant that nothing was compared for yet. Subjects that began after `begun` are left out.
    pub fn new(invariant: Invariant, begun: DateTime<Utc>) -> Self {
        Self { invariant, looked_at: 0, disagreements: Vec::new(), total: 0, begun }
    }

    /// Counts a row that is compared.
    pub fn look(&mut self) {
        self.looked_at += 1;
    }

    /// Notes a disagreement about a subject that began at `since`.
    pub fn disagree(&mut self, since: DateTime<Utc>, subject: String, detail: String) {
        if since > self.begun {
            return;
        }
        self.total += 1;
        if self.disagreements.len() < KEPT {
            self.disagreements.push(Disagreement { subject, detail });
        }
    }

    /// Whether the other look found a disagreement about the same subject.
    fn shares(&self, subject: &str) -> bool {
        self.disagreements.iter().any(|d| d.subject == subject)
    }
}

impl Report {
    /// Whether all books agree.
    pub fn agrees(&self) -> bool {
        self.findings.iter().all(|f| f.total == 0)
    }

    /// Keeps the disagreements that the round before found as well: others are work in hand.
    pub fn standing_since(mut self, before: &Self) -> Self {
        for finding in &mut self.findings {
            let earlier = before.findings.iter().find(|f| f.invariant == finding.invariant);
            let Some(earlier) = earlier else { continue };
            // Of more than a thousand not all are known: then all count.
            if finding.total == finding.disagreements.len() && earlier.total == earlier.disagreements.len() {
                finding.disagreements.retain(|d| earlier.shares(&d.subject));
                finding.total = finding.disagreements.len();
            }
        }
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let Invariant { name, says, rows } = finding.invariant;
            let verdict = match (finding.total, finding.looked_at) {
                (0, 0) => "none",
                (0, _) => "ok",
                _ => "BAD",
            };
            writeln!(f, "{verdict:<4} {name:<22} {:>7} {rows}: {says}", finding.looked_at)?;
            for Disagreement { subject, detail } in finding.disagreements.iter().take(SHOWN) {
                writeln!(f, "       {subject}: {detail}")?;
            }
            if finding.total > SHOWN {
                writeln!(f, "       and {} more", finding.total - SHOWN)?;
            }
        }
        writeln!(f, "needs a person: {}", self.manual_review.len())?;
        for waiting in self.manual_review.iter().take(SHOWN) {
            writeln!(f, "       {waiting}")?;
        }
        if self.manual_review.len() > SHOWN {
            writeln!(f, "       and {} more", self.manual_review.len() - SHOWN)?;
        }
        let unseen = self.findings.iter().filter(|f| f.looked_at == 0).map(|f| f.invariant.name);
        let unseen: Vec<&str> = unseen.collect();
        if !unseen.is_empty() {
            let (count, names) = (unseen.len(), unseen.join(", "));
            writeln!(f, "looked at nothing: {count} of {} invariants: {names}", self.findings.len())?;
        }
        write!(
            f,
            "{} orders, {} rounds, {} orders and refunds still in hand",
            self.orders, self.rounds, self.in_hand
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARTS: Invariant = Invariant { name: "carts", says: "", rows: "" };

    fn report(subjects: &[&str]) -> Report {
        let mut finding = Finding::new(CARTS, DateTime::UNIX_EPOCH);
        for subject in subjects {
            finding.disagree(DateTime::UNIX_EPOCH, (*subject).to_owned(), String::new());
        }
        Report { findings: vec![finding], ..Report::default() }
    }

    #[test]
    fn what_only_the_last_round_found_is_work_in_hand_and_what_two_found_is_not() {
        let stands = report(&["a", "c"]).standing_since(&report(&["a", "b"]));
        let subjects: Vec<&str> =
            stands.findings[0].disagreements.iter().map(|d| d.subject.as_str()).collect();
        assert_eq!((subjects, stands.findings[0].total), (vec!["a"], 1));
        assert!(report(&["c"]).standing_since(&report(&["b"])).agrees());
    }

    #[test]
    fn what_began_after_the_check_is_not_counted() {
        let mut finding = Finding::new(CARTS, DateTime::UNIX_EPOCH);
        finding.disagree(DateTime::from_timestamp(1, 0).unwrap(), "later".to_owned(), String::new());
        assert_eq!(finding.total, 0);
    }
}
