//! Money and pieces that go back, step by step. Pure: no clock, no store, no network.

use chrono::{DateTime, Utc};
use shop_contracts::Money;
use shop_contracts::orders::{OrderRefund, RefundStatus, ReturnLine};
use uuid::Uuid;

use crate::ports::Settling;
use crate::saga::Review;

/// The fence of one that was just written; whoever writes it drives it first.
pub const FIRST_FENCE: i64 = 0;

/// What is to be done next. Written before it is done; doing it twice is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveBackStep {
    /// Let go of held money, if it was not taken.
    Void,
    /// Give taken money back.
    Refund,
    /// Give a reservation back, if it was not confirmed.
    Unreserve,
    /// Put pieces of a confirmed reservation back on sale.
    Restock,
    Done,
}

/// Why something goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveBackReason {
    Cancelled,
    Returned,
    Goodwill,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GiveBackProgress {
    pub step: GiveBackStep,
    pub money: RefundStatus,
    /// No program goes on with the step while this is set.
    pub review: Option<Review>,
    /// Grows when a refund that was refused is asked for anew.
    pub round: i32,
}

/// What a person did by hand, where programs could not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByHand {
    Nothing,
    Money,
    Pieces,
}

/// Money and pieces that go back.
#[derive(Debug, Clone)]
pub struct GiveBack {
    pub id: Uuid,
    /// The key of the request that asked for it, and what it asked for.
    pub key: String,
    pub request_hash: Vec<u8>,
    pub reason: GiveBackReason,
    pub amount: Money,
    /// The tax in the amount; unknown for orders from before tax was kept.
    pub tax: Option<Money>,
    pub restock: Vec<ReturnLine>,
    /// A checkout that a person walks back: nobody knows whether money was taken and stock was sold.
    pub unwind: bool,
    pub progress: GiveBackProgress,
    pub attempts: i32,
    pub fence: i64,
    pub traceparent: Option<String>,
    pub created_at: DateTime<Utc>,
    /// When the present step was written.
    pub since: DateTime<Utc>,
}

impl GiveBackStep {
    /// Every step.
    pub const ALL: [Self; 5] = [Self::Void, Self::Refund, Self::Unreserve, Self::Restock, Self::Done];

    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Void => "void",
            Self::Refund => "refund",
            Self::Unreserve => "unreserve",
            Self::Restock => "restock",
            Self::Done => "done",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == name)
    }
}

impl GiveBackReason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Cancelled, Self::Returned, Self::Goodwill];

    /// Its name in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
            Self::Goodwill => "goodwill",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl GiveBack {
    /// Where it begins: with the money, if there is any to give back.
    pub fn start(amount: Money, restock: &[ReturnLine]) -> GiveBackProgress {
        let (step, money) = if amount.amount_minor > 0 {
            (GiveBackStep::Refund, RefundStatus::Pending)
        } else if restock.is_empty() {
            (GiveBackStep::Done, RefundStatus::Refunded)
        } else {
            (GiveBackStep::Restock, RefundStatus::Refunded)
        };
        GiveBackProgress { step, money, review: None, round: 0 }
    }

    /// Where walking a checkout back begins.
    pub fn start_unwinding(has_authorisation: bool) -> GiveBackProgress {
        let (step, money) = if has_authorisation {
            (GiveBackStep::Void, RefundStatus::Pending)
        } else {
            (GiveBackStep::Unreserve, RefundStatus::Refunded)
        };
        GiveBackProgress { step, money, review: None, round: 0 }
    }

    /// As it is after a move. A hold that was let go of gave no money back.
    pub fn moved_to(&self, next: GiveBackProgress, now: DateTime<Utc>) -> Self {
        let none = Money::new(0, self.amount.currency);
        let (amount, tax) =
            if self.lets_go(next) { (none, self.tax.map(|_| none)) } else { (self.amount, self.tax) };
        Self { progress: next, amount, tax, since: now, attempts: 0, ..self.clone() }
    }

    /// Whether a move says that held money was let go of.
    pub fn lets_go(&self, next: GiveBackProgress) -> bool {
        let at = self.progress;
        at.step == GiveBackStep::Void
            && at.money != RefundStatus::Refunded
            && next.money == RefundStatus::Refunded
    }

    /// After the present step was answered.
    pub fn answered(&self, answer: Settling) -> GiveBackProgress {
        let at = self.progress;
        match (at.step, answer) {
            (GiveBackStep::Void | GiveBackStep::Refund, Settling::Done) => {
                GiveBackProgress { step: self.after_money(), money: RefundStatus::Refunded, ..at }
            }
            // It was taken after all.
            (GiveBackStep::Void, Settling::Refused) => GiveBackProgress { step: GiveBackStep::Refund, ..at },
            // It was sold after all.
            (GiveBackStep::Unreserve, Settling::Refused) => {
                GiveBackProgress { step: GiveBackStep::Restock, ..at }
            }
            (GiveBackStep::Refund | GiveBackStep::Restock, Settling::Refused) => self.waits(Review::Failed),
            (GiveBackStep::Unreserve | GiveBackStep::Restock | GiveBackStep::Done, Settling::Done)
            | (GiveBackStep::Done, Settling::Refused) => GiveBackProgress { step: GiveBackStep::Done, ..at },
        }
    }

    /// A person must look at it. Only a refusal says that no money went back: while the answer is not known it counts as
    /// given back.
    pub fn waits(&self, review: Review) -> GiveBackProgress {
        let at = self.progress;
        let refused = review == Review::Failed && at.money == RefundStatus::Pending;
        let money = if refused { RefundStatus::Failed } else { at.money };
        GiveBackProgress { review: Some(review), money, ..at }
    }

    /// A person has looked at it: the step is tried again. Only a refund that was surely refused is asked for under
    /// another key; one whose answer is unknown keeps its key, so that it cannot happen twice. A checkout that is walked
    /// back finds out anew whether money is held or was taken.
    pub fn retried(&self) -> GiveBackProgress {
        let at = self.progress;
        let refused = at.step == GiveBackStep::Refund && at.review == Some(Review::Failed);
        let step = if refused && self.unwind { GiveBackStep::Void } else { at.step };
        let money = if at.money == RefundStatus::Refunded { at.money } else { RefundStatus::Pending };
        GiveBackProgress { step, review: None, money, round: at.round + i32::from(refused) }
    }

    /// A person has done the present step by hand: programs go on after it.
    pub fn settled_by_hand(&self) -> (GiveBackProgress, ByHand) {
        let at = self.progress;
        match at.step {
            GiveBackStep::Void | GiveBackStep::Refund => {
                let (step, money) = (self.after_money(), RefundStatus::Refunded);
                (GiveBackProgress { step, money, review: None, ..at }, ByHand::Money)
            }
            GiveBackStep::Unreserve | GiveBackStep::Restock | GiveBackStep::Done => {
                (GiveBackProgress { step: GiveBackStep::Done, review: None, ..at }, ByHand::Pieces)
            }
        }
    }

    /// The key under which payments gives this money back once.
    pub fn payment_key(&self) -> String {
        match self.progress.round {
            0 => self.id.to_string(),
            round => format!("{}-{round}", self.id),
        }
    }

    /// As the order shows it; nothing when no money goes back.
    pub fn as_refund(&self) -> Option<OrderRefund> {
        (self.amount.amount_minor > 0).then(|| OrderRefund {
            id: self.id,
            amount: self.amount,
            reason: self.reason.as_str().to_owned(),
            status: self.progress.money,
            created_at: self.created_at,
            tax: self.tax,
            needs_person: self.progress.review.is_some(),
        })
    }

    fn after_money(&self) -> GiveBackStep {
        if self.unwind {
            GiveBackStep::Unreserve
        } else if self.restock.is_empty() {
            GiveBackStep::Done
        } else {
            GiveBackStep::Restock
        }
    }
}

#[cfg(test)]
mod tests {
    use shop_contracts::{Currency, ProductId};

    use super::*;

    fn give_back(progress: GiveBackProgress, unwind: bool) -> GiveBack {
        let line = ReturnLine { product_id: ProductId::new(Uuid::nil()), quantity: 1 };
        GiveBack {
            id: Uuid::nil(),
            key: String::new(),
            request_hash: Vec::new(),
            reason: GiveBackReason::Cancelled,
            amount: Money::new(500, Currency::default()),
            tax: None,
            restock: vec![line],
            unwind,
            progress,
            attempts: 0,
            fence: 0,
            traceparent: None,
            created_at: DateTime::UNIX_EPOCH,
            since: DateTime::UNIX_EPOCH,
        }
    }

    /// Steps taken under these answers.
    fn walk(mut it: GiveBack, answers: &[Settling]) -> Vec<GiveBackStep> {
        answers
            .iter()
            .map(|answer| {
                it.progress = it.answered(*answer);
                it.progress.step
            })
            .collect()
    }

    #[test]
    fn a_cancelled_order_gives_money_back_and_then_pieces() {
        let it = give_back(GiveBack::start(Money::new(500, Currency::default()), &[]), false);
        assert_eq!(walk(it, &[Settling::Done, Settling::Done]), [GiveBackStep::Restock, GiveBackStep::Done]);
    }

    #[test]
    fn walking_a_checkout_back_finds_out_what_was_taken_and_sold() {
        use GiveBackStep::{Done, Refund, Restock, Unreserve};
        let it = || give_back(GiveBack::start_unwinding(true), true);
        assert_eq!(walk(it(), &[Settling::Done, Settling::Done]), [Unreserve, Done]);
        let refused_first = [Settling::Refused, Settling::Done, Settling::Refused, Settling::Done];
        assert_eq!(walk(it(), &refused_first), [Refund, Unreserve, Restock, Done]);
    }

    #[test]
    fn only_a_refused_refund_is_asked_for_under_another_key() {
        let mut it = give_back(GiveBack::start(Money::new(500, Currency::default()), &[]), false);
        let first = it.payment_key();
        it.progress = it.waits(Review::Timeout);
        it.progress = it.retried();
        assert_eq!(it.payment_key(), first, "its answer is not known");
        it.progress = it.answered(Settling::Refused);
        assert_eq!(it.progress.money, RefundStatus::Failed);
        it.progress = it.retried();
        assert_ne!(it.payment_key(), first);
    }

    #[test]
    fn only_a_refusal_says_that_no_money_went_back() {
        let it = give_back(GiveBack::start(Money::new(500, Currency::default()), &[]), false);
        assert_eq!(it.waits(Review::Timeout).money, RefundStatus::Pending);
        assert_eq!(it.waits(Review::Failed).money, RefundStatus::Failed);
    }

    #[test]
    fn a_hold_that_was_let_go_of_gave_nothing_back_and_a_refund_did() {
        let it = give_back(GiveBack::start_unwinding(true), true);
        let let_go = it.moved_to(it.answered(Settling::Done), DateTime::UNIX_EPOCH);
        assert_eq!((let_go.amount.amount_minor, let_go.progress.step), (0, GiveBackStep::Unreserve));
        assert!(let_go.as_refund().is_none());
        let taken = it.moved_to(it.answered(Settling::Refused), DateTime::UNIX_EPOCH);
        let refunded = taken.moved_to(taken.answered(Settling::Done), DateTime::UNIX_EPOCH);
        assert_eq!(refunded.amount.amount_minor, 500);
    }
}
