//! What became of a cart's orders, asked at orders.

use shop_contracts::orders::Order;

use super::now_us;
use crate::cart::{Cart, CartId};
use crate::pages::Shop;

/// What orders is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Orders that the cart knows of.
    Open,
    /// Also whether there are others of this cart that no answer told of.
    All,
}

/// What a cart learned.
#[derive(Debug, Default)]
pub struct Learned {
    /// Orders that put pieces back or took them out.
    pub orders: Vec<Order>,
    /// Whether an order was given up that never arrived.
    pub given_up: bool,
}

/// Has a cart learn what became of its orders. Without an answer it stays as it is.
pub async fn learn(shop: &Shop, cart: &mut Cart, ask: Ask) -> Learned {
    let mut learned = Learned::default();
    let mut carts: Vec<CartId> = Vec::new();
    if ask == Ask::All && !cart.is_empty() {
        carts.push(cart.id);
        carts.extend(cart.merged.iter().map(|one| one.id));
    }
    for open in cart.progress.open.clone() {
        match open.order {
            Some(id) => match shop.peers.order(id).await {
                Ok(order) => take_in(cart, order, &mut learned),
                Err(cause) => tracing::warn!(error = %cause, "an open order is not available"),
            },
            None if !carts.contains(&open.cart) => carts.push(open.cart),
            None => {}
        }
    }
    // One after the other would be as many times the way.
    let asked = carts.into_iter().map(async |id| (id, shop.peers.orders_of_cart(id).await));
    for (id, answer) in futures::future::join_all(asked).await {
        match answer {
            Ok(orders) => {
                // Oldest first: the newest has the last word.
                for order in orders.into_iter().rev() {
                    take_in(cart, order, &mut learned);
                }
                for open in cart.progress.open.clone().into_iter().filter(|open| open.cart == id) {
                    learned.given_up |= cart.give_up(open.cart, open.version, now_us());
                }
            }
            Err(cause) => tracing::warn!(error = %cause, "what became of a cart is not available"),
        }
    }
    learned
}

fn take_in(cart: &mut Cart, order: Order, learned: &mut Learned) {
    let (before, contents) = (cart.progress.open.len(), cart.lines.clone());
    let is_changed = cart.learn(&order, now_us());
    if is_changed && (cart.progress.open.len() != before || cart.lines != contents) {
        learned.orders.push(order);
    }
}
