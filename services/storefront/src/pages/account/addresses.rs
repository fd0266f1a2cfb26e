//! The account's book of addresses. The first one fills the checkout's form.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::{Addresses, SavedAddress};
use shop_instrumentation::client::CallError;

use super::{Owner, OwnerForm, PageError, Shop, Tab, frame, see_other, with_status};
use crate::form::{COUNTRIES, Typed, country_name};
use crate::view::{Frame, Tone, field, notice};
use crate::visitor::Visitor;

const FIELDS: [&str; 6] = ["label", "name", "address1", "city", "postcode", "country"];
/// As many as identity keeps.
const MOST: usize = 10;

pub(super) async fn show(State(shop): State<Shop>, owner: Owner) -> Result<Response, PageError> {
    let book = shop.peers.addresses(owner.account.account_id).await?;
    let mut typed = Typed::default();
    typed.set("country", "DE").set("name", &owner.account.display_name);
    let body = frame(&owner.visitor, &owner.account, Tab::Addresses, page(&owner.visitor, &book, &typed));
    Ok(shop.page(&owner.visitor, "Your addresses", body).await)
}

/// Adds an address, or replaces the one of the same label.
pub(super) async fn save(State(shop): State<Shop>, owner: OwnerForm) -> Result<Response, PageError> {
    let OwnerForm { form, account } = owner;
    let mut book = shop.peers.addresses(account.account_id).await?;
    let mut typed = Typed::default();
    for name in FIELDS {
        typed.set(name, form.text(name));
    }
    typed.check_saved_address();
    let label = typed.value("label").to_owned();
    book.addresses.retain(|saved| saved.label != label);
    if book.addresses.len() >= MOST {
        typed.wrong(
            "label",
            format!("At most {MOST} addresses: remove one first, or use its name to replace it."),
        );
    }
    if typed.is_fine() {
        let preferred = form.text("preferred") == "yes";
        let at = if preferred { 0 } else { book.addresses.len() };
        book.addresses.insert(at, SavedAddress { label, address: typed.address() });
        match shop.peers.save_addresses(account.account_id, &book).await {
            Ok(_) => return Ok(see_other("/account/addresses")),
            Err(CallError::Problem { status: 422, detail, errors, .. }) => {
                let said = errors.into_iter().next().map_or(detail, |wrong| wrong.detail);
                typed.wrong("label", said);
            }
            Err(cause) => return Err(cause.into()),
        }
        book = shop.peers.addresses(account.account_id).await?;
    }
    let body = frame(&form.visitor, &account, Tab::Addresses, page(&form.visitor, &book, &typed));
    let page = shop.page(&form.visitor, "Your addresses", body).await;
    Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page))
}

pub(super) async fn remove(State(shop): State<Shop>, owner: OwnerForm) -> Result<Response, PageError> {
    let label = owner.form.text("label");
    let mut book = shop.peers.addresses(owner.account.account_id).await?;
    let before = book.addresses.len();
    book.addresses.retain(|saved| saved.label != label);
    if book.addresses.len() < before {
        shop.peers.save_addresses(owner.account.account_id, &book).await?;
    }
    Ok(see_other("/account/addresses"))
}

fn page(visitor: &Visitor, book: &Addresses, typed: &Typed) -> Markup {
    html! {
        h2 { "Your addresses" }
        @if book.addresses.is_empty() {
            (notice(Tone::Plain, html! { p { "None yet. The first one fills in the checkout for you." } }))
        }
        ul.book {
            @for (at, saved) in book.addresses.iter().enumerate() {
                li {
                    div {
                        strong { (saved.label) } @if at == 0 { " " span.status.good { "Fills the checkout" } }
                        p.hint {
                            (saved.address.name) ", " (saved.address.address1) ", " (saved.address.postcode) " " (saved.address.city)
                            ", " (country_name(&saved.address.country))
                        }
                    }
                    form action="/account/addresses/remove" method="post" {
                        (Frame::For(visitor).csrf())
                        input type="hidden" name="label" value=(saved.label);
                        button.link type="submit" aria-label={ "Remove " (saved.label) } { "Remove" }
                    }
                }
            }
        }
        h2 { "Add an address" }
        form #address-form.form action="/account/addresses" method="post" novalidate {
            (Frame::For(visitor).csrf())
            (field(typed, "label", "Call it", "text", "off", Some("Such as “Home” or “The boat”. A name that you used before replaces that address.")))
            (field(typed, "name", "Name on the parcel", "text", "name", None))
            (field(typed, "address1", "Street and number", "text", "address-line1", None))
            div.pair {
                (field(typed, "postcode", "Postcode", "text", "postal-code", None))
                (field(typed, "city", "Town or city", "text", "address-level2", None))
            }
            div.field.wrong[typed.error("country").is_some()] {
                label for="country" { "Country" }
                select #country name="country" autocomplete="country" {
                    @for (code, name) in COUNTRIES { option value=(code) selected[typed.value("country") == code] { (name) } }
                }
                @if let Some(error) = typed.error("country") { p.error { (error) } }
            }
            label.check { input type="checkbox" name="preferred" value="yes"; " Fill the checkout with this one" }
            button.button type="submit" { "Save the address" }
        }
    }
}
