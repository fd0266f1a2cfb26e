//! Departments and search results: a page of tiles, sorted.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::catalog::{ProductPage, Sort};

use super::{PageError, Published, Shop, published};
use crate::border::{QueryFields, Slug};
use crate::peers::{Listing, Peers};
use crate::view::{Frame, pager, tiles};
use crate::visitor::Visitor;

const PER_PAGE: u32 = 24;
const LAST_PAGE: u32 = 10_000;
const LONGEST_SEARCH: usize = 200;

/// What a query asks for. Page and order are typed and mangled by people: nonsense is the first page in plain order.
fn listing(query: &QueryFields) -> Result<Listing, PageError> {
    let words = query.get("q").trim();
    if words.chars().count() > LONGEST_SEARCH {
        return Err(PageError::BadAddress(format!("q is longer than {LONGEST_SEARCH} characters")));
    }
    if words.contains(char::is_control) {
        return Err(PageError::BadAddress("q holds a control character".to_owned()));
    }
    Ok(Listing {
        category: None,
        words: (!words.is_empty()).then(|| words.to_owned()),
        page: query.page(LAST_PAGE),
        per_page: PER_PAGE,
        sort: query.get("sort").parse().unwrap_or_default(),
    })
}

pub(super) async fn category(
    State(shop): State<Shop>,
    slug: Slug,
    query: QueryFields,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let slug = slug.as_str().to_owned();
    let listing = Listing { category: Some(slug.clone()), words: None, ..listing(&query)? };
    let key = address(&format!("/c/{slug}"), &listing, listing.page);
    let render = || render_category(shop.peers.clone(), slug, listing);
    published::answer(&shop, &key, &visitor, &headers, render).await
}

async fn render_category(peers: Peers, slug: String, listing: Listing) -> Result<Markup, PageError> {
    let (menu, page) = tokio::join!(peers.categories(), peers.list(&listing));
    let page = page?;
    let category = menu.iter().find(|category| category.slug == slug);
    if category.is_none() && page.total == 0 {
        return Err(PageError::NotFound);
    }
    let (name, blurb) = category.map_or((slug.as_str(), ""), |c| (c.name.as_str(), c.blurb.as_str()));
    let path = format!("/c/{slug}");
    let body = html! {
        div.wrap {
            nav.crumbs aria-label="You are here" { a href="/" { "Home" } " / " span aria-current="page" { (name) } }
            div.list-head {
                div { h1 { (name) } p.lead { (blurb) } }
                (sorting(&path, None, listing.sort))
            }
            (results(&path, &listing, &page))
        }
    };
    Ok(Frame::Open.page(name, "", &menu, Some(&slug), body))
}

/// Rendered for each who asks: hardly two look for the same.
pub(super) async fn search(
    State(shop): State<Shop>,
    query: QueryFields,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let listing = listing(&query)?;
    let page = match listing.words.clone() {
        Some(words) => render_search(&shop.peers, &words, &listing).await?,
        None => {
            let body = html! { div.wrap.narrow.lost { h1 { "What are you looking for?" } p.lead { "Type a word or two into the field above: “reefing”, “oxblood lantern”, “7 × 50”." } } };
            Frame::Open.page("Search", "", &shop.peers.categories().await, None, body)
        }
    };
    Ok(Published::new(page).answer(&visitor, &headers))
}

async fn render_search(peers: &Peers, words: &str, listing: &Listing) -> Result<Markup, PageError> {
    let (menu, page) = tokio::join!(peers.categories(), peers.list(listing));
    let page = page?;
    let body = html! {
        div.wrap {
            div.list-head {
                div {
                    h1 { "“" (words) "”" }
                    p.lead { @match page.total { 0 => "Nothing found", 1 => "One thing found", many => { (many) " things found" } } }
                }
                @if page.total > 1 { (sorting("/search", Some(words), listing.sort)) }
            }
            @if page.total == 0 {
                div.empty {
                    p { "We have nothing by that name. Try fewer or shorter words, or look through a department:" }
                    ul.chips { @for category in menu.iter() { li { a href={ "/c/" (category.slug) } { (category.name) } } } }
                }
            } @else { (results("/search", listing, &page)) }
        }
    };
    Ok(Frame::Open.page(&format!("Search: {words}"), words, &menu, None, body))
}

fn results(path: &str, listing: &Listing, page: &ProductPage) -> Markup {
    let first = u64::from(page.page - 1) * u64::from(page.per_page) + 1;
    let last = first + page.items.len() as u64;
    html! {
        @if page.items.is_empty() {
            div.empty { p { "This page of the list is empty. " a href=(path) { "Back to its beginning" } } }
        } @else {
            p.count-line { (first) "–" (last - 1) " of " (page.total) }
            (tiles(&page.items))
        }
        (pager(page, |number| address(path, listing, number)))
    }
}

/// A plain form: the button is there for those without JavaScript, the script sends it on a change.
fn sorting(path: &str, words: Option<&str>, chosen: Sort) -> Markup {
    let name = |sort| match sort {
        Sort::Relevance if words.is_some() => "Best match",
        Sort::Relevance => "Our choice",
        Sort::PriceAsc => "Price, low to high",
        Sort::PriceDesc => "Price, high to low",
        Sort::Name => "Name",
    };
    html! {
        form.sorting action=(path) method="get" data-send-on-change {
            @if let Some(words) = words { input type="hidden" name="q" value=(words); }
            label for="sort" { "Sort by" }
            select #sort name="sort" {
                @for sort in Sort::ALL { option value=(sort) selected[sort == chosen] { (name(sort)) } }
            }
            button.button.quiet.small type="submit" { "Apply" }
        }
    }
}

fn address(path: &str, listing: &Listing, page: u32) -> String {
    let mut parts = Vec::new();
    if let Some(words) = &listing.words {
        parts.push(format!("q={}", urlencoding::encode(words)));
    }
    if listing.sort != Sort::default() {
        parts.push(format!("sort={}", listing.sort));
    }
    if page > 1 {
        parts.push(format!("page={page}"));
    }
    if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::border::Pairs;

    #[test]
    fn addresses_carry_only_what_differs_from_the_plain_list() {
        let listing = Listing { words: Some("a b&c".to_owned()), sort: Sort::PriceAsc, ..Listing::default() };
        assert_eq!(address("/search", &listing, 3), "/search?q=a%20b%26c&sort=price_asc&page=3");
        assert_eq!(address("/c/x", &Listing::default(), 1), "/c/x");
    }

    #[test]
    fn mangled_page_and_order_fall_back_and_words_that_are_no_text_are_refused() {
        let ask = |query: &[u8]| listing(&QueryFields(Pairs::decode(query).unwrap()));
        let plain = ask(b"q=+&page=-4&sort=up").unwrap();
        assert_eq!((plain.words, plain.page, plain.sort), (None, 1, Sort::Relevance));
        assert!(ask(format!("q={}", "a".repeat(201)).as_bytes()).is_err());
        assert!(ask(b"q=a%0Ab").is_err());
    }
}
