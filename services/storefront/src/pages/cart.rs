//! The cart: what is in it at today's prices, and the three forms that change it.

use axum::extract::{Query, State};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use shop_contracts::ProductId;

use super::{PageError, Shop, see_other};
use crate::cart::{Line, Priced};
use crate::store::StoreError;
use crate::view::{Frame, Tone, notice, picture, price};
use crate::visitor::{Submitted, Visitor, keep_cart, secret};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Params {
    added: String,
    full: String,
}

pub(super) async fn show(
    State(shop): State<Shop>,
    Query(params): Query<Params>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let cart = load(&shop, &visitor).await?;
    remember(&shop, &visitor, &cart).await;
    let added = cart.lines.iter().find(|line| line.product.slug == params.added);
    let body = body(&visitor, &cart, added, !params.full.is_empty());
    Ok(shop.page(&visitor, "Cart", body).await)
}

pub(super) async fn add(State(shop): State<Shop>, form: Submitted) -> Result<Response, PageError> {
    let id: ProductId = form.text("product_id").parse().map_err(|_| PageError::NotFound)?;
    let quantity = form.text("quantity").parse().unwrap_or(1).clamp(1, shop.store.config.max_quantity);
    let products = shop.peers.products(&[id]).await?;
    let product = products.first().ok_or(PageError::NotFound)?;
    let cart = form.visitor.cart.clone().unwrap_or_else(secret);
    let fits = shop.store.add(&cart, id, quantity, product.price).await?;
    let way = if fits { format!("/cart?added={}", product.slug) } else { "/cart?full=1".to_owned() };
    let mut response = see_other(&way);
    keep_cart(&mut response, &shop, &cart);
    Ok(response)
}

pub(super) async fn update(State(shop): State<Shop>, form: Submitted) -> Result<Response, PageError> {
    let quantity: u32 = form.text("quantity").parse().unwrap_or(1);
    change(&shop, &form, quantity).await
}

pub(super) async fn remove(State(shop): State<Shop>, form: Submitted) -> Result<Response, PageError> {
    change(&shop, &form, 0).await
}

async fn change(shop: &Shop, form: &Submitted, quantity: u32) -> Result<Response, PageError> {
    let id: ProductId = form.text("product_id").parse().map_err(|_| PageError::NotFound)?;
    let mut response = see_other("/cart");
    if let Some(cart) = &form.visitor.cart {
        if shop.store.cart(cart).await?.iter().any(|entry| entry.product_id == id) {
            shop.store.set_quantity(cart, id, quantity).await?;
        }
        keep_cart(&mut response, shop, cart);
    }
    Ok(response)
}

/// The visitor's cart at today's prices.
pub(super) async fn load(shop: &Shop, visitor: &Visitor) -> Result<Priced, PageError> {
    let entries = match &visitor.cart {
        None => Vec::new(),
        Some(_) if visitor.cart_count.is_none() => return Err(StoreError.into()),
        Some(cart) => shop.store.cart(cart).await?,
    };
    let ids: Vec<ProductId> = entries.iter().map(|entry| entry.product_id).collect();
    let (products, stock) = tokio::join!(shop.peers.products(&ids), shop.peers.stock(&ids));
    Ok(Priced::new(&entries, products?, stock.as_ref()))
}

/// After a cart was shown its prices have been seen, and what is no longer sold need not be told again.
pub(super) async fn remember(shop: &Shop, visitor: &Visitor, cart: &Priced) {
    let Some(id) = &visitor.cart else { return };
    let prices: Vec<_> = cart.lines.iter().map(|line| (line.product.id, line.product.price)).collect();
    // The page is right without it; the same change would only be told twice.
    let _ = shop.store.saw_prices(id, &prices).await;
    for gone in &cart.gone {
        let _ = shop.store.set_quantity(id, *gone, 0).await;
    }
}

/// What changed since the shopper last looked.
pub(super) fn changes(cart: &Priced) -> Markup {
    html! {
        @for line in &cart.lines {
            @if let Some(was) = line.was {
                (notice(Tone::Plain, html! { p { strong { (line.product.name) } " now costs " strong { (price(line.product.price)) } ". It was " (price(was)) " when you last looked." } }))
            }
            @match line.short {
                Some(0) => (notice(Tone::Bad, html! { p { strong { (line.product.name) } " has sold out. Please take it out of the cart to go on." } })),
                Some(left) => (notice(Tone::Bad, html! { p { "Only " strong { (left) " of " (line.product.name) } @if left == 1 { " is" } @else { " are" } " left. Please lower the quantity to go on." } })),
                None => {}
            }
        }
        @if !cart.gone.is_empty() {
            (notice(Tone::Plain, html! { p { "Something that was in your cart is no longer sold, so we took it out." } }))
        }
        @if !cart.stock_known && !cart.is_empty() {
            (notice(Tone::Plain, html! { p { "We cannot see our stock just now. Your order is checked again before anything is charged." } }))
        }
    }
}

fn body(visitor: &Visitor, cart: &Priced, added: Option<&Line>, full: bool) -> Markup {
    html! {
        div.wrap {
            h1 { "Your cart" }
            @if let Some(line) = added {
                (notice(Tone::Good, html! { p { strong { (line.product.name) } " is in your cart." } }))
            }
            @if full { (notice(Tone::Bad, html! { p { "The cart holds fifty different things. Please take something out first." } })) }
            (changes(cart))
            @if cart.is_empty() {
                div.empty {
                    p { "Nothing in it yet. The rope shelf is a good place to begin." }
                    p.actions { a.button href="/c/rope-and-fenders" { "Rope & fenders" } a.button.quiet href="/" { "All departments" } }
                }
            } @else {
                div.cart-grid {
                    ul #cart-lines.lines { @for line in &cart.lines { (row(visitor, line)) } }
                    aside.summary aria-label="Total" {
                        dl.sums {
                            dt { "Goods" } dd { (price(cart.total)) }
                            dt { "Delivery" } dd { "Included" }
                            dt.total { "Total" } dd.total { (price(cart.total)) }
                        }
                        @if cart.can_be_bought() {
                            a.button.wide href="/checkout" { "Check out" }
                        } @else {
                            p.hint { "Please settle the notes above first." }
                        }
                        p.hint { a href="/" { "Go on looking around" } }
                    }
                }
            }
        }
    }
}

fn row(visitor: &Visitor, line: &Line) -> Markup {
    let id = line.product.id;
    let name = &line.product.name;
    let most = line.quantity.max(10);
    html! {
        li.line.wrong[line.short.is_some()] {
            a.line-picture href={ "/p/" (line.product.slug) } aria-hidden="true" tabindex="-1" {
                (picture(&line.product.slug, &line.product.picture_version, 96, false))
            }
            div.line-name {
                a href={ "/p/" (line.product.slug) } { (name) }
                p.hint { (line.product.maker) " · " (price(line.product.price)) " each" }
            }
            form.line-quantity action="/cart/update" method="post" data-send-on-change {
                (Frame::For(visitor).csrf())
                input type="hidden" name="product_id" value=(id);
                label.sr for={ "quantity-" (id) } { "Quantity of " (name) }
                select id={ "quantity-" (id) } name="quantity" {
                    @for n in 1..=most { option value=(n) selected[n == line.quantity] { (n) } }
                }
                button.button.quiet.small type="submit" { "Update" }
            }
            p.line-total { (price(line.total)) }
            form.line-remove action="/cart/remove" method="post" {
                (Frame::For(visitor).csrf())
                input type="hidden" name="product_id" value=(id);
                button.link type="submit" aria-label={ "Remove " (name) } { "Remove" }
            }
        }
    }
}
