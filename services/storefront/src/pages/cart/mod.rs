//! The cart: what is in it at today's prices, and the three forms that change it.

mod news;
mod open_orders;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::{Money, ProductId};

pub(super) use self::news::{Ask, News, joined, up_to_date};
use self::open_orders::OpenOrder;
use super::{PageError, Shop, see_other};
use crate::border::QueryFields;
use crate::cart::{Cart, Line, MAX_QUANTITY, Offer, Priced};
use crate::view::{Frame, Tone, notice, picture, price, sums};
use crate::visitor::account_cart::{self, Changed};
use crate::visitor::{OpenForm, OwnForm, Submitted, Visitor, keep_cart, now_us, put_cart};

/// Where most parcels go: before an address is known, tax is shown as it is there.
const HOME: &str = "DE";

/// The cart's page says why nothing more can be ordered, as `full`.
const FULL_OF_ORDERS: &str = "orders";
/// The cart's page says that a change of it was not made.
const MISSED: &str = "/cart?missed=1";
/// The cart's page says that the cart was changed in two places.
pub(super) const JOINED: &str = "/cart?joined=1";
/// The cart's page says that what may be an order cannot be set aside, as `full`.
const FULL_ASIDE: &str = "aside";
const ASIDE: &str = "/cart?full=aside";

pub(super) fn routes() -> Router<Shop> {
    Router::new()
        .route("/cart", get(show))
        .route("/cart/add", post(add))
        .route("/cart/update", post(update))
        .route("/cart/remove", post(remove))
}

async fn show(
    State(shop): State<Shop>,
    query: QueryFields,
    mut visitor: Visitor,
) -> Result<Response, PageError> {
    let mut news = up_to_date(&shop, &mut visitor, Ask::Open).await;
    news.have_kept(&shop, &mut visitor).await;
    let mine = visitor.cart.as_ref();
    let (cart, open) = tokio::join!(load(&shop, mine), open_orders::load(&shop, mine));
    let (cart, open) = (cart?, open?);
    let added = cart.lines.iter().find(|line| line.product.slug == query.get("added"));
    // The address stays, also when the orders have ended since.
    let full = query.get("full");
    let full = if full == FULL_OF_ORDERS && !visitor.is_full_of_orders() { "" } else { full };
    let is_missed = !query.get("missed").is_empty();
    let is_joined = !query.get("joined").is_empty();
    let shown = Shown { cart: &cart, open: &open, news: &news, added, full, is_missed, is_joined };
    let body = body(&visitor, &shown);
    let mut response = shop.page(&visitor, "Cart", body).await;
    news.keep(&mut response, &visitor);
    remember(&mut response, &mut visitor, &cart);
    Ok(response)
}

/// The page of a cart.
struct Shown<'a> {
    cart: &'a Priced,
    open: &'a [OpenOrder],
    news: &'a News,
    added: Option<&'a Line>,
    /// What there is no room for.
    full: &'a str,
    /// Whether a change was not made, because of others in the same moment.
    is_missed: bool,
    /// Whether the cart was changed in two places, as the page before this one found.
    is_joined: bool,
}

async fn add(State(shop): State<Shop>, OpenForm(form): OpenForm) -> Result<Response, PageError> {
    let id: ProductId = form.text("product_id").parse().map_err(|_| PageError::NotFound)?;
    let quantity = form.text("quantity").parse().unwrap_or(1).clamp(1, MAX_QUANTITY);
    let products = shop.peers.products(&[id]).await?;
    let product = products.first().ok_or(PageError::NotFound)?;
    let price = product.price;
    let put_in = |cart: &mut Cart| cart.add(id, quantity, price, now_us());
    let changed = account_cart::change(&shop, form.visitor, put_in).await;
    let page = match &changed {
        Changed::Made(_) => format!("/cart?added={}", product.slug),
        Changed::Refused(_) => "/cart?full=1".to_owned(),
        Changed::Missed => MISSED.to_owned(),
    };
    Ok(told(&page, changed))
}

async fn update(State(shop): State<Shop>, OwnForm(form): OwnForm) -> Result<Response, PageError> {
    let quantity: u32 = form.text("quantity").parse().unwrap_or(1);
    change(&shop, form, quantity).await
}

async fn remove(State(shop): State<Shop>, OwnForm(form): OwnForm) -> Result<Response, PageError> {
    change(&shop, form, 0).await
}

async fn change(shop: &Shop, form: Submitted, quantity: u32) -> Result<Response, PageError> {
    let id: ProductId = form.text("product_id").parse().map_err(|_| PageError::NotFound)?;
    let set = |cart: &mut Cart| cart.set_quantity(id, quantity, now_us());
    let changed = account_cart::change(shop, form.visitor, set).await;
    let holds_it = |cart: &Cart| cart.lines.iter().any(|line| line.product_id == id);
    let page = match &changed {
        Changed::Made(_) => "/cart",
        Changed::Refused(now) if holds_it(&now.cart) => ASIDE,
        // Another device or tab took it out meanwhile.
        Changed::Refused(_) | Changed::Missed => MISSED,
    };
    Ok(told(page, changed))
}

/// Leads to the page of the cart that says what became of a change.
fn told(page: &str, changed: Changed) -> Response {
    let mark = if page.contains('?') { '&' } else { '?' };
    let joined = if changed.is_joined() { format!("{mark}joined=1") } else { String::new() };
    let mut response = see_other(&format!("{page}{joined}"));
    changed.keep(&mut response);
    response
}

/// Leads to the page of the cart that says why nothing more can be ordered now.
pub(super) fn full_of_orders() -> Response {
    see_other(&format!("/cart?full={FULL_OF_ORDERS}"))
}

/// A cart at today's prices.
pub(super) async fn load(shop: &Shop, cart: Option<&Cart>) -> Result<Priced, PageError> {
    let lines = cart.map(|cart| cart.lines.as_slice()).unwrap_or_default();
    let ids: Vec<ProductId> = lines.iter().map(|line| line.product_id).collect();
    let (products, stock) = tokio::join!(shop.peers.products(&ids), shop.peers.stock(&ids));
    Ok(Priced::new(lines, products?, stock.as_ref()))
}

/// After a cart was shown its prices have been seen, and what is no longer sold need not be told again. Contents that an
/// order may have been made of stay as they are.
pub(super) fn remember(response: &mut Response, visitor: &mut Visitor, shown: &Priced) {
    let Some(cart) = &mut visitor.cart else { return };
    let mut is_seen = false;
    for line in &shown.lines {
        is_seen |= cart.saw_price(line.product.id, line.product.price);
    }
    if !shown.gone.is_empty() && !cart.is_unsettled(cart.version) {
        for gone in &shown.gone {
            cart.set_quantity(*gone, 0, now_us());
        }
        return keep_cart(response, cart);
    }
    if is_seen {
        match response.extensions().get::<Cart>().map(|kept| kept.kept) {
            // What was decided about keeping it holds for the prices too.
            Some(kept) => put_cart(response, Cart { kept, ..cart.clone() }),
            None => put_cart(response, cart.clone()),
        }
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

fn body(visitor: &Visitor, shown: &Shown) -> Markup {
    let cart = shown.cart;
    // Contents that are an order are shown as that order.
    let is_ordered = visitor.cart.as_ref().is_some_and(Cart::is_ordered);
    html! {
        div.wrap {
            h1 { "Your cart" }
            (shown.news.notices())
            @if shown.is_joined && !shown.news.is_joined() { (joined()) }
            @if let Some(line) = shown.added.filter(|_| !is_ordered && !shown.news.is_joined()) {
                (added(&line.product.name, shown.news.is_here_only()))
            }
            @if shown.is_missed {
                (notice(Tone::Bad, html! { p { strong { "That was not done." } " Something else changed your cart at the same moment. Below is what is in it now: please try again." } }))
            }
            @match shown.full {
                "" => {}
                FULL_OF_ORDERS => (notice(Tone::Plain, html! { p { strong { "Please wait a little before you order this." } " Four orders of yours are still being confirmed: below is what is in them. What is in your cart stays there." } })),
                FULL_ASIDE => (notice(Tone::Bad, html! { p { strong { "That was not done." } " What is in your cart may be an order already, and no more can be set aside until your other orders are confirmed. Please wait a little." } })),
                _ => (notice(Tone::Bad, html! { p { "The cart holds fifty different things. Please take something out first." } })),
            }
            (open_orders::body(shown.open, shown.news))
            @if is_ordered || cart.is_empty() && !shown.open.is_empty() {
                div.empty {
                    p { "Nothing else is in your cart." }
                    p.actions { a.button href="/" { "Go on looking around" } }
                }
            } @else if cart.is_empty() {
                (changes(cart))
                div.empty {
                    p { "Nothing in it yet. The rope shelf is a good place to begin." }
                    p.actions { a.button href="/c/rope-and-fenders" { "Rope & fenders" } a.button.quiet href="/" { "All departments" } }
                }
            } @else {
                (changes(cart))
                (perhaps_ordered(visitor))
                (contents(visitor, cart))
            }
        }
    }
}

/// That something was put in. What an account could not keep is in this browser's cart alone.
fn added(name: &str, is_here_only: bool) -> Markup {
    let text = html! {
        p {
            strong { (name) } " is in your cart"
            @if is_here_only {
                " on this device. Your account cannot be reached just now; your other devices will see it when it can. Should one of them change the same thing meanwhile, the larger number stays."
            } @else {
                "."
            }
        }
    };
    notice(if is_here_only { Tone::Plain } else { Tone::Good }, text)
}

/// That a press of the button may have made an order of what is in the cart.
fn perhaps_ordered(visitor: &Visitor) -> Markup {
    let is_asked = visitor.cart.as_ref().is_some_and(|cart| cart.unsettled().is_some());
    html! {
        @if is_asked {
            (notice(Tone::Plain, html! { p { "We do not know yet whether your order arrived. You can " a href="/checkout" { "press the button again" } ": it will not be placed or charged twice." } }))
        }
    }
}

fn contents(visitor: &Visitor, cart: &Priced) -> Markup {
    html! {
        div.cart-grid {
            ul #cart-lines.lines { @for line in &cart.lines { (row(visitor, line)) } }
            aside.summary aria-label="Total" {
                @match Offer::new(cart, HOME, None) {
                    Ok(offer) => { @let by_post = offer.by(DeliveryMethod::Standard); (sums(&by_post.charges, by_post.total, HOME)) }
                    Err(_) => dl.sums { dt.total { "Goods" } dd.total { (price(cart.total)) } },
                }
                p.hint { "Delivered to Germany by post; you choose at the checkout." (free_from(cart)) }
                @if visitor.is_full_of_orders() {
                    p.hint { "You can order this as soon as one of your orders above is through." }
                } @else if cart.can_be_bought() {
                    a.button.wide href="/checkout" { "Check out" }
                } @else {
                    p.hint { "Please settle the notes above first." }
                }
                p.hint.centre { a href="/" { "Go on looking around" } }
            }
        }
    }
}

/// How much is missing for delivery by post to cost nothing.
fn free_from(cart: &Priced) -> Markup {
    let least = DeliveryMethod::Standard.free_from_minor().unwrap_or_default();
    let missing = least.saturating_sub(cart.total.amount_minor);
    html! { @if missing > 0 { " For " (price(Money::new(missing, cart.total.currency))) " more it is free." } }
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
