//! A product.

use std::collections::HashSet;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::ProductId;
use shop_contracts::catalog::{Product, ProductSummary};

use super::{PageError, Shop, options, published};
use crate::border::Slug;
use crate::public_url::PublicUrl;
use crate::view::{Frame, Head, picture, price, stock_line, structured, tiles};
use crate::visitor::Visitor;

/// Products like it that are shown: a row of tiles.
const RELATED: usize = 4;

pub(super) async fn show(
    State(shop): State<Shop>,
    slug: Slug,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let key = format!("/p/{}", slug.as_str());
    published::answer(&shop, &key, &visitor, &headers, || render(shop.clone(), slug)).await
}

async fn render(shop: Shop, slug: Slug) -> Result<Markup, PageError> {
    let peers = &shop.peers;
    let (menu, product, related) =
        tokio::join!(peers.categories(), peers.product(slug.as_str()), peers.related(slug.as_str()));
    let product = product?;
    let siblings = product.variants.iter().flat_map(|group| &group.variants).map(|variant| variant.id);
    let ids: Vec<ProductId> =
        [product.id].into_iter().chain(siblings.filter(|id| *id != product.id)).collect();
    let stock = peers.stock(&ids).await;
    let available = stock.as_ref().map(|levels| levels.get(&product.id).copied().unwrap_or(0));
    let head = head(&shop.public_url, &product, available);
    let options = options::pickers(&product, stock.as_ref());
    let related: Vec<ProductSummary> = related.into_iter().take(RELATED).map(summary).collect();
    Ok(Frame::Open.document(
        &head,
        "",
        &menu,
        Some(&product.category),
        body(&product, available, &options, &related),
    ))
}

fn head(url: &PublicUrl, product: &Product, available: Option<u32>) -> Head {
    let (path, category) = (format!("/p/{}", product.slug), format!("/c/{}", product.category));
    let way = [("Home", "/"), (&product.category_name, &category), (&product.name, &path)];
    let way = way.map(|(name, path): (&str, &str)| (name, path));
    Head::titled(&product.name)
        .product()
        .description(&product.description)
        .canonical(url.address(&path))
        .image(url.address(&format!("/pictures/{}.svg?v={}", product.slug, product.picture_version)))
        .data(structured::product(url, product, available))
        .data(structured::breadcrumbs(url, &way))
}

fn summary(product: Product) -> ProductSummary {
    let Product { id, slug, name, maker, category, price, picture_version, .. } = product;
    ProductSummary { id, slug, name, maker, category, price, picture_version, choices: None }
}

fn body(product: &Product, available: Option<u32>, options: &Markup, related: &[ProductSummary]) -> Markup {
    let most = available.unwrap_or(10).min(10);
    html! {
        article.wrap.product {
            nav.crumbs aria-label="You are here" {
                a href="/" { "Home" } " / " a href={ "/c/" (product.category) } { (product.category_name) }
            }
            div.product-grid {
                div.product-picture { (picture(&product.slug, &product.picture_version, 600, false)) }
                div.product-facts {
                    p.eyebrow { (product.maker) }
                    h1 { (product.name) }
                    p.product-price { (price(product.price)) small { " incl. VAT" } }
                    p.description { (product.description) }
                    (options)
                    (stock_line(available))
                    @if most > 0 {
                        form.buy action="/cart/add" method="post" {
                            (Frame::Open.csrf())
                            input type="hidden" name="product_id" value=(product.id);
                            label for="quantity" { "Quantity" }
                            select #quantity name="quantity" { @for n in 1..=most { option value=(n) { (n) } } }
                            button #add-to-cart.button type="submit" { "Add to cart" }
                        }
                    } @else {
                        p.sold-out { "This one has sailed. " a href={ "/c/" (product.category) } { "See what else is in " (product.category_name) } }
                    }
                    @if !product.attributes.is_empty() {
                        h2 { "Particulars" }
                        dl.facts {
                            @for fact in &product.attributes { dt { (fact.name) } dd { (fact.value) } }
                        }
                    }
                }
            }
        }
        @if !related.is_empty() {
            section.wrap.related aria-labelledby="related" {
                h2 #related { "More like this" }
                (tiles(related, &HashSet::new()))
            }
        }
    }
}
