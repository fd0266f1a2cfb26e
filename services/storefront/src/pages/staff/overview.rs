//! What waits for somebody: orders that no program could end, returns, parcels to pack, things running out.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::orders::{Order, OrderStatus, ReturnStatus};

use super::member::Staff;
use super::{PageError, Shop, frame, orders, stock};
use crate::view::{Tone, notice};

pub(super) async fn show(State(shop): State<Shop>, staff: Staff) -> Result<Response, PageError> {
    let (review, confirmed, low) = tokio::join!(
        shop.peers.staff_orders(Some(OrderStatus::ManualReview), "", 1),
        shop.peers.staff_orders(Some(OrderStatus::Confirmed), "", 1),
        stock::named(&shop, 1),
    );
    let (review, confirmed) = (review.ok(), confirmed.ok());
    let announced = |order: &&Order| order.returns.iter().any(|back| back.status == ReturnStatus::Requested);
    let body = html! {
        h1 { "Overview" }
        section {
            h2 { "Needs a person" }
            (part(review.as_ref().map(|page| page.orders.iter().collect()), "No order waits for a person."))
            p.hint { a href="/staff/orders?status=manual_review" { "All of them" } }
        }
        section {
            h2 { "Returns on their way" }
            (part(confirmed.as_ref().map(|page| page.orders.iter().filter(announced).collect()), "No return is announced among the newest orders."))
        }
        section {
            h2 { "To be packed" }
            (part(confirmed.as_ref().map(|page| page.orders.iter().filter(|o| o.shipment.is_none()).collect()), "Everything among the newest orders is on its way."))
            p.hint { a href="/staff/orders?status=confirmed" { "All confirmed orders" } }
        }
        section {
            h2 { "Running out" }
            @match low {
                Ok(page) => (stock::table(&page.items.into_iter().take(8).collect::<Vec<_>>())),
                Err(_) => (unknown()),
            }
            p.hint { a href="/staff/stock" { "All stock" } }
        }
    };
    Ok(frame::page(&staff, frame::Part::Overview, "Overview", body))
}

fn part(found: Option<Vec<&Order>>, none: &str) -> Markup {
    match found {
        None => unknown(),
        Some(found) if found.is_empty() => html! { p.hint { (none) } },
        Some(found) => orders::list::table(&found),
    }
}

fn unknown() -> Markup {
    notice(Tone::Bad, html! { p { "This cannot be shown just now: the service behind it does not answer." } })
}
