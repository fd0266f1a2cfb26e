//! An order's page.
//!
//! While an order is pending the page loads itself again, less and less often. Once it shows an order that stands, the
//! version of the cart that the order was made from is consumed.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use shop_contracts::ProductId;
use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::orders::{Order, OrderLine, OrderStatus, RETURN_DAYS, RETURN_WITHIN_DAYS, RefundStatus};
use shop_contracts::premises::{COUNTER, COUNTER_HOURS, RETURNS};
use shop_instrumentation::clock;

use super::super::cart;
use super::access::{Access, PathId};
use super::status::{headline, once_more, refund, returned, standing};
use super::{PageError, Shop, see_other};
use crate::border::QueryFields;
use crate::form::country_name;
use crate::view::{Frame, Tone, notice, order_sums, price, promise};
use crate::visitor::account_cart::{self, Looked};
use crate::visitor::open_orders::{self, Ask};
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
            let nothing = "Nothing was chosen. Please say what you send back.";
            let return_error = (query.get("wrong") == "return").then_some(nothing);
            let said = Said { note: note(query.get("done")), return_error };
            Ok(page_with(&shop, visitor, &order, access, said).await)
        }
    }
}

/// What was just done, if something was.
fn note(done: &str) -> Option<Markup> {
    let text = match done {
        "cancelled" => "The order is cancelled. The money goes back to the card that it came from.",
        "returned" => "We know what is coming back. Below it says where to send it, and until when.",
        "kept" => "Noted: you keep it, and nothing comes back.",
        _ => return None,
    };
    Some(notice(Tone::Good, html! { p { (text) } }))
}

/// The page of an order that the visitor may see.
pub(super) async fn page(
    shop: &Shop,
    visitor: Visitor,
    order: &Order,
    access: Access,
    note: Option<Markup>,
) -> Response {
    page_with(shop, visitor, order, access, Said { note, return_error: None }).await
}

/// What a page says besides how the order stands.
pub(super) struct Said {
    /// In place of the headline's text.
    pub note: Option<Markup>,
    /// At the form for returns, which is open then.
    pub return_error: Option<&'static str>,
}

/// The page of an order that the visitor may see.
pub(super) async fn page_with(
    shop: &Shop,
    mut visitor: Visitor,
    order: &Order,
    access: Access,
    said: Said,
) -> Response {
    let looked = account_cart::look(shop, &mut visitor).await;
    let mut learned = false;
    if let Some(cart) = &mut visitor.cart {
        let before = cart.clone();
        if cart.is_news(order) {
            open_orders::learn(shop, cart, Ask::All).await;
        } else {
            cart.learn(order, now_us());
        }
        learned = *cart != before;
    }
    // Where the cart is kept as it is now, no later page would tell it.
    let is_told = learned && looked == Looked::Joined;
    let body = html! {
        @if is_told { div.wrap.narrow { (cart::joined()) } }
        (body(&visitor, order, access, said))
    };
    let mut response = shop.page(&visitor, &format!("Order {}", order.number), body).await;
    if let Some(cart) = visitor.cart.as_ref().filter(|_| learned) {
        keep_cart(&mut response, cart);
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

fn body(visitor: &Visitor, order: &Order, access: Access, said: Said) -> Markup {
    let own = access == Access::Own;
    let (title, tone, text) = headline(order, own);
    let again = visitor.cart.as_ref().filter(|cart| cart.holds(order)).and_then(|_| once_more(order));
    html! {
        div.wrap.narrow.order {
            p.eyebrow { "Order " span #order-number { (order.number) } }
            h1 { (title) }
            @match said.note {
                Some(note) => (note),
                None => (notice(tone, html! { (text) @if let Some(again) = &again { p #cart-kept { (again.text) } } })),
            }
            dl.facts {
                dt { "Status" } dd #order-status { (standing(order)) }
                dt { "Placed" } dd { time datetime=(order.placed_at.to_rfc3339()) { (order.placed_at.format("%-d %B %Y,")) " " span.nowrap { (order.placed_at.format("%H:%M UTC")) } } }
                @if let Some(parcel) = order.shipment.as_ref().filter(|_| is_fetched(order)) {
                    dt { "Collected" } dd { (parcel.shipped_at.format("%-d %B %Y")) }
                } @else if let Some(parcel) = &order.shipment {
                    dt { "Parcel" }
                    dd { (parcel.carrier) ", " @if own { span #tracking-number { (parcel.tracking_number) } ", " } "left on " span.nowrap { (parcel.shipped_at.format("%-d %B %Y")) } }
                }
                @if let Some(charges) = &order.charges {
                    dt { "Delivery" } dd #order-delivery { (charges.delivery_method.title()) @if is_awaited(order) && !is_collected(order) { ", " (promise(charges.delivery_method)) } }
                }
                @if is_fetched(order) {
                    @if is_awaited(order) && !is_collected(order) {
                        dt { "Collect it at" } dd #collect-at { (COUNTER.line()) br; (COUNTER_HOURS) }
                    }
                } @else {
                    dt { "Goes to" }
                    dd {
                        @if is_nobodys(order) { (NOBODYS) } @else {
                            @if own { (order.ship_to.name) ", " (order.ship_to.address1) ", " (order.ship_to.postcode) " " }
                            (order.ship_to.city) ", " (country_name(&order.ship_to.country))
                        }
                    }
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
                @if order.can_return { (return_form(visitor, order, said.return_error)) }
            } @else if order.can_cancel || order.can_return {
                p.hint { "To cancel or to send something back, " a href={ "/orders/lookup?number=" (order.number) } { "tell us the e-mail address" } " that this order was placed with." }
            }
            p.actions {
                @if let Some(again) = &again { a.button href=(again.href) { (again.label) } }
                a.button.quiet[again.is_some()] href="/" { "Back to the shop" }
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

/// Whether the buyer comes for it.
pub(in crate::pages) fn is_fetched(order: &Order) -> bool {
    order.charges.as_ref().is_some_and(|charges| charges.delivery_method == DeliveryMethod::PickUp)
}

/// In place of what an order does not say any more.
pub(in crate::pages) const NOBODYS: &str = "Removed: an old order names nobody.";

/// Whether the order has lost everything that names a person.
pub(in crate::pages) fn is_nobodys(order: &Order) -> bool {
    order.ship_to.name.is_empty() && order.ship_to.city.is_empty()
}

/// Whether the buyer came for it.
pub(super) fn is_collected(order: &Order) -> bool {
    is_fetched(order) && order.shipment.is_some()
}

/// Whether it is still to come to the buyer, or may be.
fn is_awaited(order: &Order) -> bool {
    matches!(order.status, OrderStatus::Confirmed | OrderStatus::Pending | OrderStatus::ManualReview)
}

fn returns(order: &Order, owner: Option<&Visitor>) -> Markup {
    let awaited = order.returns.iter().filter(|one| one.is_announced()).map(|one| one.created_at).max();
    html! {
        @if !order.returns.is_empty() {
            h2 { "Sent back" }
            @if let Some(announced) = awaited.filter(|_| owner.is_some()) {
                p #send-to { "Please send it until " (send_until(announced).format("%-d %B %Y")) " to " strong { (RETURNS.line()) } ", with the number " strong.nowrap { (order.number) } " in the parcel." }
            }
            ul.lines.plain #returns {
                @for one in &order.returns {
                    li.line {
                        div.line-name {
                            (returned(one))
                            p.hint { "Announced on " (one.created_at.format("%-d %B %Y")) }
                            @for line in &one.lines {
                                p.hint { (line.quantity) " × " (named(order, line.product_id)) }
                            }
                            @if let Some(closed) = one.closed.as_ref().filter(|closed| owner.is_some() && !closed.reason.is_empty()) { p.hint { "“" (closed.reason) "”" } }
                            @if let Some(visitor) = owner.filter(|_| one.is_announced()) {
                                form.withdraw action={ "/orders/" (order.id) "/returns/withdraw" } method="post" data-once="Noting…" {
                                    (Frame::For(visitor).csrf())
                                    input type="hidden" name="return" value=(one.id);
                                    button.button.quiet.small type="submit" { "Keep it after all" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn send_until(announced: DateTime<Utc>) -> DateTime<Utc> {
    announced + chrono::Duration::days(RETURN_WITHIN_DAYS)
}

fn cancel_form(visitor: &Visitor, order: &Order) -> Markup {
    html! {
        details.order-action {
            summary { "Cancel this order" }
            form #cancel-form.form action={ "/orders/" (order.id) "/cancel" } method="post" data-once="Cancelling…" {
                (Frame::For(visitor).csrf())
                p { "It has not left our house yet. The whole amount goes back to the card that paid." }
                button.button type="submit" { span { "Cancel order " span.nowrap { (order.number) } } }
            }
        }
    }
}

/// What becomes of the money for pieces that are sent back.
fn money_for_it(order: &Order) -> &'static str {
    let is_done = order.refunds.iter().all(|one| one.status != RefundStatus::Pending);
    match (order.all_money_went_back(), is_done) {
        (false, _) => "The money follows when it is back with us.",
        (true, true) => "Your money went back already.",
        (true, false) => "Your money is on its way back already.",
    }
}

fn return_form(visitor: &Visitor, order: &Order, error: Option<&str>) -> Markup {
    let until = order.placed_at + chrono::Duration::days(RETURN_DAYS);
    html! {
        details.order-action open[error.is_some()] {
            summary { "Send something back" }
            form #return-form.form action={ "/orders/" (order.id) "/returns" } method="post" data-once="Sending…" {
                (Frame::For(visitor).csrf())
                input type="hidden" name="known" value=(order.returns.len());
                p { "Until " (until.format("%-d %B %Y")) ", unwrapped and even a little salty. It goes to " (RETURNS.line()) "; send it within " (RETURN_WITHIN_DAYS) " days after you announced it. " (money_for_it(order)) }
                @if let Some(error) = error { p #return-error.error role="alert" { (error) } }
                @for (product, left) in order.returnable().into_iter().filter(|(_, left)| *left > 0) {
                    div.field.return-line {
                        label for={ "line-" (product) } { (named(order, product)) }
                        select id={ "line-" (product) } name={ "line-" (product) } aria-invalid=[error.map(|_| "true")] aria-describedby=[error.map(|_| "return-error")] {
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
