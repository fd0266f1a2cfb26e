//! Search: what was found, what was searched instead, and where else to look.

use std::collections::HashSet;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::catalog::{Category, ProductPage, ProductSummary};

use super::filters::{controls, results, things};
use super::listing::listing;
use super::{PageError, Published, Shop};
use crate::border::{ListQuery, QueryFields};
use crate::pages::with_status;
use crate::peers::Peers;
use crate::view::{Frame, Head, ids, tiles};
use crate::visitor::Visitor;

const PATH: &str = "/search";
/// Suggestions on a page that found nothing: a row of tiles.
const SUGGESTED: usize = 4;

/// Rendered for each who asks: hardly two look for the same.
pub(super) async fn search(
    State(shop): State<Shop>,
    query: QueryFields,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let asked = ListQuery::parse(&query)?;
    let page = match asked.words.clone() {
        Some(words) => Published::new(render(&shop, &words, &asked).await?),
        None => Published::new(render_question(&shop).await),
    };
    if asked.typed.is_fine() {
        return Ok(page.answer(&visitor, &headers));
    }
    Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page.answer_unkept(&visitor)))
}

async fn render_question(shop: &Shop) -> Markup {
    let body = html! {
        div.wrap.narrow.lost {
            h1 { "What are you looking for?" }
            p.lead { "Type a word or two into the field above: “reefing”, “oxblood lantern”, “7 × 50”." }
        }
    };
    let head = Head::titled("Search").canonical(shop.public_url.address(PATH));
    Frame::Open.document(&head, "", &shop.peers.categories().await, None, body)
}

async fn render(shop: &Shop, words: &str, asked: &ListQuery) -> Result<Markup, PageError> {
    let listing = listing(asked, None);
    let (menu, page) = tokio::join!(shop.peers.categories(), shop.peers.list(&listing));
    let page = page?;
    let sold_out = shop.peers.sold_out(&ids(&page.items)).await;
    let is_narrowed = !asked.filters().is_empty();
    let meant = page.corrected.as_deref();
    let body = html! {
        div.wrap {
            div.list-head {
                div {
                    h1 { "“" (meant.unwrap_or(words)) "”" }
                    @if let Some(meant) = meant { (corrected(words, meant, asked)) }
                    @if page.total == 0 { p.lead { "Nothing found" } }
                }
            }
            @if page.total > 1 || is_narrowed || !asked.typed.is_fine() { (controls(PATH, asked, &page)) }
            @if page.total > 0 { (results(PATH, asked, &page, &sold_out)) }
            @else if is_narrowed { (nothing_fits(asked)) }
            @else { (nothing(words, &suggestions(&shop.peers, words).await, &menu)) }
        }
    };
    let head =
        Head::titled(&title(words, asked.page)).canonical(shop.public_url.address(&asked.canonical(PATH)));
    let head = if page.total == 0 { head.hidden() } else { head.description(&description(words, &page)) };
    Ok(Frame::Open.document(&head, words, &menu, None, body))
}

fn title(words: &str, page: u32) -> String {
    if page > 1 { format!("Search: {words}, page {page}") } else { format!("Search: {words}") }
}

fn description(words: &str, page: &ProductPage) -> String {
    format!("{} for “{words}” from ship chandlers Quarterdeck.", things(page.total))
}

fn corrected(words: &str, meant: &str, asked: &ListQuery) -> Markup {
    let insist = ListQuery { exact: true, page: 1, ..asked.clone() };
    html! {
        p.corrected {
            "Showing results for “" strong { (meant) } "”. Search instead for "
            a href=(insist.address(PATH, 1)) { "“" (words) "”" } "."
        }
    }
}

fn nothing_fits(asked: &ListQuery) -> Markup {
    html! {
        div.empty {
            p { "Nothing by that name fits these filters." }
            p.actions { a.button.quiet href=(asked.unfiltered().address(PATH, 1)) { "Search without filters" } }
        }
    }
}

fn nothing(words: &str, suggested: &[ProductSummary], menu: &[Category]) -> Markup {
    html! {
        @if !suggested.is_empty() {
            section.suggested aria-labelledby="suggested" {
                h2 #suggested { "Perhaps one of these" }
                (tiles(suggested, &HashSet::new()))
            }
        }
        div.empty {
            p { "We have nothing called “" (words) "”. Try fewer or shorter words, or look through a department:" }
            ul.chips { @for category in menu { li { a href={ "/c/" (category.slug) } { (category.name) } } } }
        }
    }
}

/// What the words may mean, together or else one by one. A page that found nothing can do without.
async fn suggestions(peers: &Peers, words: &str) -> Vec<ProductSummary> {
    let mut found: Vec<ProductSummary> = Vec::new();
    let single = words.split_whitespace().filter(|word| word.chars().count() > 2).take(3);
    for asked in std::iter::once(words).chain(single.filter(|word| *word != words)) {
        match peers.suggest(asked).await {
            Ok(products) => {
                for product in products {
                    if !found.iter().any(|known| known.id == product.id) {
                        found.push(product);
                    }
                }
            }
            Err(cause) => tracing::warn!(error = %cause, "suggestions are not available"),
        }
        if found.len() >= SUGGESTED {
            break;
        }
    }
    found.truncate(SUGGESTED);
    found
}
