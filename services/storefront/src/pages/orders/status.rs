//! Words for where an order, a refund and a return stand.

use maud::{Markup, html};
use shop_contracts::orders::{Order, OrderStatus, RefundStatus, ReturnStatus};

use crate::view::Tone;

/// The word for where an order stands, with its colour.
pub(in crate::pages) fn status(status: OrderStatus) -> Markup {
    let (class, word) = match status {
        OrderStatus::Confirmed => ("good", "Confirmed"),
        OrderStatus::Pending => ("waiting", "Being confirmed"),
        OrderStatus::Declined => ("bad", "Payment declined"),
        OrderStatus::Rejected => ("bad", "Not possible"),
        OrderStatus::Cancelled => ("bad", "Cancelled"),
        OrderStatus::ManualReview => ("waiting", "Being looked at"),
    };
    mark(class, word)
}

/// The word for where a refund stands.
pub(super) fn refund(status: RefundStatus) -> Markup {
    match status {
        RefundStatus::Pending => mark("waiting", "On its way"),
        RefundStatus::Refunded => mark("good", "Given back"),
        RefundStatus::Failed => mark("waiting", "Being looked at"),
    }
}

/// The word for where a return stands.
pub(super) fn returned(status: ReturnStatus) -> Markup {
    match status {
        ReturnStatus::Requested => mark("waiting", "Announced"),
        ReturnStatus::Received => mark("good", "Back with us"),
    }
}

fn mark(class: &str, word: &str) -> Markup {
    html! { span class={ "status " (class) } { (word) } }
}

/// Title, tone and text at the head of an order's page.
pub(super) fn headline(order: &Order) -> (&'static str, Tone, Markup) {
    let email = masked(&order.email);
    match order.status {
        OrderStatus::Confirmed if order.shipment.is_some() => (
            "It is on its way.",
            Tone::Good,
            html! { p { "Your parcel has left our house. You will find its number below." } },
        ),
        OrderStatus::Confirmed => (
            "Thank you. It is yours.",
            Tone::Good,
            html! { p { "Your order is confirmed and paid. A message is on its way to " strong { (email) } "." } },
        ),
        OrderStatus::Pending => (
            "We have your order.",
            Tone::Plain,
            html! { p { "The payment is still being confirmed. You need not do anything and need not order again: we will write to " strong { (email) } ". This page looks by itself how it stands." } },
        ),
        OrderStatus::ManualReview => (
            "We have your order.",
            Tone::Plain,
            html! { p { "Somebody of us is looking at it. You need not do anything and need not order again: we will write to " strong { (email) } "." } },
        ),
        OrderStatus::Declined => (
            "The payment did not go through.",
            Tone::Bad,
            html! { p { "The bank declined the card, so nothing was charged for this order and nothing will be sent." } },
        ),
        OrderStatus::Cancelled => (
            "This order was cancelled.",
            Tone::Plain,
            html! { p { "The money goes back to the card that it came from." } },
        ),
        OrderStatus::Rejected if order.reason.as_deref() == Some("payment_timeout") => (
            "The bank did not answer in time.",
            Tone::Bad,
            html! { p { "We gave this order up. Nothing was charged for it." } },
        ),
        OrderStatus::Rejected => (
            "Sold out at the last moment.",
            Tone::Bad,
            html! { p { "Something in this order was no longer there. Nothing was charged for it." } },
        ),
    }
}

/// `kim@example.com` becomes `k…@example.com`: the page may be shared.
fn masked(email: &str) -> String {
    match email.split_once('@') {
        Some((name, host)) => format!("{}…@{host}", name.chars().next().unwrap_or('…')),
        None => "you".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_masked_but_recognisable() {
        assert_eq!(masked("kim@example.com"), "k…@example.com");
        assert_eq!(masked("nonsense"), "you");
    }
}
