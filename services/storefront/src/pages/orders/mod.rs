//! An order: its number, where it stands, what is in it.
//!
//! An order of an account is shown to that account only. A guest's order is shown to whoever knows its address (an id
//! that cannot be guessed), and therefore without the guest's own address.

use axum::Router;
use axum::extract::{RawPathParams, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use shop_contracts::orders::{Order, OrderStatus};

use super::{PageError, Shop, see_other};
use crate::form::country_name;
use crate::view::{Tone, notice, price};
use crate::visitor::{Visitor, keep_cart, now_us};

pub(super) fn routes() -> Router<Shop> {
    Router::new().route("/orders/{id}", get(show))
}

async fn show(
    State(shop): State<Shop>,
    path: RawPathParams,
    mut visitor: Visitor,
) -> Result<Response, PageError> {
    let id = path.iter().next().and_then(|(_, id)| id.parse().ok()).ok_or(PageError::NotFound)?;
    let order = shop.peers.order(id).await?;
    let asker = visitor.account.as_ref().map(|account| account.account_id);
    match order.account_id {
        Some(_) if asker.is_none() => return Ok(see_other(&format!("/login?return_to=/orders/{id}"))),
        Some(owner) if asker != Some(owner) => return Err(PageError::NotFound),
        _ => {}
    }
    let learned = visitor.cart.as_mut().is_some_and(|cart| cart.learn(&order, now_us()));
    let body = body(&order, order.account_id.is_some());
    let mut response = shop.page(&visitor, &format!("Order {}", order.number), body).await;
    if let Some(cart) = visitor.cart.as_ref().filter(|_| learned) {
        keep_cart(&mut response, &shop, cart);
    }
    Ok(response)
}

/// The word for where an order stands, with its colour.
pub(super) fn status(status: OrderStatus) -> Markup {
    let (class, word) = match status {
        OrderStatus::Confirmed => ("good", "Confirmed"),
        OrderStatus::Pending => ("waiting", "Being confirmed"),
        OrderStatus::Declined => ("bad", "Payment declined"),
        OrderStatus::Rejected => ("bad", "Sold out"),
        OrderStatus::Cancelled => ("bad", "Cancelled"),
        OrderStatus::ManualReview => ("waiting", "Being looked at"),
    };
    html! { span class={ "status " (class) } { (word) } }
}

fn headline(order: &Order) -> (&'static str, Tone, Markup) {
    match order.status {
        OrderStatus::Confirmed => (
            "Thank you. It is yours.",
            Tone::Good,
            html! { p { "Your order is confirmed and paid. A message is on its way to " strong { (masked(&order.email)) } "." } },
        ),
        OrderStatus::Pending | OrderStatus::ManualReview => (
            "We have your order.",
            Tone::Plain,
            html! { p { "The payment is still being confirmed. You need not do anything and need not order again: we will write to " strong { (masked(&order.email)) } ". Load this page again to see how it stands." } },
        ),
        OrderStatus::Declined => (
            "The payment did not go through.",
            Tone::Bad,
            html! { p { "The bank declined the card, so nothing was charged and nothing will be sent." } },
        ),
        OrderStatus::Cancelled => (
            "This order was cancelled.",
            Tone::Plain,
            html! { p { "The money goes back to the card that it came from." } },
        ),
        OrderStatus::Rejected => (
            "Sold out at the last moment.",
            Tone::Bad,
            html! { p { "Something in this order was no longer there. Nothing was charged." } },
        ),
    }
}

fn body(order: &Order, own: bool) -> Markup {
    let (title, tone, text) = headline(order);
    html! {
        div.wrap.narrow.order {
            p.eyebrow { "Order " span #order-number { (order.number) } }
            h1 { (title) }
            (notice(tone, text))
            dl.facts {
                dt { "Status" } dd { (status(order.status)) }
                dt { "Placed" } dd { time datetime=(order.placed_at.to_rfc3339()) { (order.placed_at.format("%-d %B %Y, %H:%M UTC")) } }
                dt { "Goes to" }
                dd {
                    @if own { (order.ship_to.name) ", " (order.ship_to.address1) ", " (order.ship_to.postcode) " " }
                    (order.ship_to.city) ", " (country_name(&order.ship_to.country))
                }
            }
            ul.lines.plain {
                @for line in &order.lines {
                    li.line {
                        div.line-name { @if line.name.is_empty() { "Product " (line.product_id) } @else { (line.name) } p.hint { (line.quantity) " × " (price(line.unit_price)) } }
                        p.line-total { @if let Ok(total) = line.unit_price.checked_mul(line.quantity) { (price(total)) } }
                    }
                }
            }
            dl.sums { dt { "Delivery" } dd { "Included" } dt.total { "Total" } dd.total { (price(order.total)) } }
            p.actions {
                a.button href="/" { "Back to the shop" }
                @if own { a.button.quiet href="/account" { "All your orders" } }
            }
        }
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
