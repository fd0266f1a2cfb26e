//! What happened to an order, in the words of the back office. Orders keeps names of its own for it.

use maud::{Markup, html};
use shop_contracts::orders::{OrderHistory, OrderHistoryEntry, OrderRefund};

use crate::view::price;

/// Who did what no person did.
const NOBODY: &str = "system";
const ASKED_FOR: &str = "refund_requested";
const GIVEN_BACK: &str = "refunded";

/// What orders' names for things that happen mean; one that is not here is shown as it is.
const ACTIONS: [(&str, &str); 16] = [
    ("placed", "Ordered"),
    ("confirmed", "Confirmed and paid"),
    ("declined", "Payment declined"),
    ("rejected", "Not possible"),
    ("cancelled", "Cancelled"),
    ("shipped", "Handed over"),
    (ASKED_FOR, "Money is to go back"),
    (GIVEN_BACK, "Money given back"),
    ("voided", "Held money let go of"),
    ("return_requested", "Return announced"),
    ("return_received", "Return received"),
    ("return_refused", "Return refused"),
    ("return_withdrawn", "Return withdrawn"),
    ("manual_review", "Waits for a person"),
    ("resolved", "Looked at"),
    ("anonymised", "Name and address removed"),
];

/// One thing that happened, who did it, and its details.
pub(super) fn happened(entry: &OrderHistoryEntry, refunds: &[OrderRefund]) -> Markup {
    let known = ACTIONS.iter().find(|(action, _)| *action == entry.action);
    let detail = detail(entry);
    // Both are written at once, with one time.
    let asked_for = refunds.iter().find(|one| entry.action == ASKED_FOR && one.created_at == entry.at);
    html! {
        strong { @match known { Some((_, words)) => (words), None => (entry.action.replace('_', " ")) } }
        @if let Some(refund) = asked_for { ": " (price(refund.amount)) }
        @if entry.actor != NOBODY { @if entry.action == ASKED_FOR { ", asked for" } " by " (entry.actor) }
        @if !detail.is_empty() { p.hint { (detail) } }
    }
}

/// What money was given back for: a clerk's own words where a clerk gave it.
pub(super) fn given_back_for(refund: &OrderRefund, history: Option<&OrderHistory>) -> Markup {
    let mut entries = history.into_iter().flat_map(|history| &history.entries);
    // Both are written at once, with one time.
    match entries.find(|entry| entry.action == ASKED_FOR && entry.at == refund.created_at) {
        Some(asked) => html! { "“" (asked.detail) "” by " (asked.actor) "," },
        None => html! { @if let Some(words) = reason(&refund.reason) { (words) "," } },
    }
}

/// As people say it. What money was given back for is said by whoever asked for it.
fn detail(entry: &OrderHistoryEntry) -> String {
    match entry.detail.split_once(": ") {
        Some((amount, why)) if entry.action == GIVEN_BACK => match reason(why) {
            Some(words) => format!("{amount}, {}", words.to_lowercase()),
            None => amount.to_owned(),
        },
        _ => entry.detail.clone(),
    }
}

/// What orders' name for a reason means; nothing where it says nothing.
fn reason(name: &str) -> Option<&str> {
    match name {
        "cancelled" => Some("For the cancelled order"),
        "returned" => Some("For what was sent back"),
        "goodwill" => None,
        other => Some(other),
    }
}
