//! Steps and what follows them. Pure: no clock, no store, no network.

use shop_contracts::orders::OrderStatus;
use shop_contracts::{PaymentId, ReservationId};

use crate::ports::{Authorising, Confirming, Reserving};

/// What is to be done next. Written before it is done; doing it twice is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Reserve,
    Authorise,
    Confirm,
    Capture,
    /// Give the stock back; nothing was charged.
    Release,
    /// Give the held money back; the stock is gone.
    Void,
    Done,
}

/// Why an order ends without a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Declined,
    OutOfStock,
}

/// A saga's state between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub step: Step,
    pub reservation: Option<ReservationId>,
    pub authorisation: Option<PaymentId>,
    pub reason: Option<Reason>,
}

impl Step {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Authorise => "authorise",
            Self::Confirm => "confirm",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Void => "void",
            Self::Done => "done",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::Reserve,
            Self::Authorise,
            Self::Confirm,
            Self::Capture,
            Self::Release,
            Self::Void,
            Self::Done,
        ];
        all.into_iter().find(|s| s.as_str() == name)
    }
}

impl Reason {
    /// Its name in the database and as the metric's label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::OutOfStock => "out_of_stock",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Declined, Self::OutOfStock].into_iter().find(|r| r.as_str() == name)
    }
}

impl Progress {
    /// Where every order begins.
    pub const START: Self =
        Self { step: Step::Reserve, reservation: None, authorisation: None, reason: None };

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

    /// After capture, release or void.
    pub fn finished(self) -> Self {
        Self { step: Step::Done, ..self }
    }

    /// The order's status in this state.
    pub fn status(self) -> OrderStatus {
        match (self.step, self.reason) {
            (Step::Done, None) => OrderStatus::Confirmed,
            (Step::Done, Some(Reason::Declined)) => OrderStatus::Declined,
            (Step::Done, Some(Reason::OutOfStock)) => OrderStatus::Rejected,
            _ => OrderStatus::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation() -> ReservationId {
        ReservationId::new(uuid::Uuid::nil())
    }

    fn payment() -> PaymentId {
        PaymentId::new(uuid::Uuid::nil())
    }

    #[test]
    fn a_sale_ends_confirmed() {
        let end = Progress::START
            .reserved(Reserving::Held(reservation()))
            .authorised(Authorising::Approved(payment()))
            .confirmed(Confirming::Sold)
            .finished();
        assert_eq!(end.status(), OrderStatus::Confirmed);
    }

    #[test]
    fn a_declined_card_gives_the_stock_back_before_it_ends() {
        let back = Progress::START.reserved(Reserving::Held(reservation())).authorised(Authorising::Declined);
        assert_eq!((back.step, back.status()), (Step::Release, OrderStatus::Pending));
        assert_eq!(back.finished().status(), OrderStatus::Declined);
    }

    #[test]
    fn stock_that_expired_gives_the_money_back_before_it_ends() {
        let paid = Progress::START
            .reserved(Reserving::Held(reservation()))
            .authorised(Authorising::Approved(payment()));
        let back = paid.confirmed(Confirming::Gone);
        assert_eq!(back.step, Step::Void);
        assert_eq!(back.finished().status(), OrderStatus::Rejected);
    }

    #[test]
    fn names_in_the_database_are_read_back() {
        for step in [
            Step::Reserve,
            Step::Authorise,
            Step::Confirm,
            Step::Capture,
            Step::Release,
            Step::Void,
            Step::Done,
        ] {
            assert_eq!(Step::parse(step.as_str()), Some(step));
        }
    }
}
