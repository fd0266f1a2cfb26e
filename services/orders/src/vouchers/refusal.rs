//! Why a voucher cannot be used. Pure.

use chrono::{DateTime, Utc};
use shop_contracts::Money;
use shop_contracts::vouchers::Voucher;
use shop_instrumentation::{Code, Problem};

use super::Person;

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Unknown,
    NotYet(DateTime<Utc>),
    Over,
    UsedUp,
    /// By the account's own orders.
    UsedByAccount,
    BelowMinimum(Money),
    /// For a reason that is not told to whoever asks.
    NotForThisOrder,
}

impl Refusal {
    /// In words for the shopper.
    pub fn detail(self) -> String {
        match self {
            Self::Unknown => "We do not know this code.".to_owned(),
            Self::NotYet(from) => {
                format!("This code counts from {} on.", from.format("%-d %B %Y, %H:%M UTC"))
            }
            Self::Over => "This code’s time is over.".to_owned(),
            Self::UsedUp => "This code has been used as often as it can be.".to_owned(),
            Self::UsedByAccount => "You have used this code already.".to_owned(),
            Self::BelowMinimum(minimum) => format!("This code counts for goods of {minimum} or more."),
            Self::NotForThisOrder => {
                "This code cannot be used for this order. Some codes count only so often for each customer: \
                 this e-mail address may have used it up."
                    .to_owned()
            }
        }
    }

    /// As a person may hear it. Without an account the address is anybody's: whether it has ordered with a code is told
    /// to nobody, so every reason why a known code does not count reads alike.
    #[must_use]
    pub fn told_to(self, person: &Person<'_>) -> Self {
        let is_unproven = person.account.is_none() && person.email.is_some();
        match self {
            Self::Unknown => self,
            _ if is_unproven => Self::NotForThisOrder,
            _ => self,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(Code::VoucherRefused, "the voucher cannot be used").field("voucher", refusal.detail())
    }
}

/// How many orders use a voucher already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsesBefore {
    /// Of the person: by account, by address, or by what is left of an address.
    pub of_person: u32,
    /// Of these, the orders of the account.
    pub of_account: u32,
}

/// Whether one more order of a person, who used it so often before, may use it. Only the account's own orders are told as
/// "you": the address that is typed beside it may be anybody's.
pub fn usable(
    voucher: &Voucher,
    before: UsesBefore,
    goods: Money,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if voucher.ended_at.is_some() || now >= voucher.ends_at {
        return Err(Refusal::Over);
    }
    if now < voucher.starts_at {
        return Err(Refusal::NotYet(voucher.starts_at));
    }
    if voucher.uses >= voucher.max_uses {
        return Err(Refusal::UsedUp);
    }
    let is_spent = |uses: u32| voucher.max_uses_per_person.is_some_and(|most| uses >= most);
    if is_spent(before.of_account) {
        return Err(Refusal::UsedByAccount);
    }
    if is_spent(before.of_person) {
        return Err(Refusal::NotForThisOrder);
    }
    let minimum = voucher.terms.minimum;
    if goods.currency != minimum.currency || goods.amount_minor < minimum.amount_minor {
        return Err(Refusal::BelowMinimum(minimum));
    }
    Ok(())
}
