//! The checkout's form.

use maud::{Markup, html};

use shop_contracts::delivery::{DeliveryMethod, PICK_UP_COUNTRY};
use shop_contracts::premises::{COUNTER, COUNTER_HOURS};
use shop_contracts::vouchers::VoucherTerms;

use super::super::cart;
use super::address_book::{self, Book};
use super::press::{AS, AS_ACCOUNT};
use crate::cart::{Offer, Priced};
use crate::checkout::Seen;
use crate::form::{CARDS, COUNTRIES, Typed};
use crate::view::{
    Frame, Tone, delivery_price, field, notice, price, promise, summary_lines, sums_with, tax_lines,
};
use crate::visitor::Visitor;

/// A checkout form as it is shown.
pub(super) struct Shown<'a> {
    pub visitor: &'a Visitor,
    pub cart: &'a Priced,
    pub offer: &'a Offer,
    pub typed: &'a Typed,
    /// The account's saved addresses.
    pub book: &'a Book,
    pub news: &'a cart::News,
    /// Whether the cart is an account's, or the form was filled in by one, whose session is over.
    pub is_logged_out: bool,
    pub message: Option<Markup>,
}

impl Shown<'_> {
    /// What a press of its button agrees to.
    fn seen(&self) -> Seen {
        let version = self.visitor.cart.as_ref().map_or(0, |cart| cart.version);
        Seen { version, fingerprint: self.offer.fingerprint(self.cart) }
    }
}

pub(super) fn body(shown: &Shown, voucher: Option<&VoucherTerms>) -> Markup {
    let typed = shown.typed;
    html! {
        div.wrap {
            h1 { "Checkout" }
            (shown.news.notices())
            @if let Some(message) = &shown.message { (message) }
            @if shown.message.is_none() { (unsettled(shown.visitor)) (logged_out(shown)) }
            (cart::changes(shown.cart))
            div.checkout-grid {
                form #checkout-form.form action="/checkout" method="post" novalidate data-once {
                    // The form's first button is what Enter means, wherever it is pressed.
                    button.sr type="submit" tabindex="-1" aria-hidden="true" { "Place order" }
                    (Frame::For(shown.visitor).csrf())
                    input type="hidden" name="seen" value=(shown.seen().to_field());
                    @if shown.visitor.account.is_some() { input type="hidden" name=(AS) value=(AS_ACCOUNT); }
                    fieldset {
                        legend { "Contact" }
                        @if shown.visitor.account.is_none() {
                            p.hint { "No account needed. " a href="/login?return_to=/checkout" { "Log in" } " if you have one." }
                        }
                        (field(typed, "email", "E-mail", "email", "email", Some("For the confirmation, and nothing else.")))
                    }
                    fieldset {
                        legend { "Address" }
                        (address_book::choices(shown.book, typed))
                        (field(typed, "name", "Name", "text", "name", None))
                        (field(typed, "address1", "Street and number", "text", "address-line1", None))
                        div.pair {
                            (field(typed, "postcode", "Postcode", "text", "postal-code", None))
                            (field(typed, "city", "Town or city", "text", "address-level2", None))
                        }
                        div.field.wrong[typed.error("country").is_some()] {
                            label for="country" { "Country" }
                            select #country name="country" autocomplete="country"
                                aria-invalid=[typed.error("country").map(|_| "true")] aria-describedby=[typed.error("country").map(|_| "country-error")] {
                                @for (code, name) in COUNTRIES { option value=(code) selected[code == typed.value("country")] { (name) } }
                            }
                            @if let Some(error) = typed.error("country") { p.error #country-error { (error) } }
                        }
                    }
                    (delivery(shown))
                    fieldset #payment.wrong[typed.error("payment_token").is_some()] aria-describedby=[typed.error("payment_token").map(|_| "payment-error")] {
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
                        @if let Some(error) = typed.error("payment_token") { p.error #payment-error { (error) } }
                    }
                    button #place-order.button.wide type="submit" { "Place order" (totals(shown)) }
                    p.hint.centre { "Delivery and VAT are in the total." }
                }
                (beside(shown, voucher))
            }
        }
    }
}

/// How it gets there.
fn delivery(shown: &Shown) -> Markup {
    let error = shown.typed.error("delivery");
    html! {
        fieldset #delivery.wrong[error.is_some()] aria-describedby=[error.map(|_| "delivery-error")] {
            legend { "Delivery" }
            div.cards.ways {
                @for (method, charged) in shown.offer.ways() {
                    label.card-choice {
                        input id={ "delivery-" (method.as_str()) } type="radio" name="delivery" value=(method.as_str()) checked[method == shown.typed.delivery()];
                        span {
                            strong.way-title { span { (method.title()) } " " span { (delivery_price(charged.charges.delivery)) } }
                            small { (promise(method)) }
                        }
                    }
                }
            }
            p.hint { "Picked up at " (COUNTER.line()) ". " (COUNTER_HOURS) "." }
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
fn beside(shown: &Shown, terms: Option<&VoucherTerms>) -> Markup {
    html! {
        aside.summary aria-label="Your order" {
            h2 { "Your order" }
            (summary_lines(shown.cart))
            (voucher(shown.typed))
            @for (method, charged) in shown.offer.ways() {
                div class={ "way for-" (method.as_str()) } {
                    (sums_with(&charged.charges, charged.total, contained_tax(shown, terms, method)))
                }
            }
        }
    }
}

/// The tax in the total, in each country that the parcel may go to: the style sheet shows that of the country which is
/// chosen, and where it cannot, none of them. What is picked up is taxed where it is picked up.
fn contained_tax(shown: &Shown, terms: Option<&VoucherTerms>, method: DeliveryMethod) -> Markup {
    if method == DeliveryMethod::PickUp {
        return tax_lines(&shown.offer.by(method).charges, PICK_UP_COUNTRY, "");
    }
    html! {
        dt.tax.tax-untold { "VAT included" } dd.tax.tax-untold { "as in the country that it goes to" }
        @for (code, _) in COUNTRIES {
            @if let Ok(there) = Offer::new(shown.cart, code, terms) {
                (tax_lines(&there.by(method).charges, code, &format!("tax-in tax-in-{code}")))
            }
        }
    }
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

/// That the session is over.
fn logged_out(shown: &Shown) -> Markup {
    html! {
        @if shown.is_logged_out {
            (notice(Tone::Plain, html! { p #logged-out {
                strong { "You were logged out." } " " a href="/login?return_to=/checkout" { "Log in to order this cart" }
                " with your account, or order it below as a guest instead: then it is not listed in your account."
            } }))
        }
    }
}

/// That an earlier press may have become an order.
fn unsettled(visitor: &Visitor) -> Markup {
    let Some(cart) = &visitor.cart else { return html! {} };
    html! {
        @match cart.unsettled() {
            Some(_) => (notice(Tone::Plain, html! { p { "We do not know yet whether your order arrived. Pressing the button again is safe: it will not be placed or charged twice." } })),
            None => {
                @match cart.progress.open.len() {
                    0 => {}
                    1 => (notice(Tone::Plain, html! { p { "An order of yours is " a href="/cart" { "still being confirmed" } ". What you order here comes on top of it." } })),
                    _ => (notice(Tone::Plain, html! { p { "Orders of yours are " a href="/cart" { "still being confirmed" } ". What you order here comes on top of them." } })),
                }
            }
        }
    }
}
