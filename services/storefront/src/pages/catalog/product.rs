//! A product.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::catalog::{Category, Product};

use super::{PageError, Shop, published};
use crate::border::Slug;
use crate::peers::Peers;
use crate::view::{Frame, picture, price, stock_line};
use crate::visitor::Visitor;

pub(super) async fn show(
    State(shop): State<Shop>,
    slug: Slug,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let key = format!("/p/{}", slug.as_str());
    published::answer(&shop, &key, &visitor, &headers, || render(shop.peers.clone(), slug)).await
}

async fn render(peers: Peers, slug: Slug) -> Result<Markup, PageError> {
    let (menu, product) = tokio::join!(peers.categories(), peers.product(slug.as_str()));
    let product = product?;
    let stock = peers.stock(&[product.id]).await;
    let available = stock.map(|levels| levels.get(&product.id).copied().unwrap_or(0));
    Ok(page(&product, available, &menu))
}

fn page(product: &Product, available: Option<u32>, menu: &[Category]) -> Markup {
    let most = available.unwrap_or(10).min(10);
    let body = html! {
        article.wrap.product {
            nav.crumbs aria-label="You are here" {
                a href="/" { "Home" } " / " a href={ "/c/" (product.category) } { (product.category_name) }
            }
            div.product-grid {
                div.product-picture { (picture(&product.slug, &product.picture_version, 600, false)) }
                div.product-facts {
                    p.eyebrow { (product.maker) }
                    h1 { (product.name) }
                    p.product-price { (price(product.price)) small { " incl. VAT and delivery" } }
                    p.description { (product.description) }
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
    };
    Frame::Open.page(&product.name, "", menu, Some(&product.category), body)
}
