//! What became of open orders since the shopper last looked, and what the page says of it.
//!
//! A cart that may be an order is asked about at orders before it is shown or ordered. Without an answer the page goes on
//! with what is known.

use std::time::Duration;

use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::OrderId;

use super::super::Shop;
use crate::checkout::Settled;
use crate::view::{Tone, notice};
use crate::visitor::account_cart::{self, Looked};
pub(in crate::pages) use crate::visitor::open_orders::Ask;
use crate::visitor::open_orders::{self, Learned};
use crate::visitor::{Visitor, keep_cart, put_cart};

/// How long a page waits for orders.
const WITHIN: Duration = Duration::from_secs(2);

/// Orders that ended, or that the cart did not know of; and whether the cart is another one by that or as the account has
/// it, or is still to be kept there, or was changed elsewhere as well.
#[derive(Default)]
pub(in crate::pages) struct News {
    is_other: bool,
    is_changed: bool,
    is_here_only: bool,
    is_to_be_kept: bool,
    is_joined: bool,
    learned: Learned,
}

/// Brings the visitor's cart up to date: with the account that keeps it, and with what became of its orders.
pub(in crate::pages) async fn up_to_date(shop: &Shop, visitor: &mut Visitor, ask: Ask) -> News {
    let before = visitor.cart.clone();
    let looked = account_cart::look(shop, visitor).await;
    let is_asked = looked != Looked::Away;
    let mut news = News { is_joined: looked == Looked::Joined, ..News::default() };
    if let Some(cart) = &mut visitor.cart {
        let mut now = cart.clone();
        // A cart that nothing was ever put into is none.
        let is_nothing = before.is_none() && cart.is_empty() && cart.progress.open.is_empty();
        let is_other = !is_nothing && before.as_ref() != Some(&*cart);
        match tokio::time::timeout(WITHIN, open_orders::learn(shop, &mut now, ask)).await {
            Ok(learned) => {
                news.is_changed = now != *cart;
                news.learned = learned;
                *cart = now;
            }
            Err(_) => tracing::warn!("what became of the cart's orders is not known in time"),
        }
        let is_unkept = visitor.account.as_ref().is_some_and(|who| !cart.is_kept(who.account_id));
        news.is_to_be_kept = is_asked && (is_unkept || news.is_changed) && !is_nothing;
        news.is_other = is_other || news.is_to_be_kept;
        news.is_here_only = !is_asked && is_unkept;
    }
    news
}

impl News {
    /// Has the account keep the cart before the page says what is in it.
    pub(super) async fn have_kept(&mut self, shop: &Shop, visitor: &mut Visitor) {
        if !self.is_to_be_kept {
            return;
        }
        if std::mem::take(&mut self.is_changed)
            && let Some(cart) = &mut visitor.cart
        {
            cart.differs_from_kept();
        }
        let looked = account_cart::have_kept(shop, visitor).await;
        self.is_joined |= looked == Looked::Joined;
        self.is_here_only = looked == Looked::Away;
    }

    /// Whether the cart was changed here and elsewhere, and neither side knew.
    pub(super) fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// Whether the account cannot be asked, and does not keep what the cart holds.
    pub(super) fn is_here_only(&self) -> bool {
        self.is_here_only
    }

    /// Keeps the visitor's cart as it is now.
    pub(in crate::pages) fn keep(&self, response: &mut Response, visitor: &Visitor) {
        match &visitor.cart {
            Some(cart) if self.is_changed => keep_cart(response, cart),
            Some(cart) if self.is_other => put_cart(response, cart.clone()),
            _ => {}
        }
    }

    /// The number of an order that was asked about.
    pub(super) fn number(&self, order: OrderId) -> Option<&str> {
        self.learned.numbers.get(&order).map(String::as_str)
    }

    /// The newest order that took its pieces out of the cart.
    pub(in crate::pages) fn took_pieces(&self) -> Option<OrderId> {
        let took = self.learned.orders.iter().filter(|order| Settled::of(order.status) != Settled::Over);
        took.max_by_key(|order| order.placed_at).map(|order| order.id)
    }

    /// What the page says above the cart.
    pub(in crate::pages) fn notices(&self) -> Markup {
        html! {
            @if self.is_joined { (joined()) }
            @for order in &self.learned.orders {
                @let link = html! { a href={ "/orders/" (order.id) } { (order.number) } };
                @match Settled::of(order.status) {
                    Settled::Stands => (notice(Tone::Good, html! { p { "Order " (link) " is confirmed. What you ordered is no longer in your cart." } })),
                    Settled::Waits => (notice(Tone::Plain, html! { p { "Order " (link) " was made from this cart. What you ordered is no longer in it." } })),
                    Settled::Over => (notice(Tone::Bad, html! { p { "Order " (link) " did not go through. What you wanted to order is in your cart again." } })),
                }
            }
            @if self.learned.given_up {
                (notice(Tone::Plain, html! { p { "Your order did not arrive. What you wanted to order is in your cart again." } }))
            }
        }
    }
}

/// That a cart was changed in two places.
pub(in crate::pages) fn joined() -> Markup {
    notice(
        Tone::Bad,
        html! { p { strong { "Your cart was changed in two places" } " that could not know of each other. Of each thing the larger number stays, and something taken out may be in it again: please look whether your cart holds what you want." } },
    )
}
