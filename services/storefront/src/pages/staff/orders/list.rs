//! All orders, narrowed by where they stand and by number or address.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::orders::Order;

use super::super::member::Staff;
use super::super::{PageError, Shop, frame};
use super::standing::Standing;
use crate::border::QueryFields;
use crate::pages::orders::{is_fetched, is_nobodys};
use crate::view::price;

const LAST_PAGE: u32 = 10_000;
const LONGEST_WORDS: usize = 100;

pub(in super::super) async fn show(
    State(shop): State<Shop>,
    staff: Staff,
    query: QueryFields,
) -> Result<Response, PageError> {
    let chosen = Standing::parse(query.get("status"));
    let words: String = query.get("q").chars().filter(|c| !c.is_control()).take(LONGEST_WORDS).collect();
    let words = words.trim();
    let number = query.page(LAST_PAGE);
    let waiting = Some(query.get("waiting")).filter(|waiting| matches!(*waiting, "parcel" | "return"));
    let page = match waiting {
        Some(waiting) => shop.peers.staff_orders_waiting(waiting, number).await?,
        None => {
            let (status, shipped) = (chosen.map(|one| one.status), chosen.and_then(|one| one.shipped));
            shop.peers.staff_orders(status, shipped, words, number).await?
        }
    };
    let address = |number: u32| {
        if let Some(waiting) = waiting {
            return format!("/staff/orders?page={number}&waiting={waiting}");
        }
        let status = chosen.map(|one| format!("&status={}", one.value)).unwrap_or_default();
        format!("/staff/orders?page={number}&q={}{status}", urlencoding::encode(words))
    };
    let body = html! {
        h1 { @match waiting { Some("parcel") => "To be packed", Some(_) => "Returns on their way", None => "Orders" } }
        @if waiting.is_some() { p.hint { "The oldest first. " a href="/staff/orders" { "All orders" } } }
        @else { (filters(words, chosen)) }
        @if page.orders.is_empty() { div.empty { p { "No order matches." } } } @else { (table(&page.orders.iter().collect::<Vec<_>>())) }
        nav.pager aria-label="Pages" {
            @if page.page > 1 { a href=(address(page.page - 1)) rel="prev" { @if waiting.is_some() { "← Older" } @else { "← Newer" } } }
            @if page.has_more { a href=(address(page.page + 1)) rel="next" { @if waiting.is_some() { "Newer →" } @else { "Older →" } } }
        }
    };
    Ok(frame::page(&staff, frame::Part::Orders, "Orders", body))
}

/// What narrows all orders down; a list of those that wait is whole.
fn filters(words: &str, chosen: Option<&Standing>) -> Markup {
    html! {
        form.filters action="/staff/orders" method="get" role="search" {
            div.field { label for="q" { "Number, or the whole e-mail address" } input #q name="q" value=(words) maxlength=(LONGEST_WORDS); }
            div.field {
                label for="status" { "Status" }
                select #status name="status" {
                    option value="" { "All" }
                    @for one in &Standing::ALL { option value=(one.value) selected[chosen == Some(one)] { (one.word) } }
                }
            }
            button.button.small type="submit" { "Show" }
        }
    }
}

/// Orders as a table, in their order.
pub(in super::super) fn table(orders: &[&Order]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Orders" {
            table.stack {
                thead { tr { th { "Number" } th { "Placed" } th { "Status" } th { "Goes to" } th.num { "Total" } } }
                tbody {
                    @for order in orders {
                        tr {
                            td { a href={ "/staff/orders/" (order.id) } { (order.number) } }
                            td { (order.placed_at.format("%-d %b %Y, %H:%M")) }
                            td {
                                (Standing::of(order).mark())
                                @if order.needs_person && Standing::of(order).status != Standing::NEEDS_PERSON.status { " " (Standing::NEEDS_PERSON.mark()) }
                                @if order.shipment.is_none() && order.all_money_went_back() { p.hint { "Money went back" } }
                            }
                            @if is_fetched(order) { td { (DeliveryMethod::PickUp.title()) } } @else { td data-label="to" { @if is_nobodys(order) { "—" } @else { (order.ship_to.city) } } }
                            td.num { (price(order.total)) }
                        }
                    }
                }
            }
        }
    }
}
