//! Orders that a visitor without an account has proved to own, by placing them from this browser or by naming number and
//! e-mail: the sealed cookie lets the visitor see them whole, cancel and send back, for a day.

use axum::http::HeaderMap;
use axum::response::Response;
use shop_contracts::OrderId;
use uuid::Uuid;

use super::{Kind, Visitor};
use crate::pages::Shop;

const MOST_ORDERS: usize = 8;
const SECONDS: u64 = 24 * 3600;

/// The orders in the visitor's cookie.
pub(super) fn read(headers: &HeaderMap, shop: &Shop) -> Vec<OrderId> {
    let bytes = shop.cookies.read(headers, Kind::Orders).unwrap_or_default();
    let ids = bytes.as_chunks::<16>().0.iter().take(MOST_ORDERS);
    ids.map(|id| OrderId::new(Uuid::from_bytes(*id))).collect()
}

/// Adds an order to the visitor's cookie.
pub fn keep_guest_order(response: &mut Response, shop: &Shop, visitor: &Visitor, order: OrderId) {
    let others = visitor.guest_orders.iter().filter(|known| **known != order);
    let orders = std::iter::once(&order).chain(others).take(MOST_ORDERS);
    let bytes: Vec<u8> = orders.flat_map(|order| *order.uuid().as_bytes()).collect();
    shop.cookies.set(response, Kind::Orders, &bytes, SECONDS);
}
