//! Orders of a cart whose end is not known, beside what else is in it.

use maud::{Markup, html};
use shop_contracts::ProductId;
use shop_contracts::catalog::Product;
use shop_contracts::identity::KeptLine;

use super::super::{PageError, Shop};
use super::News;
use crate::cart::Cart;

/// An open order as it is shown.
pub(super) struct OpenOrder {
    order: Option<shop_contracts::OrderId>,
    lines: Vec<(String, u32)>,
}

/// The open orders with the names of their products. Contents that may be an order, but of which that is not known, are
/// shown as what is in the cart.
pub(super) async fn load(shop: &Shop, cart: Option<&Cart>) -> Result<Vec<OpenOrder>, PageError> {
    let Some(cart) = cart else { return Ok(Vec::new()) };
    let is_present = |open: &crate::checkout::Open| open.is_of(cart.id, cart.version);
    let shown = cart.progress.open.iter().filter(|open| open.order.is_some() || !is_present(open));
    let orders: Vec<_> = shown
        .map(|open| (open.order, if is_present(open) { cart.pieces() } else { open.lines.clone() }))
        .collect();
    let ids: Vec<ProductId> =
        orders.iter().flat_map(|(_, lines)| lines).map(|line| line.product_id).collect();
    let products = shop.peers.products(&ids).await?;
    let named = |line: KeptLine| (name(&products, line.product_id), line.quantity);
    Ok(orders
        .into_iter()
        .map(|(order, lines)| OpenOrder { order, lines: lines.into_iter().map(named).collect() })
        .collect())
}

fn name(products: &[Product], id: ProductId) -> String {
    let found = products.iter().find(|product| product.id == id);
    found.map_or_else(|| "Something that is no longer sold".to_owned(), |product| product.name.clone())
}

/// One box for all of them, with a line for each.
pub(super) fn body(open: &[OpenOrder], news: &News) -> Markup {
    let orders: Vec<_> = open.iter().filter_map(|open| Some((open.order?, &open.lines))).collect();
    let unknown: Vec<_> = open.iter().filter(|open| open.order.is_none()).map(|open| &open.lines).collect();
    html! {
        @if !open.is_empty() {
            section.open-order aria-label="Orders that are being confirmed" {
                @if !orders.is_empty() {
                    h2 { "Being confirmed" }
                    p {
                        @if orders.len() == 1 {
                            "You have ordered this. The payment is not through yet, and you need not order it again."
                        } @else {
                            "You have ordered these. Their payments are not through yet, and you need not order them again."
                        }
                    }
                    ul { @for (id, lines) in orders { li {
                        a href={ "/orders/" (id) } { (news.number(id).unwrap_or("See how it stands")) } " · " (pieces(lines))
                    } } }
                }
                @if !unknown.is_empty() {
                    h2 { "Perhaps ordered" }
                    p { "We do not know yet whether this order arrived. We are looking: in about a minute it is an order, or back in your cart. " a href="/cart" { "Look again" } "." }
                    ul { @for lines in unknown { li { (pieces(lines)) } } }
                }
            }
        }
    }
}

/// `1 × Moka Pot, 2 × Throw Bag`.
fn pieces(lines: &[(String, u32)]) -> String {
    lines.iter().map(|(name, quantity)| format!("{quantity} × {name}")).collect::<Vec<_>>().join(", ")
}
