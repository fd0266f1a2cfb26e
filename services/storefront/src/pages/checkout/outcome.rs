//! What came of a press that did not lead to an order's page, in words.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::checkout::Charge;
use crate::form::Typed;
use crate::view::{Tone, notice};

/// What came of it. No word of these says that nothing was charged unless orders said so of the order just tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// Fields are wrong.
    Wrong,
    /// The session is over: nothing was ordered.
    LogIn,
    /// The contents or their prices are not what was seen.
    CartChanged,
    /// An order was found that took its pieces out of the cart.
    Ordered,
    /// The code that was typed takes something off, and the total with it was not seen yet.
    VoucherTyped,
    /// The voucher does not count any more.
    VoucherGone,
    /// Orders takes another total.
    TotalChanged,
    /// Orders refused: a price or a version.
    SomethingChanged,
    /// Too many requests.
    Busy,
    /// Orders takes no such order.
    NotTaken,
    /// Too many keys were over.
    TriedOften,
    /// No answer.
    Unknown,
    /// So many cards were declined that no other is tried for now.
    DeclinedOften,
    /// The bank declined.
    Declined { is_uncharged: bool },
    /// The bank did not answer.
    BankSilent { is_uncharged: bool },
    /// Not in stock.
    SoldOut { is_uncharged: bool },
}

/// Whether the page may say that nothing was charged.
pub(super) fn is_uncharged(charge: Charge) -> bool {
    charge == Charge::None
}

fn uncharged(is_uncharged: bool) -> &'static str {
    if is_uncharged { " Nothing was charged, and your cart is as it was." } else { "" }
}

impl Outcome {
    /// The notice above the form.
    pub(super) fn notice(self, typed: &Typed) -> Markup {
        let tone = if self == Self::VoucherTyped { Tone::Plain } else { Tone::Bad };
        let count = typed.wrong_count();
        if self == Self::Wrong && count == 0 {
            return html! {};
        }
        let text = match self {
            Self::Wrong => html! {
                strong { "Almost." } " Please look at " @if count == 1 { "the field" } @else { "the " (count) " fields" } " marked below."
            },
            Self::LogIn => html! {
                strong { "You are not logged in any more, so nothing was ordered." } " "
                a href="/login?return_to=/checkout" { "Log in" } " to order with your account, or order below without one. What you typed is kept."
            },
            Self::CartChanged => html! {
                strong { "Something in your cart has changed since you opened this page." } " Please look at the new total before you order."
            },
            Self::Ordered => html! {
                strong { "You have ordered some of this already." } " It is no longer in your cart, and nothing was ordered now: please look at the new total. A message about that order is in your mail."
            },
            Self::VoucherTyped => html! {
                strong { "Your voucher is taken off now." } " Nothing was ordered yet: please look at the new total, then press the button."
            },
            Self::VoucherGone => html! {
                strong { "Your voucher does not count any more." } " Please look at the total without it before you order."
            },
            Self::TotalChanged => html! {
                strong { "The total changed while you were ordering." } " Please press the button again in a moment: the new total is shown before anything is ordered."
            },
            Self::SomethingChanged => html! {
                strong { "Something changed while you were ordering." } " Please look at your cart and the total once more."
            },
            Self::Busy => html! {
                strong { "Very many people are ordering just now." } " Please press the button again in a moment."
            },
            Self::NotTaken => html! {
                strong { "We could not take this order as it is." } " Please check the address."
            },
            Self::TriedOften => {
                html! { strong { "That was tried very often." } " Please press the button once more." }
            }
            Self::Unknown => html! {
                strong { "We do not know yet whether your order arrived." } " Please press the button again: it will not be placed or charged twice."
            },
            Self::DeclinedOften => html! {
                strong { "Too many cards were declined." } " Nothing was ordered. Please wait ten minutes before you try another one; your cart is kept."
            },
            Self::Declined { is_uncharged } => html! {
                strong { "The bank declined this card." } (uncharged(is_uncharged)) " Please try another card."
            },
            Self::BankSilent { is_uncharged } => html! {
                strong { "The bank did not answer in time." } " We gave this try up." (uncharged(is_uncharged))
            },
            Self::SoldOut { is_uncharged } => html! {
                strong { "Somebody was faster." } " Something in your cart has just sold out." (uncharged(is_uncharged))
            },
        };
        notice(tone, html! { p #checkout-outcome tabindex="-1" { (text) } })
    }

    /// How it is counted, unless nothing was tried.
    pub(super) const fn counted_as(self) -> Option<&'static str> {
        match self {
            Self::Declined { .. } | Self::DeclinedOften | Self::BankSilent { .. } => Some("declined"),
            Self::SoldOut { .. } => Some("out_of_stock"),
            Self::VoucherGone
            | Self::TotalChanged
            | Self::SomethingChanged
            | Self::Busy
            | Self::NotTaken
            | Self::Unknown => Some("error"),
            Self::Wrong
            | Self::LogIn
            | Self::CartChanged
            | Self::Ordered
            | Self::VoucherTyped
            | Self::TriedOften => None,
        }
    }
}
