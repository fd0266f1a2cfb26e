//! Where an order stands, in the words of the back office: one table for what lists show and what they are narrowed by.

use maud::{Markup, html};
use shop_contracts::orders::{Order, OrderStatus};

/// Where an order and its parcel stand.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Its name in an address.
    pub value: &'static str,
    pub word: &'static str,
    tone: &'static str,
    pub status: OrderStatus,
    /// Whether the parcel has left, where that is told apart.
    pub shipped: Option<bool>,
}

impl Standing {
    /// Also what is shown beside another standing, when something that goes back waits for a person: the same filter
    /// finds both.
    pub const NEEDS_PERSON: Self =
        Self::new("manual_review", "Needs a person", "waiting", OrderStatus::ManualReview, None);

    /// All of them, as they are chosen from.
    pub const ALL: [Self; 7] = [
        Self::new("pending", "Being confirmed", "waiting", OrderStatus::Pending, None),
        Self::new("confirmed", "Confirmed", "good", OrderStatus::Confirmed, Some(false)),
        Self::new("shipped", "Shipped", "good", OrderStatus::Confirmed, Some(true)),
        Self::new("declined", "Payment declined", "bad", OrderStatus::Declined, None),
        Self::new("rejected", "Not possible", "bad", OrderStatus::Rejected, None),
        Self::new("cancelled", "Cancelled", "bad", OrderStatus::Cancelled, None),
        Self::NEEDS_PERSON,
    ];

    const fn new(
        value: &'static str,
        word: &'static str,
        tone: &'static str,
        status: OrderStatus,
        shipped: Option<bool>,
    ) -> Self {
        Self { value, word, tone, status, shipped }
    }

    /// The one with this name.
    pub fn parse(value: &str) -> Option<&'static Self> {
        const ALL: &[Standing] = &Standing::ALL;
        ALL.iter().find(|one| one.value == value)
    }

    /// Where this order stands.
    pub fn of(order: &Order) -> &'static Self {
        const ALL: &[Standing] = &Standing::ALL;
        let is = |one: &&Self| {
            one.status == order.status
                && one.shipped.is_none_or(|shipped| shipped == order.shipment.is_some())
        };
        ALL.iter().find(is).unwrap_or(&ALL[ALL.len() - 1])
    }

    /// The word with its colour.
    pub fn mark(&self) -> Markup {
        html! { span class={ "status " (self.tone) } { (self.word) } }
    }
}
