//! The checkout's form.

use maud::{Markup, html};

use super::super::cart;
use crate::cart::{Offer, Priced};
use crate::checkout::Seen;
use crate::form::{CARDS, COUNTRIES, Typed};
use crate::view::{Frame, Tone, delivery_price, field, notice, price, promise, summary_lines, sums};
use crate::visitor::Visitor;

/// A checkout form as it is shown.
pub(super) struct Shown<'a> {
    pub visitor: &'a Visitor,
    pub cart: &'a Priced,
    pub offer: &'a Offer,
    pub typed: &'a Typed,
    pub message: Option<Markup>,
}

impl Shown<'_> {
    /// What a press of its button agrees to.
    fn seen(&self) -> Seen {
        let version = self.visitor.cart.as_ref().map_or(0, |cart| cart.version);
        Seen { version, fingerprint: self.offer.fingerprint(self.cart) }
    }
}

pub(super) fn body(shown: &Shown) -> Markup {
    let typed = shown.typed;
    html! {
        div.wrap {
            h1 { "Checkout" }
            @if let Some(text) = &shown.message { (notice(Tone::Bad, text.clone())) }
            @if shown.message.is_none() { (unsettled(shown.visitor)) }
            (cart::changes(shown.cart))
            div.checkout-grid {
                form #checkout-form.form action="/checkout" method="post" novalidate data-once {
                    (Frame::For(shown.visitor).csrf())
                    input type="hidden" name="seen" value=(shown.seen().to_field());
                    fieldset {
                        legend { "Contact" }
                        @if shown.visitor.account.is_none() {
                            p.hint { "No account needed. " a href="/login?return_to=/checkout" { "Log in" } " if you have one." }
                        }
                        (field(typed, "email", "E-mail", "email", "email", Some("For the confirmation, and nothing else.")))
                    }
                    fieldset {
                        legend { "Address" }
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
                    (delivery(shown))
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
                    button #place-order.button.wide type="submit" { "Place order" (totals(shown)) }
                    p.hint.centre { "Delivery and VAT are in the total." }
                }
                (beside(shown))
            }
        }
    }
}

/// How it gets there.
fn delivery(shown: &Shown) -> Markup {
    let error = shown.typed.error("delivery");
    html! {
        fieldset #delivery aria-describedby=[error.map(|_| "delivery-error")] {
            legend { "Delivery" }
            div.cards.ways {
                @for (method, charged) in shown.offer.ways() {
                    label.card-choice {
                        input id={ "delivery-" (method.as_str()) } type="radio" name="delivery" value=(method.as_str()) checked[method == shown.typed.delivery()];
                        span {
                            strong { (method.title()) " · " (delivery_price(charged.charges.delivery)) }
                            small { (promise(method)) }
                        }
                    }
                }
            }
            @if let Some(error) = error { p.error #delivery-error { (error) } }
        }
    }
}

/// The total of each way; the style sheet shows the one that is chosen, and without it each has its name.
fn totals(shown: &Shown) -> Markup {
    html! {
        @for (method, charged) in shown.offer.ways() {
            span class={ "way for-" (method.as_str()) } { " · " span.way-name { (method.title()) " " } (price(charged.total)) }
        }
    }
}

/// The cart beside the form, the voucher, and the parts of the total.
fn beside(shown: &Shown) -> Markup {
    html! {
        aside.summary aria-label="Your order" {
            h2 { "Your order" }
            (summary_lines(shown.cart))
            (voucher(shown.typed))
            @for (method, charged) in shown.offer.ways() {
                div class={ "way for-" (method.as_str()) } {
                    (sums(&charged.charges, charged.total, &country(shown.typed)))
                }
            }
        }
    }
}

fn country(typed: &Typed) -> String {
    let code = typed.value("country");
    if COUNTRIES.iter().any(|(known, _)| *known == code) { code.to_owned() } else { "DE".to_owned() }
}

/// Belongs to the form, but stands behind its button: pressing Enter elsewhere never means this.
fn voucher(typed: &Typed) -> Markup {
    let error = typed.error("voucher");
    html! {
        div.field.voucher.wrong[error.is_some()] {
            label for="voucher" { "Voucher" span.optional { " (if you have one)" } }
            div.voucher-row {
                input #voucher name="voucher" form="checkout-form" value=(typed.value("voucher")) maxlength="64" autocomplete="off" autocapitalize="characters" spellcheck="false"
                    aria-invalid=[error.map(|_| "true")] aria-describedby=[error.map(|_| "voucher-error")];
                button.button.quiet type="submit" form="checkout-form" name="do" value="show" formnovalidate { "Apply" }
            }
            @if let Some(error) = error { p.error #voucher-error { (error) } }
        }
    }
}

/// That an earlier press may have become an order.
fn unsettled(visitor: &Visitor) -> Markup {
    let Some(cart) = &visitor.cart else { return html! {} };
    let Some(unsettled) = cart.progress.unsettled else { return html! {} };
    html! {
        @match unsettled.order {
            Some(order) => (notice(Tone::Plain, html! { p { "An order from this cart is " a href={ "/orders/" (order) } { "still being confirmed" } "." @if unsettled.version != cart.version { " What you order here comes on top of it." } } })),
            None if unsettled.version == cart.version => (notice(Tone::Plain, html! { p { "We do not know yet whether your order arrived. Pressing the button again is safe: it will not be placed or charged twice." } })),
            None => (notice(Tone::Plain, html! { p { "Before you changed your cart you ordered from it, and we do not know whether that order arrived. If it did, a message is in your mail; you can also " a href="/orders/lookup" { "look it up" } "." } })),
        }
    }
}
