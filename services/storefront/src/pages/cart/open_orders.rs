//! Orders of a cart whose end is not known, beside what else is in it.

use maud::{Markup, html};
use shop_contracts::ProductId;
use shop_contracts::catalog::Product;
use shop_contracts::identity::KeptLine;

use super::super::{PageError, Shop};
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

pub(super) fn body(orders: &[OpenOrder]) -> Markup {
    html! {
        @for open in orders {
            section.open-order aria-label="An order that is being confirmed" {
                @match open.order {
                    Some(id) => {
                        h2 { "Being confirmed" }
                        p { "You have ordered this. The payment is not through yet, and you need not order it again. " a href={ "/orders/" (id) } { "See how it stands" } "." }
                    }
                    None => {
                        h2 { "Perhaps ordered" }
                        p { "We do not know yet whether this order arrived. We are looking: in about a minute it is an order, or back in your cart. " a href="/cart" { "Look again" } "." }
                    }
                }
                ul { @for (name, quantity) in &open.lines { li { (quantity) " × " (name) } } }
            }
        }
    }
}
