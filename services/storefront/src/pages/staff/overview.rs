//! What waits for somebody: orders that no program could end, returns, parcels to pack, things running out.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::inventory::StockItem;
use shop_contracts::orders::{OrderPage, OrderStatus};
use shop_instrumentation::client::CallError;

use super::member::Staff;
use super::{PageError, Shop, frame, orders, stock};
use crate::view::{Tone, notice};

pub(super) async fn show(State(shop): State<Shop>, staff: Staff) -> Result<Response, PageError> {
    let (review, returns, parcels, low) = tokio::join!(
        shop.peers.staff_orders(Some(OrderStatus::ManualReview), None, "", 1),
        shop.peers.staff_orders_waiting("return", 1),
        shop.peers.staff_orders_waiting("parcel", 1),
        stock::named(&shop, 1),
    );
    let body = html! {
        h1 { "Overview" }
        section {
            h2 { "Needs a person" }
            (part(review, "No order waits for a person.", "/staff/orders?status=manual_review"))
        }
        section {
            h2 { "Returns on their way" }
            (part(returns, "No return is announced.", "/staff/orders?waiting=return"))
        }
        section {
            h2 { "To be packed" }
            (part(parcels, "Everything is on its way.", "/staff/orders?waiting=parcel"))
        }
        section {
            h2 { "Running out" }
            @match low {
                Ok(page) => (running_out(page.items.into_iter().filter(|(item, _)| stock::is_low(item)).take(8).collect())),
                Err(_) => (unknown()),
            }
            p.hint { a href="/staff/stock" { "All stock" } }
        }
    };
    Ok(frame::page(&staff, frame::Part::Overview, "Overview", body))
}

fn part(found: Result<OrderPage, CallError>, none: &str, all: &str) -> Markup {
    match found {
        Err(_) => unknown(),
        Ok(page) if page.orders.is_empty() => html! { p.hint { (none) } },
        Ok(page) => html! {
            (orders::list::table(&page.orders.iter().collect::<Vec<_>>()))
            p.hint { a href=(all) { "All of them" } }
        },
    }
}

/// What is low; the list is scarcest first, so nothing that is lower stands on a later page.
fn running_out(low: Vec<(StockItem, Option<String>)>) -> Markup {
    html! { @if low.is_empty() { p.hint { "There is enough of everything." } } @else { (stock::table(&low)) } }
}

fn unknown() -> Markup {
    notice(Tone::Bad, html! { p { "This cannot be shown just now: the service behind it does not answer." } })
}
