//! The checkout: one form, one order, however often its button is pressed.
//!
//! The form carries an idempotency key and a fingerprint of what the shopper saw. Orders places one order a key; the
//! store remembers which, so that a second press leads to the same order although the cart is empty by then.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::orders::{NewOrder, NewOrderLine, Order, OrderStatus};
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::{PageError, Shop, cart, see_other, with_status};
use crate::cart::Priced;
use crate::form::{CARDS, COUNTRIES, Typed};
use crate::view::{Frame, Tone, field, notice, summary};
use crate::visitor::{Submitted, Visitor, secret};

const FIELDS: [&str; 7] = ["name", "email", "address1", "city", "postcode", "country", "payment_token"];

/// A checkout form as it is shown.
struct Shown<'a> {
    visitor: &'a Visitor,
    cart: &'a Priced,
    typed: &'a Typed,
    key: &'a str,
    message: Option<(Tone, Markup)>,
}

pub(super) async fn show(State(shop): State<Shop>, visitor: Visitor) -> Result<Response, PageError> {
    let cart = cart::load(&shop, &visitor).await?;
    if !cart.can_be_bought() {
        return Ok(see_other("/cart"));
    }
    cart::remember(&shop, &visitor, &cart).await;
    let mut typed = Typed::default();
    typed.set("country", "DE").set("payment_token", CARDS[0].0);
    if let Some(account) = &visitor.account {
        typed.set("email", &account.email).set("name", &account.display_name);
    }
    let shown = Shown { visitor: &visitor, cart: &cart, typed: &typed, key: &secret(), message: None };
    Ok(shop.page(&visitor, "Checkout", body(&shown)).await)
}

pub(super) async fn place(State(shop): State<Shop>, form: Submitted) -> Result<Response, PageError> {
    let key = form.text("key");
    if key.len() != 32 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(PageError::BadForm("no key".to_owned()));
    }
    let cart = cart::load(&shop, &form.visitor).await?;
    // Asked after the cart: a first press that finished in between has emptied it.
    if let Some(order) = shop.store.find_checkout(&key).await? {
        return Ok(see_other(&format!("/orders/{order}")));
    }
    if cart.is_empty() {
        return Ok(see_other("/cart"));
    }
    let mut typed = Typed::default();
    for name in FIELDS {
        typed.set(name, form.text(name));
    }
    typed.check_checkout();
    let attempt = Attempt { shop: &shop, form: &form, cart: &cart, typed: &typed, key: &key };
    if !typed.is_fine() {
        let count = typed.wrong_count();
        let text = html! { p { strong { "Nothing was ordered yet." } " Please look at " @if count == 1 { "the field" } @else { "the " (count) " fields" } " marked below." } };
        return Ok(attempt.again(StatusCode::UNPROCESSABLE_ENTITY, &key, Some((Tone::Bad, text))).await);
    }
    if form.text("seen") != cart.fingerprint() {
        cart::remember(&shop, &form.visitor, &cart).await;
        let text = html! { p { strong { "Your cart has changed since you opened this page." } " Please look at the new total before you order." } };
        return Ok(attempt.again(StatusCode::CONFLICT, &secret(), Some((Tone::Bad, text))).await);
    }
    let answer = shop.peers.place_order(&key, &attempt.order()).await;
    attempt.conclude(answer).await
}

struct Attempt<'a> {
    shop: &'a Shop,
    form: &'a Submitted,
    cart: &'a Priced,
    typed: &'a Typed,
    key: &'a str,
}

impl Attempt<'_> {
    fn order(&self) -> NewOrder {
        let lines = self.cart.lines.iter().map(|line| NewOrderLine {
            product_id: line.product.id,
            quantity: line.quantity,
            unit_price: line.product.price,
        });
        NewOrder {
            account_id: self.form.visitor.account.as_ref().map(|account| account.account_id),
            email: self.typed.value("email").to_owned(),
            lines: lines.collect(),
            ship_to: self.typed.address(),
            payment_token: self.typed.value("payment_token").to_owned(),
            cart: None,
        }
    }

    async fn conclude(&self, answer: Result<Order, CallError>) -> Result<Response, PageError> {
        let order = match answer {
            Ok(order) => order,
            Err(cause) => return self.failed(cause).await,
        };
        let (outcome, status, text) = match order.status {
            OrderStatus::Confirmed
            | OrderStatus::Pending
            | OrderStatus::ManualReview
            | OrderStatus::Cancelled => {
                let outcome = if order.status == OrderStatus::Pending { "pending" } else { "placed" };
                self.count(outcome);
                return Ok(self.placed(&order).await);
            }
            OrderStatus::Declined => (
                "declined",
                StatusCode::UNPROCESSABLE_ENTITY,
                html! { p { strong { "The bank declined this card." } " Nothing was charged, and your cart is as it was. Please try another card." } },
            ),
            OrderStatus::Rejected => (
                "out_of_stock",
                StatusCode::CONFLICT,
                html! { p { strong { "Somebody was faster." } " Something in your cart has just sold out. Nothing was charged." } },
            ),
        };
        self.count(outcome);
        // A declined order is over: another try is another order, so it gets another key.
        Ok(self.again(status, &secret(), Some((Tone::Bad, text))).await)
    }

    async fn placed(&self, order: &Order) -> Response {
        let cart = self.form.visitor.cart.as_deref().unwrap_or("-");
        if self.shop.store.finish_checkout(self.key, order.id, cart).await.is_err() {
            tracing::warn!(order_id = %order.id, "order is placed but the cart could not be emptied");
        }
        see_other(&format!("/orders/{}", order.id))
    }

    async fn failed(&self, cause: CallError) -> Result<Response, PageError> {
        tracing::error!(error = %cause, "order could not be placed");
        self.count("error");
        let (status, text) = match (&cause, cause.code()) {
            (_, Code::Invalid) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                html! { p { strong { "We could not take this order as it is." } " Please check the address. Nothing was charged." } },
            ),
            (_, Code::Conflict) => (
                StatusCode::CONFLICT,
                html! { p { strong { "Something changed while you were ordering." } " Please look at your cart once more. Nothing was charged." } },
            ),
            _ => (
                StatusCode::SERVICE_UNAVAILABLE,
                html! { p { strong { "We do not know yet whether your order arrived." } " Please press the button again: it will not be placed or charged twice." } },
            ),
        };
        // The same key where the first try may have worked, a new one where it surely did not.
        let key = if cause.is_rejection() { secret() } else { self.key.to_owned() };
        Ok(self.again(status, &key, Some((Tone::Bad, text))).await)
    }

    async fn again(&self, status: StatusCode, key: &str, message: Option<(Tone, Markup)>) -> Response {
        let visitor = &self.form.visitor;
        let shown = Shown { visitor, cart: self.cart, typed: self.typed, key, message };
        with_status(status, self.shop.page(visitor, "Checkout", body(&shown)).await)
    }

    fn count(&self, outcome: &str) {
        self.shop.checkouts.with_label_values(&[outcome]).inc();
    }
}

fn body(shown: &Shown) -> Markup {
    let typed = shown.typed;
    html! {
        div.wrap {
            h1 { "Checkout" }
            @if let Some((tone, text)) = &shown.message { (notice(*tone, text.clone())) }
            (cart::changes(shown.cart))
            div.checkout-grid {
                form #checkout-form.form action="/checkout" method="post" novalidate data-once {
                    (Frame::For(shown.visitor).csrf())
                    input type="hidden" name="key" value=(shown.key);
                    input type="hidden" name="seen" value=(shown.cart.fingerprint());
                    fieldset {
                        legend { "Contact" }
                        @if shown.visitor.account.is_none() {
                            p.hint { "No account needed. " a href="/login?return_to=/checkout" { "Log in" } " if you have one." }
                        }
                        (field(typed, "email", "E-mail", "email", "email", Some("For the confirmation, and nothing else.")))
                    }
                    fieldset {
                        legend { "Delivery" }
                        (field(typed, "name", "Name", "text", "name", None))
                        (field(typed, "address1", "Street and number", "text", "address-line1", None))
                        div.pair {
                            (field(typed, "postcode", "Postcode", "text", "postal-code", None))
                            (field(typed, "city", "Town or city", "text", "address-level2", None))
                        }
                        div.field.wrong[typed.error("country").is_some()] {
                            label for="country" { "Country" }
                            select #country name="country" autocomplete="country" {
                                @for (code, name) in COUNTRIES { option value=(code) selected[code == typed.value("country")] { (name) } }
                            }
                            @if let Some(error) = typed.error("country") { p.error { (error) } }
                        }
                    }
                    fieldset {
                        legend { "Payment" }
                        p.hint { "This is a demonstration shop. Choose a test card; no money moves." }
                        div.cards {
                            @for (token, name, effect) in CARDS {
                                label.card-choice {
                                    input type="radio" name="payment_token" value=(token) checked[token == typed.value("payment_token")];
                                    span { strong { (name) } small { (effect) } }
                                }
                            }
                        }
                        @if let Some(error) = typed.error("payment_token") { p.error { (error) } }
                    }
                    button #place-order.button.wide type="submit" { "Place order · " (crate::view::price(shown.cart.total)) }
                    p.hint.centre { "You pay " (crate::view::price(shown.cart.total)) ", delivery and VAT included." }
                }
                (summary(shown.cart))
            }
        }
    }
}
