//! Steps and what follows them. Pure: no clock, no store, no network.

use shop_contracts::orders::OrderStatus;
use shop_contracts::{PaymentId, ReservationId};

use crate::ports::{Authorising, Confirming, Reserving, Settling};

/// What is to be done next. Written before it is done; doing it twice is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Reserve,
    Authorise,
    Confirm,
    Capture,
    /// Whether money is held is not known: see to it that none is, now or later.
    Abandon,
    /// Give the held money back.
    Void,
    /// Give the stock back; nothing was charged.
    Release,
    Done,
}

/// Why an order ends without a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Declined,
    OutOfStock,
    /// Inventory did not answer in time.
    StockTimeout,
    /// Payments did not answer in time.
    PaymentTimeout,
}

/// Why a step waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// The other side refused for good.
    Failed,
    /// The step is older than it may be.
    Timeout,
}

/// A saga's state between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub step: Step,
    pub reservation: Option<ReservationId>,
    pub authorisation: Option<PaymentId>,
    pub reason: Option<Reason>,
    /// No program goes on with the step while this is set.
    pub review: Option<Review>,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 8] = [
        Self::Reserve,
        Self::Authorise,
        Self::Confirm,
        Self::Capture,
        Self::Abandon,
        Self::Void,
        Self::Release,
        Self::Done,
    ];

    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Authorise => "authorise",
            Self::Confirm => "confirm",
            Self::Capture => "capture",
            Self::Abandon => "abandon",
            Self::Void => "void",
            Self::Release => "release",
            Self::Done => "done",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Declined, Self::OutOfStock, Self::StockTimeout, Self::PaymentTimeout];

    /// Its name in the database and as the metric's label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::OutOfStock => "out_of_stock",
            Self::StockTimeout => "stock_timeout",
            Self::PaymentTimeout => "payment_timeout",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == name)
    }
}

impl Review {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Timeout => "timeout",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Failed, Self::Timeout].into_iter().find(|r| r.as_str() == name)
    }
}

impl Progress {
    /// Where every order begins.
    pub const START: Self =
        Self { step: Step::Reserve, reservation: None, authorisation: None, reason: None, review: None };

    pub fn reserved(self, answer: Reserving) -> Self {
        match answer {
            Reserving::Held(id) => Self { step: Step::Authorise, reservation: Some(id), ..self },
            Reserving::OutOfStock => Self { step: Step::Done, reason: Some(Reason::OutOfStock), ..self },
        }
    }

    pub fn authorised(self, answer: Authorising) -> Self {
        match answer {
            Authorising::Approved(id) => Self { step: Step::Confirm, authorisation: Some(id), ..self },
            Authorising::Declined => Self { step: Step::Release, reason: Some(Reason::Declined), ..self },
        }
    }

    pub fn confirmed(self, answer: Confirming) -> Self {
        match answer {
            Confirming::Sold => Self { step: Step::Capture, ..self },
            Confirming::Gone => Self { step: Step::Void, reason: Some(Reason::OutOfStock), ..self },
        }
    }

    /// After capture or release: the end.
    pub fn finished(self, answer: Settling) -> Self {
        self.on(answer, Step::Done)
    }

    pub fn abandoned(self, answer: Settling) -> Self {
        self.on(answer, Step::Release)
    }

    /// Stock that is known to be gone needs no release.
    pub fn voided(self, answer: Settling) -> Self {
        let gone = self.reason == Some(Reason::OutOfStock);
        self.on(answer, if gone { Step::Done } else { Step::Release })
    }

    /// A person has done the present step by hand, on the way back; nothing for a step on the way to a sale, which no
    /// person vouches for.
    pub fn settled_by_hand(self) -> Option<Self> {
        let at = Self { review: None, ..self };
        match self.step {
            Step::Abandon => Some(at.abandoned(Settling::Done)),
            Step::Void => Some(at.voided(Settling::Done)),
            Step::Release => Some(at.finished(Settling::Done)),
            Step::Reserve | Step::Authorise | Step::Confirm | Step::Capture | Step::Done => None,
        }
    }

    /// The step is older than it may be. Before money is taken the order is walked back; after that, or while walking
    /// back, a person must look at it.
    pub fn too_old(self) -> Self {
        match self.step {
            // A hold that was made after all expires by itself.
            Step::Reserve => Self { step: Step::Done, reason: Some(Reason::StockTimeout), ..self },
            Step::Authorise => Self { step: Step::Abandon, reason: Some(Reason::PaymentTimeout), ..self },
            Step::Confirm => Self { step: Step::Void, reason: Some(Reason::StockTimeout), ..self },
            Step::Capture | Step::Abandon | Step::Void | Step::Release => {
                Self { review: Some(Review::Timeout), ..self }
            }
            Step::Done => self,
        }
    }

    /// Whether a step that is too old is not even tried: nobody waits for the sale any more.
    pub fn gives_up_untried(self) -> bool {
        matches!(self.step, Step::Reserve | Step::Authorise)
    }

    /// Whether nobody has to do anything more, or only a person can.
    pub fn is_at_rest(self) -> bool {
        self.step == Step::Done || self.review.is_some()
    }

    /// The order's status in this state. Only a capture that was done leads to `Done` without a reason.
    pub fn status(self) -> OrderStatus {
        match (self.step, self.reason) {
            _ if self.review.is_some() => OrderStatus::ManualReview,
            (Step::Done, None) => OrderStatus::Confirmed,
            (Step::Done, Some(Reason::Declined)) => OrderStatus::Declined,
            (Step::Done, Some(_)) => OrderStatus::Rejected,
            _ => OrderStatus::Pending,
        }
    }

    /// Why it waits for a person, or ended as it did, as shoppers' pages and staff read it.
    pub fn explanation(self) -> Option<String> {
        match self.review {
            Some(review) => Some(format!("{}_{}", self.step.as_str(), review.as_str())),
            None => self.reason.filter(|_| self.step == Step::Done).map(|reason| reason.as_str().to_owned()),
        }
    }

    fn on(self, answer: Settling, next: Step) -> Self {
        match answer {
            Settling::Done => Self { step: next, ..self },
            Settling::Refused => Self { review: Some(Review::Failed), ..self },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Progress {
        Progress::START.reserved(Reserving::Held(ReservationId::new(uuid::Uuid::nil())))
    }

    fn paid() -> Progress {
        held().authorised(Authorising::Approved(PaymentId::new(uuid::Uuid::nil())))
    }

    #[test]
    fn a_sale_ends_confirmed() {
        let end = paid().confirmed(Confirming::Sold).finished(Settling::Done);
        assert_eq!((end.status(), end.explanation()), (OrderStatus::Confirmed, None));
    }

    #[test]
    fn a_capture_that_is_refused_or_too_old_is_never_confirmed() {
        let capture = paid().confirmed(Confirming::Sold);
        for (end, why) in
            [(capture.finished(Settling::Refused), "capture_failed"), (capture.too_old(), "capture_timeout")]
        {
            assert_eq!((end.status(), end.step), (OrderStatus::ManualReview, Step::Capture));
            assert_eq!(end.explanation().as_deref(), Some(why));
        }
    }

    #[test]
    fn a_declined_card_gives_the_stock_back_before_it_ends() {
        let back = held().authorised(Authorising::Declined);
        assert_eq!((back.step, back.status()), (Step::Release, OrderStatus::Pending));
        assert_eq!(back.finished(Settling::Done).status(), OrderStatus::Declined);
    }

    #[test]
    fn stock_that_expired_gives_the_money_back_before_it_ends() {
        let back = paid().confirmed(Confirming::Gone);
        assert_eq!(back.step, Step::Void);
        assert_eq!(back.voided(Settling::Done).status(), OrderStatus::Rejected);
    }

    #[test]
    fn a_confirmation_that_is_too_old_gives_back_money_and_stock() {
        let back = paid().too_old();
        assert_eq!(back.step, Step::Void);
        assert_eq!(back.voided(Settling::Done).step, Step::Release);
    }

    #[test]
    fn every_step_that_is_too_old_goes_somewhere_else() {
        for step in Step::ALL.into_iter().filter(|step| *step != Step::Done) {
            let at = Progress { step, ..paid() };
            let next = at.too_old();
            assert!(next.step != step || next.is_at_rest(), "{step:?}");
        }
    }

    #[test]
    fn only_steps_on_the_way_back_are_settled_by_hand() {
        for step in Step::ALL {
            let at =
                Progress { step, reason: Some(Reason::Declined), review: Some(Review::Failed), ..paid() };
            let settled = at.settled_by_hand();
            assert_eq!(
                settled.is_some(),
                matches!(step, Step::Abandon | Step::Void | Step::Release),
                "{step:?}"
            );
            assert!(settled.is_none_or(|next| next.review.is_none() && next.step != step));
        }
    }

    #[test]
    fn names_in_the_database_are_read_back() {
        for step in Step::ALL {
            assert_eq!(Step::parse(step.as_str()), Some(step));
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        }
        for review in [Review::Failed, Review::Timeout] {
            assert_eq!(Review::parse(review.as_str()), Some(review));
        }
    }
}
