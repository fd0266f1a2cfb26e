//! The front of the shop: departments and a handful of things from each.

use std::collections::HashSet;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures::future::join_all;
use maud::{Markup, html};
use shop_contracts::ProductId;
use shop_contracts::catalog::{Category, ProductSummary};

use super::{PageError, Shop, published};
use crate::peers::Listing;
use crate::view::{Frame, Head, Tone, notice, picture, structured, tiles};
use crate::visitor::Visitor;

/// Which product of a department's first page stands for it.
const EXAMPLE: usize = 4;
/// And which is shown with its price.
const PICK: usize = 10;
const DESCRIPTION: &str = "Ship chandlers for people who look after their boats: rope, lamps, navigation, clothing and \
     galley gear, honestly described. Delivery free from €75, sixty days to send it back.";

pub(super) async fn show(
    State(shop): State<Shop>,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, PageError> {
    published::answer(&shop, "/", &visitor, &headers, || render(shop.clone())).await
}

async fn render(shop: Shop) -> Result<Markup, PageError> {
    let peers = &shop.peers;
    let menu = peers.categories().await;
    let departments = join_all(menu.iter().map(|category| {
        let listing =
            Listing { category: Some(category.slug.clone()), page: 1, per_page: 24, ..Listing::default() };
        let peers = peers.clone();
        async move { peers.list(&listing).await.ok() }
    }))
    .await;
    let departments: Vec<(&Category, Vec<ProductSummary>)> = menu
        .iter()
        .zip(departments)
        .map(|(category, page)| (category, page.map(|page| page.items.clone()).unwrap_or_default()))
        .collect();
    let picks: Vec<ProductId> =
        departments.iter().filter_map(|(_, items)| items.get(PICK).map(|item| item.id)).collect();
    let sold_out = shop.peers.sold_out(&picks).await;
    let head = Head::titled("Ship chandlers")
        .description(DESCRIPTION)
        .canonical(shop.public_url.address("/"))
        .data(structured::web_site(&shop.public_url));
    Ok(Frame::Open.document(&head, "", &menu, None, body(&departments, &sold_out)))
}

fn body(departments: &[(&Category, Vec<ProductSummary>)], sold_out: &HashSet<ProductId>) -> Markup {
    let chosen = |at: usize| -> Vec<ProductSummary> {
        departments.iter().filter_map(|(_, items)| items.get(at).cloned()).collect()
    };
    let pictured = chosen(16);
    html! {
        section.hero {
            div.wrap.hero-grid {
                div {
                    p.eyebrow { "Ship chandlers" }
                    h1 { "Good gear, " br; "honestly described." }
                    p.lead { "Rope that splices, lamps that can be repaired, wool for the middle watch. More than two hundred and fifty things that we would take along ourselves." }
                    p.actions {
                        a.button href="/c/navigation" { "Look around" }
                        a.button.quiet href="/c/foul-weather" { "Dress for weather" }
                    }
                }
                div.hero-pictures aria-hidden="true" {
                    @for item in pictured.iter().skip(2).step_by(2).take(3) { (picture(&item.slug, &item.picture_version, 300, false)) }
                }
            }
        }
        @if departments.is_empty() {
            div.wrap { (notice(Tone::Bad, html! { p { strong { "The shelves are out of reach just now." } " The catalogue does not answer; please try again in a moment." } })) }
        } @else {
            section.wrap aria-labelledby="departments" {
                h2 #departments { "Departments" }
                ul.rooms {
                    @for (category, items) in departments {
                        li {
                            a href={ "/c/" (category.slug) } {
                                @if let Some(item) = items.get(EXAMPLE) { (picture(&item.slug, &item.picture_version, 160, false)) }
                                span.room-name { (category.name) }
                                span.room-blurb { (category.blurb) }
                            }
                        }
                    }
                }
            }
            section.wrap aria-labelledby="picks" {
                h2 #picks { "From the shop floor" }
                (tiles(&chosen(PICK), sold_out))
            }
        }
        section.promise {
            ul.wrap {
                li { strong { "Delivery free from €75" } " to ten countries around the North Sea and the Baltic." }
                li { strong { "Sixty days" } " to send it back, unwrapped and even a little salty." }
                li { strong { "Spare parts" } " for what we sell. Pawls, wicks, zip sliders." }
            }
        }
    }
}
