//! Departments: a page of tiles, filtered and sorted.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};

use super::filters::{PER_PAGE, controls, results, things};
use super::{PageError, Published, Shop, published};
use crate::border::{ListQuery, QueryFields, Slug};
use crate::pages::with_status;
use crate::peers::Listing;
use crate::view::{Frame, Head, ids, structured};
use crate::visitor::Visitor;

/// The list that the catalogue is asked for.
pub(super) fn listing(asked: &ListQuery, category: Option<&str>) -> Listing {
    Listing {
        category: category.map(str::to_owned),
        words: asked.words.clone(),
        exact: asked.exact,
        ungrouped: false,
        maker: asked.maker.clone(),
        min_price: asked.min_price,
        max_price: asked.max_price,
        page: asked.page,
        per_page: PER_PAGE,
        sort: asked.sort,
    }
}

pub(super) async fn category(
    State(shop): State<Shop>,
    slug: Slug,
    query: QueryFields,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, PageError> {
    // A department is looked through, not searched.
    let asked = ListQuery { words: None, exact: false, ..ListQuery::parse(&query)? };
    let path = format!("/c/{}", slug.as_str());
    if !asked.typed.is_fine() {
        let page = Published::new(render(shop.clone(), slug, asked).await?);
        return Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page.answer_unkept(&visitor)));
    }
    let key = asked.address(&path, asked.page);
    published::answer(&shop, &key, &visitor, &headers, || render(shop.clone(), slug, asked)).await
}

async fn render(shop: Shop, slug: Slug, asked: ListQuery) -> Result<Markup, PageError> {
    let slug = slug.as_str();
    let listing = listing(&asked, Some(slug));
    let (menu, page) = tokio::join!(shop.peers.categories(), shop.peers.list(&listing));
    let page = page?;
    let category = menu.iter().find(|category| category.slug == slug);
    if category.is_none() && page.total == 0 {
        return Err(PageError::NotFound);
    }
    let (name, blurb) = category.map_or((slug, ""), |c| (c.name.as_str(), c.blurb.as_str()));
    let path = format!("/c/{slug}");
    let sold_out = shop.peers.sold_out(&ids(&page.items)).await;
    let is_narrowed = !asked.filters().is_empty();
    let body = html! {
        div.wrap {
            nav.crumbs aria-label="You are here" { a href="/" { "Home" } " / " span aria-current="page" { (name) } }
            div.list-head { div { h1 { (name) } p.lead { (blurb) } } }
            (controls(&path, &asked, &page))
            @if page.total == 0 && is_narrowed {
                div.empty {
                    p { "Nothing in " (name) " fits these filters." }
                    p.actions { a.button.quiet href=(asked.unfiltered().address(&path, 1)) { "Show all of " (name) } }
                }
            } @else { (results(&path, &asked, &page, &sold_out)) }
        }
    };
    let title = if asked.page > 1 { format!("{name}, page {}", asked.page) } else { name.to_owned() };
    let description = format!("{blurb} {} from ship chandlers Quarterdeck.", things(page.total));
    let head = Head::titled(&title)
        .description(&description)
        .canonical(shop.public_url.address(&asked.canonical(&path)))
        .data(structured::breadcrumbs(&shop.public_url, &[("Home", "/"), (name, &path)]));
    Ok(Frame::Open.document(&head, "", &menu, Some(slug), body))
}
