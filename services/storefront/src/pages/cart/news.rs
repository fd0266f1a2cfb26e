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
pub(in crate::pages) use crate::visitor::open_orders::Ask;
use crate::visitor::open_orders::{self, Learned};
use crate::visitor::{Visitor, account_cart, keep_cart, put_cart};

/// How long a page waits for orders.
const WITHIN: Duration = Duration::from_secs(2);

/// Orders that ended, or that the cart did not know of; and whether the cart is another one by that or as the account has
/// it, or is still to be kept there.
#[derive(Default)]
pub(in crate::pages) struct News {
    is_other: bool,
    is_changed: bool,
    is_here_only: bool,
    learned: Learned,
}

/// Brings the visitor's cart up to date: with the account that keeps it, and with what became of its orders.
pub(in crate::pages) async fn up_to_date(shop: &Shop, visitor: &mut Visitor, ask: Ask) -> News {
    let before = visitor.cart.clone();
    let is_asked = account_cart::look(shop, visitor).await;
    let mut news = News::default();
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
        news.is_other = is_other || is_asked && is_unkept && !is_nothing;
        news.is_here_only = !is_asked && is_unkept;
    }
    news
}

impl News {
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

    /// The newest order that took its pieces out of the cart.
    pub(in crate::pages) fn took_pieces(&self) -> Option<OrderId> {
        let took = self.learned.orders.iter().filter(|order| Settled::of(order.status) != Settled::Over);
        took.max_by_key(|order| order.placed_at).map(|order| order.id)
    }

    /// What the page says above the cart.
    pub(in crate::pages) fn notices(&self) -> Markup {
        html! {
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
