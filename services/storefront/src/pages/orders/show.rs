//! An order's page.
//!
//! While an order is pending the page loads itself again, less and less often. Once it shows an order that stands, the
//! version of the cart that the order was made from is consumed.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::ProductId;
use shop_contracts::orders::{Order, OrderLine, OrderStatus, RETURN_DAYS};
use shop_instrumentation::clock;

use super::access::{Access, PathId};
use super::status::{headline, refund, returned, standing};
use super::{PageError, Shop, see_other};
use crate::border::QueryFields;
use crate::form::country_name;
use crate::view::{Frame, Tone, notice, order_sums, price, promise};
use crate::visitor::{Visitor, keep_cart, now_us};

pub(super) async fn show(
    State(shop): State<Shop>,
    PathId(id): PathId,
    query: QueryFields,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let (order, visitor) = tokio::join!(shop.peers.order(id), visitor.confirmed(&shop));
    let order = order?;
    let access = Access::of(&visitor, &order);
    match access {
        Access::LogIn => Ok(see_other(&format!("/login?return_to=/orders/{id}"))),
        Access::Denied => Err(PageError::NotFound),
        Access::Own | Access::Glance => {
            Ok(page(&shop, visitor, &order, access, note(query.get("done"))).await)
        }
    }
}

/// What was just done, if something was.
fn note(done: &str) -> Option<Markup> {
    let text = match done {
        "cancelled" => "The order is cancelled. The money goes back to the card that it came from.",
        "returned" => "We know what is coming back. Put the order's number into the parcel.",
        "kept" => "Noted: you keep it, and nothing comes back.",
        _ => return None,
    };
    Some(notice(Tone::Good, html! { p { (text) } }))
}

/// The page of an order that the visitor may see, with a note above it.
pub(super) async fn page(
    shop: &Shop,
    mut visitor: Visitor,
    order: &Order,
    access: Access,
    note: Option<Markup>,
) -> Response {
    let learned = visitor.cart.as_mut().is_some_and(|cart| cart.learn(order, now_us()));
    let body = body(&visitor, order, access, note);
    let mut response = shop.page(&visitor, &format!("Order {}", order.number), body).await;
    if let Some(cart) = visitor.cart.as_ref().filter(|_| learned) {
        keep_cart(&mut response, shop, cart);
    }
    let age = (clock::now() - order.placed_at).num_seconds();
    if let Some(seconds) = refresh(order.status, age) {
        response.headers_mut().insert(HeaderName::from_static("refresh"), HeaderValue::from(seconds));
    }
    response
}

/// After how many seconds the page of an order of this age loads itself again.
fn refresh(status: OrderStatus, age_seconds: i64) -> Option<u32> {
    match (status, age_seconds) {
        (OrderStatus::Pending, ..60) => Some(3),
        (OrderStatus::Pending, ..1_800) => Some(15),
        _ => None,
    }
}

fn body(visitor: &Visitor, order: &Order, access: Access, note: Option<Markup>) -> Markup {
    let (title, tone, text) = headline(order);
    let own = access == Access::Own;
    html! {
        div.wrap.narrow.order {
            p.eyebrow { "Order " span #order-number { (order.number) } }
            h1 { (title) }
            @match note { Some(note) => (note), None => (notice(tone, text)) }
            dl.facts {
                dt { "Status" } dd #order-status { (standing(order)) }
                dt { "Placed" } dd { time datetime=(order.placed_at.to_rfc3339()) { (order.placed_at.format("%-d %B %Y, %H:%M UTC")) } }
                @if let Some(parcel) = &order.shipment {
                    dt { "Parcel" }
                    dd { (parcel.carrier) ", " @if own { span #tracking-number { (parcel.tracking_number) } ", " } "left on " (parcel.shipped_at.format("%-d %B %Y")) }
                }
                @if let Some(charges) = &order.charges {
                    dt { "Delivery" } dd #order-delivery { (charges.delivery_method.title()) ", " (promise(charges.delivery_method)) }
                }
                dt { "Goes to" }
                dd {
                    @if own { (order.ship_to.name) ", " (order.ship_to.address1) ", " (order.ship_to.postcode) " " }
                    (order.ship_to.city) ", " (country_name(&order.ship_to.country))
                }
            }
            ul.lines.plain {
                @for line in &order.lines {
                    li.line {
                        div.line-name { (name(line)) p.hint { (line.quantity) " × " (price(line.unit_price)) } }
                        p.line-total { @if let Ok(total) = line.unit_price.checked_mul(line.quantity) { (price(total)) } }
                    }
                }
            }
            (order_sums(order))
            (refunds(order))
            (returns(order, Some(visitor).filter(|_| own)))
            @if own {
                @if order.can_cancel { (cancel_form(visitor, order)) }
                @if order.can_return { (return_form(visitor, order)) }
            } @else if order.can_cancel || order.can_return {
                p.hint { "To cancel or to send something back, " a href={ "/orders/lookup?number=" (order.number) } { "tell us the e-mail address" } " that this order was placed with." }
            }
            p.actions {
                a.button href="/" { "Back to the shop" }
                @if order.account_id.is_some() { a.button.quiet href="/account" { "All your orders" } }
            }
        }
    }
}

fn name(line: &OrderLine) -> Markup {
    html! { @if line.name.is_empty() { "Product " (line.product_id) } @else { (line.name) } }
}

fn named(order: &Order, product: ProductId) -> Markup {
    match order.lines.iter().find(|line| line.product_id == product) {
        Some(line) => name(line),
        None => html! { "Product " (product) },
    }
}

fn refunds(order: &Order) -> Markup {
    html! {
        @if !order.refunds.is_empty() {
            h2 { "Money back" }
            ul.lines.plain #refunds {
                @for one in &order.refunds {
                    li.line {
                        div.line-name { (refund(one)) p.hint { (one.created_at.format("%-d %B %Y")) " · to the card that paid" @if let Some(tax) = one.tax.filter(|tax| tax.amount_minor > 0) { " · VAT in it " (price(tax)) } } }
                        p.line-total { (price(one.amount)) }
                    }
                }
            }
        }
    }
}

fn returns(order: &Order, owner: Option<&Visitor>) -> Markup {
    html! {
        @if !order.returns.is_empty() {
            h2 { "Sent back" }
            ul.lines.plain #returns {
                @for one in &order.returns {
                    li.line {
                        div.line-name {
                            (returned(one))
                            @for line in &one.lines {
                                p.hint { (line.quantity) " × " (named(order, line.product_id)) }
                            }
                            @if let Some(closed) = one.closed.as_ref().filter(|closed| owner.is_some() && !closed.reason.is_empty()) { p.hint { "“" (closed.reason) "”" } }
                            @if let Some(visitor) = owner.filter(|_| one.is_announced()) {
                                form.withdraw action={ "/orders/" (order.id) "/returns/withdraw" } method="post" data-once="Noting…" {
                                    (Frame::For(visitor).csrf())
                                    input type="hidden" name="return" value=(one.id);
                                    button.button.quiet type="submit" { "Keep it after all" }
                                }
                            }
                        }
                        p.line-total { (one.created_at.format("%-d %b")) }
                    }
                }
            }
        }
    }
}

fn cancel_form(visitor: &Visitor, order: &Order) -> Markup {
    html! {
        details.order-action {
            summary { "Cancel this order" }
            form #cancel-form.form action={ "/orders/" (order.id) "/cancel" } method="post" data-once="Cancelling…" {
                (Frame::For(visitor).csrf())
                p { "It has not left our house yet. The whole amount goes back to the card that paid." }
                button.button type="submit" { "Cancel order " span.nowrap { (order.number) } }
            }
        }
    }
}

fn return_form(visitor: &Visitor, order: &Order) -> Markup {
    let until = order.placed_at + chrono::Duration::days(RETURN_DAYS);
    html! {
        details.order-action {
            summary { "Send something back" }
            form #return-form.form action={ "/orders/" (order.id) "/returns" } method="post" data-once="Sending…" {
                (Frame::For(visitor).csrf())
                input type="hidden" name="known" value=(order.returns.len());
                p { "Until " (until.format("%-d %B %Y")) ", unwrapped and even a little salty. The money follows when it is back with us." }
                @for (product, left) in order.returnable().into_iter().filter(|(_, left)| *left > 0) {
                    div.field.return-line {
                        label for={ "line-" (product) } { (named(order, product)) }
                        select id={ "line-" (product) } name={ "line-" (product) } {
                            @for n in 0..=left { option value=(n) { @match n { 0 => "Keep", n => { "Send back " (n) } } } }
                        }
                    }
                }
                div.field {
                    label for="reason" { "Why, if you like" }
                    input #reason name="reason" maxlength="200" autocomplete="off";
                }
                button.button type="submit" { "Announce the return" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pending_pages_load_themselves_again_and_not_for_ever() {
        assert_eq!(refresh(OrderStatus::Pending, 1), Some(3));
        assert_eq!(refresh(OrderStatus::Pending, 600), Some(15));
        assert_eq!(refresh(OrderStatus::Pending, 86_400), None);
        assert_eq!(refresh(OrderStatus::Confirmed, 1), None);
    }
}
