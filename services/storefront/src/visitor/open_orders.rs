//! What became of a cart's orders, asked at orders.

use std::collections::BTreeMap;

use futures::future::join_all;
use shop_contracts::OrderId;
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
    /// Numbers of the orders that were asked about, for people.
    pub numbers: BTreeMap<OrderId, String>,
}

/// Has a cart learn what became of its orders. Without an answer it stays as it is.
pub async fn learn(shop: &Shop, cart: &mut Cart, ask: Ask) -> Learned {
    let mut learned = Learned::default();
    let mut carts: Vec<CartId> = Vec::new();
    if ask == Ask::All && !cart.is_empty() {
        carts.push(cart.id);
        carts.extend(cart.merged.iter().map(|one| one.id));
    }
    let open = &cart.progress.open;
    let known: Vec<OrderId> = open.iter().filter_map(|open| open.order).collect();
    for open in open.iter().filter(|open| open.order.is_none()) {
        if !carts.contains(&open.cart) {
            carts.push(open.cart);
        }
    }
    // One after the other would be as many times the way. A cart knows of a few only.
    let orders = known.into_iter().map(|id| shop.peers.order(id));
    let of_carts = carts.into_iter().map(async |id| (id, shop.peers.orders_of_cart(id).await));
    let (orders, of_carts) = tokio::join!(join_all(orders), join_all(of_carts));
    for answer in orders {
        match answer {
            Ok(order) => take_in(cart, order, &mut learned),
            Err(cause) => tracing::warn!(error = %cause, "an open order is not available"),
        }
    }
    for (id, answer) in of_carts {
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
    learned.numbers.insert(order.id, order.number.clone());
    let (before, contents) = (cart.progress.open.len(), cart.lines.clone());
    let is_changed = cart.learn(&order, now_us());
    if is_changed && (cart.progress.open.len() != before || cart.lines != contents) {
        learned.orders.push(order);
    }
}
