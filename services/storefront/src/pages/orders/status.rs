//! Words for where an order, a refund and a return stand.

use maud::{Markup, html};
use shop_contracts::orders::{
    Order, OrderRefund, OrderReturn, OrderStatus, RefundStatus, ReturnEnd, ReturnStatus,
};

use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::orders::PAYMENT_DECIDED_WITHIN_MINUTES;
use shop_contracts::premises::COUNTER;
use shop_instrumentation::clock;

use super::show::{is_collected, is_fetched};
use crate::view::Tone;

/// The word for where an order stands, with its colour.
fn status(status: OrderStatus) -> Markup {
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

/// The word for where an order and its parcel stand.
pub(in crate::pages) fn standing(order: &Order) -> Markup {
    match (order.status, &order.shipment) {
        (OrderStatus::Confirmed, Some(_)) if all_is_back(order) => mark("good", "Sent back"),
        (OrderStatus::Confirmed, Some(_)) if is_fetched(order) => mark("good", "Collected"),
        (OrderStatus::Confirmed, Some(_)) => mark("good", "Shipped"),
        (other, _) => status(other),
    }
}

/// Pieces of it that were sent back and arrived.
fn pieces_back(order: &Order) -> u32 {
    let arrived = order.returns.iter().filter(|one| one.status == ReturnStatus::Received);
    arrived.flat_map(|one| &one.lines).map(|line| line.quantity).sum()
}

/// Whether nothing of it stayed with the buyer.
fn all_is_back(order: &Order) -> bool {
    let ordered: u32 = order.lines.iter().map(|line| line.quantity).sum();
    pieces_back(order) >= ordered.max(1)
}

/// The word for where a refund stands.
pub(super) fn refund(refund: &OrderRefund) -> Markup {
    match (refund.status, refund.needs_person) {
        (RefundStatus::Refunded, _) => mark("good", "Given back"),
        (RefundStatus::Pending, false) => mark("waiting", "On its way"),
        (RefundStatus::Pending, true) | (RefundStatus::Failed, _) => mark("waiting", "Being looked at"),
    }
}

/// The word for where a return stands.
pub(super) fn returned(back: &OrderReturn) -> Markup {
    match (back.status, back.closed.as_ref().map(|closed| closed.end)) {
        (ReturnStatus::Received, _) => mark("good", "Back with us"),
        (ReturnStatus::Requested, None) => mark("waiting", "Announced"),
        (ReturnStatus::Requested, Some(ReturnEnd::Refused)) => mark("bad", "Not taken back"),
        (ReturnStatus::Requested, Some(ReturnEnd::Withdrawn)) => mark("waiting", "You keep it"),
    }
}

fn mark(class: &str, word: &str) -> Markup {
    html! { span class={ "status " (class) } { (word) } }
}

/// Title, tone and text at the head of an order's page.
pub(super) fn headline(order: &Order, own: bool) -> (&'static str, Tone, Markup) {
    match order.status {
        OrderStatus::Confirmed if pieces_back(order) > 0 => (
            if all_is_back(order) { "It is back with us." } else { "A part of it is back with us." },
            Tone::Good,
            html! { p { "What you sent back has arrived. Below it says which pieces" @if !order.refunds.is_empty() { ", and what money was given back" } "." } },
        ),
        OrderStatus::Confirmed if is_collected(order) => (
            "It is yours.",
            Tone::Good,
            html! { p { "You have collected it at our counter in " (COUNTER.city) ". Fair winds!" } },
        ),
        OrderStatus::Confirmed if is_fetched(order) => (
            "Thank you. It is yours to collect.",
            Tone::Good,
            html! { p { "Your order is confirmed and paid. It is ready on the next working day at the latest: bring the number " strong.nowrap { (order.number) } ". " (written_too(&order.email)) } },
        ),
        OrderStatus::Confirmed if order.shipment.is_some() => (
            "It is on its way.",
            Tone::Good,
            html! { p { "Your parcel has left our house." @if own { " You will find its number below." } } },
        ),
        OrderStatus::Confirmed => (
            "Thank you. It is yours.",
            Tone::Good,
            html! { p { "Your order is confirmed and paid. " (written_too(&order.email)) } p { (what_next(order)) } },
        ),
        OrderStatus::Pending => (
            "We have your order.",
            Tone::Plain,
            html! { p { "The payment is still being confirmed. You need not do anything and need not order again. " (decided(order)) " This page looks by itself how it stands. " (written_too(&order.email)) } },
        ),
        OrderStatus::ManualReview => (
            "We have your order.",
            Tone::Plain,
            html! { p { "Somebody of us is looking at it. You need not do anything and need not order again. " (written_too(&order.email)) } },
        ),
        OrderStatus::Declined => (
            "The payment did not go through.",
            Tone::Bad,
            html! { p { "The bank declined the card, so nothing was charged for this order and nothing will be sent." } },
        ),
        OrderStatus::Cancelled => {
            ("This order was cancelled.", Tone::Plain, html! { p { (money_of(order)) } })
        }
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

/// How to order the same once more.
pub(super) struct Again {
    pub text: &'static str,
    pub href: &'static str,
    pub label: &'static str,
}

/// The way on from an order that ended unsold while its pieces are in the cart.
pub(super) fn once_more(order: &Order) -> Option<Again> {
    match (order.status, order.reason.as_deref()) {
        (OrderStatus::Declined, _) | (OrderStatus::Rejected, Some("payment_timeout")) => Some(Again {
            text: "What you ordered is still in your cart: you can order it with another card.",
            href: "/checkout",
            label: "Try another card",
        }),
        (OrderStatus::Rejected, _) => Some(Again {
            text: "What you ordered is still in your cart, which says how much of it is left.",
            href: "/cart",
            label: "To your cart",
        }),
        _ => None,
    }
}

/// That there are mails, too. A mailbox gets a bounded number an hour that strangers can cause: none is promised alone.
fn written_too(email: &str) -> Markup {
    html! { "We write to " strong.whole { (masked(email)) } ", too; if you find nothing there, this page says the same." }
}

/// Until when the payment is decided, and what happens then; of an older order that somebody looks at it.
fn decided(order: &Order) -> Markup {
    let until = order.placed_at + chrono::Duration::minutes(PAYMENT_DECIDED_WITHIN_MINUTES);
    html! {
        @if until > clock::now() {
            "If the bank has not answered by " time datetime=(until.to_rfc3339()) { (until.format("%H:%M UTC")) } ", we give the order up: then nothing is charged, and your things are in your cart again."
        } @else {
            "The bank takes longer than it should. We are giving the order up, or confirming it, as soon as it answers; nothing is charged without a confirmation."
        }
    }
}

/// What the buyer of a parcel may expect now.
fn what_next(order: &Order) -> Markup {
    let method = order.charges.as_ref().map(|charges| charges.delivery_method);
    html! {
        "Next we pack it, and write with the parcel’s number when it leaves."
        @match method.map(DeliveryMethod::promised_days) {
            Some((1, 1)) => " It is there on the next working day.",
            Some((first, last)) => { " It is there " (first) " to " (last) " working days after your order." }
            None => {}
        }
    }
}

/// What becomes of the money of a cancelled order.
fn money_of(order: &Order) -> &'static str {
    if !order.refunds.is_empty() && order.refunds.iter().all(|one| one.status == RefundStatus::Refunded) {
        "The money has gone back to the card that it came from. Your bank may take a few days to show it."
    } else if order.took_money() {
        "The money goes back to the card that it came from."
    } else if order.refunds.is_empty() {
        "Nothing was charged for it: what your bank may still show as reserved is let go of."
    } else {
        "Whatever was reserved or charged for it goes back to the card that it came from."
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
