//! Our row beside the provider's. Pure.

use chrono::Duration;
use shop_contracts::payments::{Authorisation, AuthorisationOutcome, AuthorisationState};

use crate::operation::{Kind, Operation, Settled};
use crate::provider::{ProviderPayment, RefundStanding, Standing};

/// How the books can disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// We say taken, the provider does not.
    CapturedHereOnly,
    /// The provider took it, we do not say so.
    CapturedThereOnly,
    /// We say given back, the provider still holds it.
    VoidedHereOnly,
    /// The provider gave it back, we do not say so.
    VoidedThereOnly,
    /// Another sum was refunded there than here.
    RefundDiffers,
    /// The provider does not know a payment that we believe in.
    UnknownThere,
    /// The provider does not let go of a hold: both books say held, and nobody wants it.
    VoidRefused,
}

impl Difference {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CapturedHereOnly,
        Self::CapturedThereOnly,
        Self::VoidedHereOnly,
        Self::VoidedThereOnly,
        Self::RefundDiffers,
        Self::UnknownThere,
        Self::VoidRefused,
    ];

    /// Its name in the database and as a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CapturedHereOnly => "captured_here_only",
            Self::CapturedThereOnly => "captured_there_only",
            Self::VoidedHereOnly => "voided_here_only",
            Self::VoidedThereOnly => "voided_there_only",
            Self::RefundDiffers => "refund_differs",
            Self::UnknownThere => "unknown_there",
            Self::VoidRefused => "void_refused",
        }
    }
}

/// What settles a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Ask the provider again under the same key.
    Repeat(Kind),
    /// Believe the provider.
    Adopt(Kind),
    /// A person must look: money moved that nobody here asked for, or is gone.
    Person,
}

/// What an approved authorisation looks like beside the provider's books; nothing when they agree.
pub fn compare(ours: &Authorisation, theirs: Option<&ProviderPayment>) -> Option<(Difference, Remedy)> {
    if ours.outcome == AuthorisationOutcome::Declined {
        return None;
    }
    let Some(theirs) = theirs else { return Some((Difference::UnknownThere, Remedy::Person)) };
    use AuthorisationState::{Captured, Open, Refunded, Voided};
    match (ours.state, theirs.standing) {
        (Open, Standing::Held | Standing::Pending) | (Voided, Standing::Released) => None,
        (Open, Standing::Captured) => Some((Difference::CapturedThereOnly, Remedy::Adopt(Kind::Capture))),
        (Open, Standing::Released) => Some((Difference::VoidedThereOnly, Remedy::Adopt(Kind::Void))),
        (Captured, Standing::Held) => Some((Difference::CapturedHereOnly, Remedy::Repeat(Kind::Capture))),
        (Voided, Standing::Held) => Some((Difference::VoidedHereOnly, Remedy::Repeat(Kind::Void))),
        (Voided, Standing::Captured) => Some((Difference::CapturedThereOnly, Remedy::Person)),
        (Captured | Refunded, Standing::Captured) => {
            if theirs.captured_minor != ours.amount.amount_minor {
                return Some((Difference::CapturedHereOnly, Remedy::Person));
            }
            let same = theirs.refunded_minor() == ours.refunded_minor;
            (!same).then_some((Difference::RefundDiffers, Remedy::Person))
        }
        (Captured | Refunded, _) => Some((Difference::CapturedHereOnly, Remedy::Person)),
        (Open | Voided, _) => Some((Difference::UnknownThere, Remedy::Person)),
    }
}

/// What is to be done about an operation whose answer did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The provider's books tell how it ended.
    End(Settled),
    /// It did not happen: ask again under the same key.
    Repeat,
    /// Not to be told yet.
    Wait(&'static str),
}

/// Reads an operation's end from the provider's books. `since_call` is the time since the provider was last asked,
/// `lookup_lag` how long it may not know of a call.
pub fn verdict(
    operation: &Operation,
    theirs: Option<&ProviderPayment>,
    since_call: Duration,
    lookup_lag: Duration,
) -> Verdict {
    let done = Settled::Succeeded { reference: None };
    let Some(theirs) = theirs else {
        return match operation.kind {
            Kind::Authorise if since_call > lookup_lag => {
                Verdict::End(Settled::Failed("it never reached the provider".to_owned()))
            }
            _ => Verdict::Wait("the provider does not know the payment"),
        };
    };
    match (operation.kind, theirs.standing) {
        (_, Standing::Pending) => Verdict::Wait("the provider has not decided yet"),
        (Kind::Authorise, Standing::Declined) => {
            Verdict::End(Settled::Declined { reference: Some(theirs.reference.clone()) })
        }
        (Kind::Authorise, _) => {
            Verdict::End(Settled::Succeeded { reference: Some(theirs.reference.clone()) })
        }
        (Kind::Capture, Standing::Captured) | (Kind::Void, Standing::Released) => Verdict::End(done),
        (Kind::Capture | Kind::Void, Standing::Held) => Verdict::Repeat,
        (Kind::Refund, Standing::Captured) => {
            let ours = |key: &Option<String>| key.as_deref() == Some(&operation.provider_key);
            match theirs.refunds.iter().find(|r| ours(&r.key)).map(|r| r.standing) {
                None => Verdict::Repeat,
                Some(RefundStanding::Pending) => Verdict::Wait("the refund is on its way"),
                Some(RefundStanding::Succeeded) => Verdict::End(done),
                Some(RefundStanding::Failed) => {
                    Verdict::End(Settled::Failed("the provider gives no money back".to_owned()))
                }
            }
        }
        (_, standing) => Verdict::End(Settled::Failed(match standing {
            Standing::Released => "the provider gave the money back before".to_owned(),
            Standing::Captured => "the provider took the money before".to_owned(),
            _ => "nothing is held at the provider".to_owned(),
        })),
    }
}

#[cfg(test)]
mod tests {
    use shop_contracts::{Currency, Money, OrderId, PaymentId};
    use shop_instrumentation::ids;

    use super::*;
    use crate::provider::ProviderRefund;

    const AMOUNT: Money = Money { amount_minor: 500, currency: Currency::Eur };

    fn ours(state: AuthorisationState, refunded_minor: i64) -> Authorisation {
        Authorisation {
            id: PaymentId::new(ids::new_id()),
            order_id: OrderId::new(ids::new_id()),
            amount: AMOUNT,
            outcome: AuthorisationOutcome::Approved,
            state,
            provider_reference: Some("r".to_owned()),
            refunded_minor,
        }
    }

    fn theirs(standing: Standing, refunds: &[(i64, RefundStanding)]) -> ProviderPayment {
        let refund = |(amount_minor, standing): &(i64, RefundStanding)| ProviderRefund {
            key: Some("refund".to_owned()),
            amount_minor: *amount_minor,
            standing: *standing,
        };
        let captured_minor = if standing == Standing::Captured { 500 } else { 0 };
        let refunds = refunds.iter().map(refund).collect();
        ProviderPayment { reference: "r".to_owned(), standing, captured_minor, refunds }
    }

    #[test]
    fn no_disagreement_about_money_that_moved_is_settled_without_a_person() {
        use AuthorisationState::{Captured, Open, Voided};
        let person = |d| Some((d, Remedy::Person));
        let given =
            theirs(Standing::Captured, &[(200, RefundStanding::Succeeded), (99, RefundStanding::Failed)]);
        for (state, refunded, standing, expected) in [
            (Open, 0, Standing::Held, None),
            (Captured, 0, Standing::Captured, None),
            (Voided, 0, Standing::Released, None),
            (Captured, 0, Standing::Released, person(Difference::CapturedHereOnly)),
            (Voided, 0, Standing::Captured, person(Difference::CapturedThereOnly)),
            (Captured, 1, Standing::Captured, person(Difference::RefundDiffers)),
            (Open, 0, Standing::Declined, person(Difference::UnknownThere)),
        ] {
            assert_eq!(
                compare(&ours(state, refunded), Some(&theirs(standing, &[]))),
                expected,
                "{state:?} {standing:?}"
            );
        }
        assert_eq!(compare(&ours(Captured, 200), Some(&given)), None, "failed refunds gave nothing back");
        assert_eq!(compare(&ours(Open, 0), None), person(Difference::UnknownThere));
    }

    #[test]
    fn an_open_operation_ends_as_the_books_say() {
        let payment = PaymentId::new(ids::new_id());
        let order = OrderId::new(ids::new_id());
        let now = chrono::DateTime::UNIX_EPOCH;
        let operation = |kind| Operation::settling(kind, order, payment, AMOUNT, now);
        let read = |kind, standing| {
            verdict(&operation(kind), Some(&theirs(standing, &[])), Duration::zero(), Duration::zero())
        };
        let done = Verdict::End(Settled::Succeeded { reference: None });
        assert_eq!(read(Kind::Capture, Standing::Captured), done);
        assert_eq!(read(Kind::Void, Standing::Released), done);
        assert_eq!(read(Kind::Capture, Standing::Held), Verdict::Repeat);
        assert_eq!(read(Kind::Refund, Standing::Captured), Verdict::Repeat);
        assert!(matches!(read(Kind::Capture, Standing::Released), Verdict::End(Settled::Failed(_))));
        assert!(matches!(read(Kind::Void, Standing::Captured), Verdict::End(Settled::Failed(_))));
        assert!(matches!(read(Kind::Refund, Standing::Pending), Verdict::Wait(_)));
    }

    #[test]
    fn a_part_that_was_taken_is_a_person_s() {
        let part = ProviderPayment { captured_minor: 499, ..theirs(Standing::Captured, &[]) };
        let expected = Some((Difference::CapturedHereOnly, Remedy::Person));
        assert_eq!(compare(&ours(AuthorisationState::Captured, 0), Some(&part)), expected);
    }

    /// What became of another refund of the same payment says nothing about this one.
    #[test]
    fn a_refund_ends_by_its_own_key() {
        let (order, payment) = (OrderId::new(ids::new_id()), PaymentId::new(ids::new_id()));
        let asked = Operation::refund("mine", order, payment, AMOUNT, chrono::DateTime::UNIX_EPOCH);
        let read = |mine: &[RefundStanding]| {
            let mut there = theirs(Standing::Captured, &[(500, RefundStanding::Succeeded)]);
            there.refunds.extend(mine.iter().map(|standing| ProviderRefund {
                key: Some(asked.provider_key.clone()),
                amount_minor: 500,
                standing: *standing,
            }));
            verdict(&asked, Some(&there), Duration::zero(), Duration::zero())
        };
        assert_eq!(read(&[]), Verdict::Repeat);
        assert!(matches!(read(&[RefundStanding::Pending]), Verdict::Wait(_)));
        assert!(matches!(read(&[RefundStanding::Failed]), Verdict::End(Settled::Failed(_))));
        let done = Verdict::End(Settled::Succeeded { reference: None });
        assert_eq!(read(&[RefundStanding::Succeeded]), done);
    }

    #[test]
    fn a_hold_that_the_books_do_not_show_ends_only_after_their_lag() {
        let hold = Operation::settling(
            Kind::Authorise,
            OrderId::new(ids::new_id()),
            PaymentId::new(ids::new_id()),
            AMOUNT,
            chrono::DateTime::UNIX_EPOCH,
        );
        let at = |seconds| verdict(&hold, None, Duration::seconds(seconds), Duration::seconds(10));
        assert!(matches!(at(10), Verdict::Wait(_)));
        assert!(matches!(at(11), Verdict::End(Settled::Failed(_))));
    }
}
