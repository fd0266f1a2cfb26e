//! The checkout: one form, and at most one order of what is in the cart, however often its button is pressed.
//!
//! This file loads, calls and shows. Which key a press is sent under and what an answer means for the cart is decided in
//! `crate::checkout` alone. No message here says that nothing was charged unless orders said so of the order just tried.

mod form;
mod voucher;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use shop_contracts::orders::{NewOrder, NewOrderLine, Order, OrderStatus};
use shop_contracts::tax::countries;
use shop_contracts::vouchers::VoucherTerms;
use shop_instrumentation::client::CallError;
use shop_instrumentation::clock;
use shop_instrumentation::problem::Code;

use self::form::{Shown, body};
use super::{PageError, Shop, cart, see_other, with_status};
use crate::border::ClientAddress;
use crate::cart::{Cart, Offer, Priced};
use crate::checkout::{Age, Charge, OrdersAnswer, Seen, Settled, Verdict};
use crate::form::{CARDS, Typed};
use crate::visitor::{OwnForm, SignedIn, Visitor, keep_cart, keep_guest_order, now_us};

const FIELDS: [&str; 9] =
    ["name", "email", "address1", "city", "postcode", "country", "payment_token", "delivery", voucher::FIELD];
/// Keys of orders that were over before this press, skipped in one press at most.
const MOST_KEYS: usize = 4;

pub(super) fn routes() -> Router<Shop> {
    Router::new().route("/checkout", get(show).post(place))
}

async fn show(State(shop): State<Shop>, mut visitor: Visitor) -> Result<Response, PageError> {
    if let Some(response) = pending_order(&shop, &mut visitor).await {
        return Ok(response);
    }
    let cart = cart::load(&shop, visitor.cart.as_ref()).await?;
    if !cart.can_be_bought() {
        return Ok(see_other("/cart"));
    }
    let mut typed = Typed::default();
    typed.set("country", "DE").set("payment_token", CARDS[0].0);
    if let Some(account) = &visitor.account {
        typed.set("email", &account.email).set("name", &account.display_name);
        fill_from_book(&shop, account, &mut typed).await;
    }
    let offer = offer(&cart, &typed, None)?;
    let shown = Shown { visitor: &visitor, cart: &cart, offer: &offer, typed: &typed, message: None };
    let mut response = shop.page(&visitor, "Checkout", body(&shown)).await;
    cart::remember(&shop, &mut response, &mut visitor, &cart);
    Ok(response)
}

/// Fills in the first address of the account's book. Without an answer the fields stay empty: buying goes on.
async fn fill_from_book(shop: &Shop, account: &SignedIn, typed: &mut Typed) {
    let book = match shop.peers.addresses(account.account_id).await {
        Ok(book) => book,
        Err(cause) => {
            tracing::warn!(error = %cause, "the book of addresses is not available");
            return;
        }
    };
    if let Some(first) = book.addresses.into_iter().next() {
        let address = first.address;
        typed.set("name", address.name).set("address1", address.address1).set("city", address.city);
        typed.set("postcode", address.postcode).set("country", address.country);
    }
}

/// When the present contents are known to be an order that is not over: the way there.
async fn pending_order(shop: &Shop, visitor: &mut Visitor) -> Option<Response> {
    let cart = visitor.cart.as_mut()?;
    let unsettled = cart.progress.unsettled.filter(|unsettled| unsettled.version == cart.version)?;
    let id = unsettled.order?;
    // Without an answer the form is shown: a press of it finds the order.
    let order = shop.peers.order(id).await.ok()?;
    cart.learn(&order, now_us());
    if Settled::of(order.status) == Settled::Over {
        return None;
    }
    let mut response = see_other(&format!("/orders/{id}"));
    keep_cart(&mut response, shop, cart);
    Some(response)
}

/// What the cart costs where the form says that it goes; until that is a country, in Germany.
fn offer(cart: &Priced, typed: &Typed, voucher: Option<&VoucherTerms>) -> Result<Offer, PageError> {
    let typed = typed.value("country");
    let country = if countries().any(|known| known == typed) { typed } else { "DE" };
    Offer::new(cart, country, voucher).map_err(|cause| PageError::BadForm(cause.to_string()))
}

async fn place(
    State(shop): State<Shop>,
    client: ClientAddress,
    OwnForm(form): OwnForm,
) -> Result<Response, PageError> {
    let seen = Seen::parse(&form.text("seen")).ok_or_else(|| PageError::BadForm("no version".to_owned()))?;
    let Some(contents) = form.visitor.cart.clone() else { return Ok(see_other("/cart")) };
    if let Some(order) = contents.order_of(seen.version) {
        return Ok(see_other(&format!("/orders/{order}")));
    }
    let priced = cart::load(&shop, Some(&contents)).await?;
    if priced.is_empty() {
        return Ok(see_other("/cart"));
    }
    let mut typed = Typed::default();
    for name in FIELDS {
        typed.set(name, form.text(name));
    }
    let voucher = voucher::check(&shop, &form.visitor, client, &priced, &mut typed).await;
    let offer = offer(&priced, &typed, voucher.as_ref())?;
    let only_shows = form.text("do") == "show";
    // The code may be used up by the very order of which the answer was lost: then orders knows the key and shows it, and
    // otherwise refuses the code itself. The total that is sent is without it, so nothing can be ordered unseen.
    let asks_again = !only_shows
        && seen.version == contents.version
        && contents.is_unsettled(contents.version)
        && typed.error(voucher::FIELD).is_some();
    if asks_again {
        typed.forgive(voucher::FIELD);
    }
    if !only_shows {
        typed.check_checkout();
    }
    let press = Press { shop, visitor: form.visitor, contents, priced, offer, typed };
    if only_shows {
        let status = if press.typed.is_fine() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return Ok(press.again(status, None).await);
    }
    if !press.typed.is_fine() {
        let count = press.typed.wrong_count();
        let text = html! { p { strong { "Almost." } " Please look at " @if count == 1 { "the field" } @else { "the " (count) " fields" } " marked below." } };
        return Ok(press.again(StatusCode::UNPROCESSABLE_ENTITY, Some(text)).await);
    }
    let fingerprint = press.offer.fingerprint(&press.priced);
    if !asks_again && seen != (Seen { version: press.contents.version, fingerprint }) {
        let text = html! { p { strong { "Your cart has changed since you opened this page." } " Please look at the new total before you order." } };
        return Ok(press.again(StatusCode::CONFLICT, Some(text)).await);
    }
    Ok(press.send().await)
}

/// One press of the button.
struct Press {
    shop: Shop,
    visitor: Visitor,
    contents: Cart,
    priced: Priced,
    offer: Offer,
    typed: Typed,
}

impl Press {
    /// Sends the order until the answer is about this press and not about one before it.
    async fn send(mut self) -> Response {
        for _ in 0..MOST_KEYS {
            let pressed_at = clock::now();
            let answer = self.shop.peers.place_order(&self.contents.key(), &self.order()).await;
            match self.contents.conclude(read(&answer, pressed_at), now_us()) {
                Verdict::SendAgain => {}
                verdict => return self.conclude(verdict, answer).await,
            }
        }
        let text =
            html! { p { strong { "That was tried very often." } " Please press the button once more." } };
        self.again(StatusCode::CONFLICT, Some(text)).await
    }

    fn order(&self) -> NewOrder {
        let lines = self.priced.lines.iter().map(|line| NewOrderLine {
            product_id: line.product.id,
            quantity: line.quantity,
            unit_price: line.product.price,
        });
        NewOrder {
            account_id: self.visitor.account.as_ref().map(|account| account.account_id),
            email: self.typed.value("email").to_owned(),
            lines: lines.collect(),
            ship_to: self.typed.address(),
            payment_token: self.typed.value("payment_token").to_owned(),
            cart: Some(self.contents.reference()),
            delivery: Some(self.typed.delivery()),
            voucher: Some(self.typed.value(voucher::FIELD).to_owned()).filter(|code| !code.is_empty()),
            expected_total: Some(self.offer.by(self.typed.delivery()).total),
        }
    }

    async fn conclude(self, verdict: Verdict, answer: Result<Order, CallError>) -> Response {
        if let Err(cause) = &answer {
            tracing::warn!(error = %cause, "the order was not simply taken");
        }
        match (verdict, answer) {
            (Verdict::Show(order), answer) => {
                let waits = answer.is_ok_and(|order| Settled::of(order.status) == Settled::Waits);
                self.count(if waits { "pending" } else { "placed" });
                let mut response = see_other(&format!("/orders/{order}"));
                keep_cart(&mut response, &self.shop, &self.contents);
                if self.visitor.account.is_none() {
                    keep_guest_order(&mut response, &self.shop, &self.visitor, order);
                }
                response
            }
            (Verdict::Over(_, charge), Ok(order)) => self.over(&order, charge).await,
            (Verdict::Refused, Err(cause)) => self.refused(&cause).await,
            _ => {
                self.count("error");
                let text = html! { p { strong { "We do not know yet whether your order arrived." } " Please press the button again: it will not be placed or charged twice." } };
                self.again(StatusCode::SERVICE_UNAVAILABLE, Some(text)).await
            }
        }
    }

    /// The order that was just tried is over, and nothing was taken for it.
    async fn over(self, order: &Order, charge: Charge) -> Response {
        let charged = match charge {
            Charge::None => " Nothing was charged, and your cart is as it was.",
            Charge::Unsaid => "",
        };
        let (outcome, status, text) = match (order.status, order.reason.as_deref()) {
            (OrderStatus::Declined, _) => (
                "declined",
                StatusCode::UNPROCESSABLE_ENTITY,
                html! { p { strong { "The bank declined this card." } (charged) " Please try another card." } },
            ),
            (_, Some("payment_timeout")) => (
                "declined",
                StatusCode::UNPROCESSABLE_ENTITY,
                html! { p { strong { "The bank did not answer in time." } " We gave this try up." (charged) } },
            ),
            _ => (
                "out_of_stock",
                StatusCode::CONFLICT,
                html! { p { strong { "Somebody was faster." } " Something in your cart has just sold out." (charged) } },
            ),
        };
        self.count(outcome);
        self.again(status, Some(text)).await
    }

    /// Nothing was written for this press; what came of one before it is not said.
    async fn refused(mut self, cause: &CallError) -> Response {
        self.count("error");
        if cause.code() == Code::VoucherRefused {
            self.typed.wrong(voucher::FIELD, voucher::refusal(cause));
            if let Ok(without) = offer(&self.priced, &self.typed, None) {
                self.offer = without;
            }
        }
        let (status, text) = match cause.code() {
            Code::Conflict => (
                StatusCode::CONFLICT,
                html! { p { strong { "Something changed while you were ordering." } " Please look at your cart and the total once more." } },
            ),
            Code::VoucherRefused => (
                StatusCode::CONFLICT,
                html! { p { strong { "Your voucher does not count any more." } " Please look at the total without it before you order." } },
            ),
            Code::TotalChanged => (
                StatusCode::CONFLICT,
                html! { p { strong { "The total changed while you were ordering." } " Please press the button again in a moment: the new total is shown before anything is ordered." } },
            ),
            Code::RateLimited => (
                StatusCode::TOO_MANY_REQUESTS,
                html! { p { strong { "Very many people are ordering just now." } " Please press the button again in a moment." } },
            ),
            _ => (
                StatusCode::UNPROCESSABLE_ENTITY,
                html! { p { strong { "We could not take this order as it is." } " Please check the address." } },
            ),
        };
        self.again(status, Some(text)).await
    }

    async fn again(mut self, status: StatusCode, message: Option<Markup>) -> Response {
        self.visitor.cart = Some(self.contents);
        let (visitor, cart) = (&self.visitor, &self.priced);
        let shown = Shown { visitor, cart, offer: &self.offer, typed: &self.typed, message };
        let mut response = self.shop.page(&self.visitor, "Checkout", body(&shown)).await;
        if let Some(cart) = &mut self.visitor.cart {
            for line in &self.priced.lines {
                cart.saw_price(line.product.id, line.product.price);
            }
            keep_cart(&mut response, &self.shop, cart);
        }
        with_status(status, response)
    }

    fn count(&self, outcome: &str) {
        self.shop.checkouts.with_label_values(&[outcome]).inc();
    }
}

/// What the answer says about the key.
fn read(answer: &Result<Order, CallError>, pressed_at: DateTime<Utc>) -> OrdersAnswer {
    match answer {
        Ok(order) => {
            let age = if order.placed_at >= pressed_at { Age::ThisPress } else { Age::Before };
            OrdersAnswer::Order(order.id, Settled::of(order.status), age)
        }
        Err(cause) => match (cause.code(), cause.existing::<Order>()) {
            (Code::KeyReused | Code::AlreadyOrdered, Some(order)) => {
                OrdersAnswer::Existing(order.id, Settled::of(order.status))
            }
            (Code::KeyReused | Code::AlreadyOrdered | Code::Timeout, _) => OrdersAnswer::Unknown,
            _ if cause.is_rejection() => OrdersAnswer::Refused,
            _ => OrdersAnswer::Unknown,
        },
    }
}
