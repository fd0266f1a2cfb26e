//! One order with everything about it, and the forms that change it.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::OrderId;
use shop_contracts::identity::StaffRole;
use shop_contracts::orders::{
    Order, OrderHistory, OrderRefund, OrderReturn, OrderStatus, RefundStatus, ReturnStatus,
};
use shop_contracts::premises::COUNTER;
use shop_instrumentation::ids;

use super::super::forms::{Field, Form, Kind, Refused, answer};
use super::super::frame::csrf;
use super::super::member::Staff;
use super::super::{PageError, Shop, frame};
use super::history::{given_back_for, happened};
use super::standing::Standing;
use crate::border::{PathId, QueryFields};
use crate::form::country_name;
use crate::pages::orders::{NOBODYS, is_fetched, is_nobodys};
use crate::view::{Tone, notice, order_sums, price, promise};

pub(in super::super) async fn show(
    State(shop): State<Shop>,
    staff: Staff,
    PathId(id): PathId,
    query: QueryFields,
) -> Result<Response, PageError> {
    render(&shop, &staff, OrderId::new(id), None, query.get("done")).await
}

/// What was done when pieces are back whose money went back before.
pub(super) const RECEIVED_UNPAID: &str = "receive-unpaid";

/// What was just done, if something was.
fn done(order: &Order, work: &str) -> Option<&'static str> {
    match work {
        "ship" if is_fetched(order) => Some("It is handed over, and the shopper is told."),
        "ship" => Some("The parcel is on its way, and the shopper is told."),
        "cancel" => Some("The order is cancelled. Money and pieces go back."),
        "refund" => Some("The money goes back."),
        "receive" => Some("The return is booked. Pieces go back on the shelf, and the money follows."),
        RECEIVED_UNPAID => {
            Some("The return is booked. Pieces go back on the shelf. The money went back already.")
        }
        "refuse-return" => Some("The return is refused, and the shopper is told why."),
        "resolve" => Some("Noted. What waited for a person goes on from where it stood."),
        _ => None,
    }
}

/// The page of an order, with what came of the last form on top: what was refused of it, or the `work` that it did.
pub(super) async fn render(
    shop: &Shop,
    staff: &Staff,
    id: OrderId,
    refused: Option<&Refused>,
    work: &str,
) -> Result<Response, PageError> {
    let (order, history) = tokio::join!(shop.peers.order(id), shop.peers.order_history(id));
    let order = order?;
    let body = body(staff, &order, history.ok().as_ref(), refused, done(&order, work));
    let page = frame::page(staff, frame::Part::Orders, &format!("Order {}", order.number), body);
    Ok(answer(refused, page))
}

fn body(
    staff: &Staff,
    order: &Order,
    history: Option<&OrderHistory>,
    refused: Option<&Refused>,
    done: Option<&str>,
) -> Markup {
    html! {
        p.crumbs { a href="/staff/orders" { "Orders" } " / " (order.number) }
        h1 { span { "Order " span.nowrap { (order.number) } } " " (Standing::of(order).mark()) }
        @if let Some(refused) = refused { (refused.notice()) }
        @if let Some(text) = done { (notice(Tone::Good, html! { p { (text) } })) }
        @if order.status == OrderStatus::ManualReview {
            (notice(Tone::Bad, html! { p { strong { "No program could end this order." } @if let Some(reason) = &order.reason { " Reason: " code { (reason) } "." } } }))
        } @else if order.needs_person {
            (notice(Tone::Bad, html! { p { strong { "Something that goes back for this order waits for a person." } " The history says what, and why." } }))
        }
        @if order.status == OrderStatus::Confirmed && order.shipment.is_none() && order.all_money_went_back() {
            (notice(Tone::Bad, html! { p { strong { "All of the money went back, and it has not left." } " If it shall not leave, cancel the order: the pieces go back on the shelf." } }))
        }
        div.staff-grid {
            div {
                (facts(order))
                (lines(order))
                (order_sums(order))
                (money(order, history))
                (returns(staff, order, refused))
            }
            @if staff.may(StaffRole::Clerk) { aside aria-label="Actions" { (actions(staff, order, refused)) } }
        }
        h2 { "History" }
        @match history {
            None => (notice(Tone::Bad, html! { p { "The history cannot be shown just now." } })),
            Some(history) => ol.history {
                @for entry in history.entries.iter().rev() {
                    li { time datetime=(entry.at.to_rfc3339()) { (entry.at.format("%-d %b %Y, %H:%M:%S")) } " " (happened(entry, &order.refunds)) }
                }
            },
        }
    }
}

fn facts(order: &Order) -> Markup {
    html! {
        dl.facts {
            dt { "Placed" } dd { (order.placed_at.format("%-d %B %Y,")) " " span.nowrap { (order.placed_at.format("%H:%M:%S UTC")) } }
            dt { "Buyer" }
            dd { @if is_nobodys(order) { (NOBODYS) } @else { @if order.account_id.is_some() { "Account, " } @else { "Guest, " } (order.email) } }
            dt { @if is_fetched(order) { "Picked up in " (COUNTER.city) " by" } @else { "Goes to" } }
            dd {
                @if is_nobodys(order) { (NOBODYS) } @else {
                    (order.ship_to.name) ", " (order.ship_to.address1) ", " (order.ship_to.postcode) " " (order.ship_to.city) ", " (country_name(&order.ship_to.country))
                }
            }
            @if let Some(charges) = &order.charges {
                dt { "Delivery" } dd { (charges.delivery_method.title()) @if !is_fetched(order) || order.shipment.is_none() { ", " (promise(charges.delivery_method)) } }
            }
            @if let Some(shipment) = order.shipment.as_ref().filter(|_| is_fetched(order)) {
                dt { "Collected" } dd { span.nowrap { (shipment.shipped_at.format("%-d %b %Y, %H:%M")) } }
            } @else if let Some(shipment) = &order.shipment {
                dt { "Parcel" } dd { (shipment.carrier) ", " (shipment.tracking_number) ", " span.nowrap { (shipment.shipped_at.format("%-d %b %Y, %H:%M")) } }
            }
        }
    }
}

fn lines(order: &Order) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Lines" {
            table {
                thead { tr { th { "Thing" } th.num { "Pieces" } th.num { "Each" } th.num { "Together" } } }
                tbody {
                    @for line in &order.lines {
                        tr {
                            td { a href={ "/staff/stock/" (line.product_id) } { (line.name) } }
                            td.num { (line.quantity) }
                            td.num { (price(line.unit_price)) }
                            td.num { @if let Ok(total) = line.unit_price.checked_mul(line.quantity) { (price(total)) } }
                        }
                    }
                }
            }
        }
    }
}

fn money(order: &Order, history: Option<&OrderHistory>) -> Markup {
    html! {
        @if !order.refunds.is_empty() {
            h2 { "Money given back" }
            ul #money.book {
                @for refund in &order.refunds {
                    li {
                        div { strong { (price(refund.amount)) } p.hint { (given_back_for(refund, history)) " " span.nowrap { (refund.created_at.format("%-d %b %Y, %H:%M")) } } }
                        (refund_standing(refund))
                    }
                }
            }
        }
    }
}

/// The word for where a refund stands.
fn refund_standing(refund: &OrderRefund) -> Markup {
    html! {
        @match (refund.status, refund.needs_person) {
            (RefundStatus::Pending, true) => span.status.bad { "Not known yet" },
            (RefundStatus::Pending, false) => span.status.waiting { "On its way" },
            (RefundStatus::Refunded, _) => span.status.good { "Given back" },
            (RefundStatus::Failed, _) => span.status.bad { "Refused by the provider" },
        }
    }
}

fn returns(staff: &Staff, order: &Order, refused: Option<&Refused>) -> Markup {
    let name = |line: &shop_contracts::orders::ReturnLine| {
        order.lines.iter().find(|one| one.product_id == line.product_id).map_or("?", |one| one.name.as_str())
    };
    html! {
        @if !order.returns.is_empty() {
            h2 { "Returns" }
            ul.book {
                @for back in &order.returns {
                    li {
                        div {
                            @for line in &back.lines { p { (line.quantity) " × " (name(line)) } }
                            @if !back.reason.is_empty() { p.hint { "“" (back.reason) "”" } }
                        }
                        @if back.status == ReturnStatus::Received { span.status.good { "Received" } }
                        @else if let Some(closed) = &back.closed {
                            div { span.status { (closed.end.as_str()) } @if !closed.reason.is_empty() { p.hint { "“" (closed.reason) "”" } } }
                        }
                        @else if staff.may(StaffRole::Clerk) { (announced(staff, order, back, refused)) }
                        @else { span.status.waiting { "Announced" } }
                    }
                }
            }
        }
    }
}

/// What a clerk does with a return that is on its way.
fn announced(staff: &Staff, order: &Order, back: &OrderReturn, refused: Option<&Refused>) -> Markup {
    let form = Form { name: "refuse-return", refused };
    html! {
        div {
            form.receive action={ "/staff/orders/" (order.id) "/receive" } method="post" data-once="Booking…" {
                (csrf(staff))
                input type="hidden" name="return" value=(back.id);
                button.button.small type="submit" { "It has arrived" }
            }
            details open[form.was_refused()] {
                summary { "Refuse it" }
                form.refuse-return action={ "/staff/orders/" (order.id) "/refuse-return" } method="post" novalidate data-once="Refusing…" {
                    (csrf(staff))
                    input type="hidden" name="return" value=(back.id);
                    (text(form, "reason", "Why, for the shopper", 500))
                    button.button.small.danger type="submit" { "Refuse this return" }
                }
            }
        }
    }
}

fn actions(staff: &Staff, order: &Order, refused: Option<&Refused>) -> Markup {
    let action = |verb: &str| format!("/staff/orders/{}/{verb}", order.id);
    let form = |name| Form { name, refused };
    let left = order.refundable();
    html! {
        @if order.needs_person || order.status == OrderStatus::ManualReview {
            @let form = form("resolve");
            form #resolve-form.card action=(action("resolve")) method="post" novalidate {
                h2 { "Bring it to an end" }
                (csrf(staff))
                (text(form, "note", "What did you find out?", 500))
                div.actions {
                    button.button type="submit" name="resolution" value="retry" { "Try again" }
                    @if order.status == OrderStatus::ManualReview { button.button.danger type="submit" name="resolution" value="cancel" { "Walk it back" } }
                    button.button.quiet type="submit" name="resolution" value="settled" { "I settled it by hand" }
                }
            }
        }
        @if order.status == OrderStatus::Confirmed && order.shipment.is_none() {
            @let form = form("ship");
            form #ship-form.card action=(action("ship")) method="post" novalidate data-once="Booking…" {
                h2 { @if is_fetched(order) { "Hand it over at the counter" } @else { "Hand the parcel over" } }
                (csrf(staff))
                @if !is_fetched(order) {
                    (text(form, "carrier", "Carrier", 60))
                    (text(form, "tracking_number", "Tracking number", 60))
                }
                @if order.all_money_went_back() { (although_refunded(order, form)) }
                button.button type="submit" { @if is_fetched(order) { "Collected" } @else { "Shipped" } }
            }
        }
        @if order.took_money() && left.amount_minor > 0 {
            @let form = form("refund");
            form #refund-form.card action=(action("refund")) method="post" novalidate data-once="Giving back…" {
                h2 { "Give money back" }
                (csrf(staff))
                input type="hidden" name="key" value=(ids::new_id().simple());
                (form.field(&Field { name: "amount", label: &format!("Amount, at most {}", price(left)), longest: 12, kind: Kind::Amount, value: "", required: true }))
                (text(form, "reason", "Why", 500))
                button.button type="submit" { "Give back" }
            }
        }
        @if order.can_cancel {
            @let form = form("cancel");
            details.card.fold open[form.was_refused()] {
                summary { "Cancel this order" }
                form #cancel-form action=(action("cancel")) method="post" novalidate data-once="Cancelling…" {
                    (csrf(staff))
                    p { "It ends here: " (price(left)) " go back to the card, and the pieces back on the shelf." }
                    (text(form, "reason", "Why", 500))
                    button.button.danger type="submit" { "Cancel order " span.nowrap { (order.number) } }
                }
            }
        }
    }
}

/// What a clerk says of something that nobody pays for any more.
fn although_refunded(order: &Order, form: Form<'_>) -> Markup {
    let error = form.error("although_refunded");
    html! {
        div.field.wrong[error.is_some()] {
            label.check for="ship-although_refunded" {
                input #ship-although_refunded type="checkbox" name="although_refunded" value="yes" required checked[form.chosen("although_refunded") == "yes"] aria-invalid=[error.map(|_| "true")] aria-describedby=[error.map(|_| "ship-although_refunded-error")];
                span { @if is_fetched(order) { "Hand it over" } @else { "Send it" } " although all of the money went back" }
            }
            @if let Some(error) = error { p.error #ship-although_refunded-error { (error) } }
        }
    }
}

fn text(form: Form<'_>, name: &'static str, label: &str, longest: usize) -> Markup {
    form.field(&Field { name, label, longest, kind: Kind::Line, value: "", required: true })
}
