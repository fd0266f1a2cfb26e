//! The account's book of addresses. The first one fills the checkout's form.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::{Addresses, SavedAddress};
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::{Owner, OwnerForm, PageError, Shop, Tab, frame, see_other, with_status};
use crate::border::QueryFields;
use crate::form::{COUNTRIES, Typed, country_name};
use crate::view::{Frame, Tone, field, notice};
use crate::visitor::{SignedIn, Visitor};

const FIELDS: [&str; 6] = ["label", "name", "address1", "city", "postcode", "country"];
/// As many as identity keeps.
const MOST: usize = 10;
const TOO_MANY: &str = "At most 10 addresses: remove one first, or use its name to replace it.";

pub(super) async fn show(
    State(shop): State<Shop>,
    query: QueryFields,
    owner: Owner,
) -> Result<Response, PageError> {
    let book = shop.peers.addresses(owner.account.account_id).await?;
    let mut typed = Typed::default();
    typed.set("country", "DE").set("name", &owner.account.display_name);
    let done = match query.get("done") {
        "saved" => Some("The address is saved."),
        "removed" => Some("The address is removed."),
        "preferred" => Some("That address fills the checkout from now on."),
        _ => None,
    };
    let body =
        frame(&owner.visitor, &owner.account, Tab::Addresses, page(&owner.visitor, &book, &typed, done));
    Ok(shop.page(&owner.visitor, "Your addresses", body).await)
}

/// Adds an address, or replaces the one of the same label.
pub(super) async fn save(State(shop): State<Shop>, owner: OwnerForm) -> Result<Response, PageError> {
    let OwnerForm { form, account } = owner;
    let mut typed = Typed::default();
    for name in FIELDS {
        typed.set(name, form.text(name));
    }
    typed.check_saved_address();
    let change = Change::Save(
        SavedAddress { label: typed.value("label").to_owned(), address: typed.address() },
        if form.text("preferred") == "yes" { Place::First } else { Place::Last },
    );
    let mut book = shop.peers.addresses(account.account_id).await?;
    if change.is_too_many(&book) {
        typed.wrong("label", TOO_MANY);
    }
    if typed.is_fine() {
        match changed(&shop, &account, book, &change).await {
            Ok(()) => return Ok(see_other("/account/addresses?done=saved")),
            Err(CallError::Problem { status: 422, detail, errors, .. }) => {
                let said = errors.into_iter().next().map_or(detail, |wrong| wrong.detail);
                typed.wrong("label", said);
            }
            Err(cause) => return Err(cause.into()),
        }
        book = shop.peers.addresses(account.account_id).await?;
    }
    let body = frame(&form.visitor, &account, Tab::Addresses, page(&form.visitor, &book, &typed, None));
    let page = shop.page(&form.visitor, "Your addresses", body).await;
    Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page))
}

pub(super) async fn remove(State(shop): State<Shop>, owner: OwnerForm) -> Result<Response, PageError> {
    let change = Change::Remove(owner.form.text("label"));
    let book = shop.peers.addresses(owner.account.account_id).await?;
    changed(&shop, &owner.account, book, &change).await?;
    Ok(see_other("/account/addresses?done=removed"))
}

/// The address that was chosen fills the checkout from now on.
pub(super) async fn prefer(State(shop): State<Shop>, owner: OwnerForm) -> Result<Response, PageError> {
    let change = Change::Prefer(owner.form.text("label"));
    let book = shop.peers.addresses(owner.account.account_id).await?;
    changed(&shop, &owner.account, book, &change).await?;
    Ok(see_other("/account/addresses?done=preferred"))
}

/// One change of a book, which can be made to whatever the book is by now.
enum Change {
    Save(SavedAddress, Place),
    Remove(String),
    Prefer(String),
}

#[derive(Clone, Copy)]
enum Place {
    First,
    Last,
}

impl Change {
    /// The entries with this change; nothing when they are so already.
    fn applied(&self, before: &[SavedAddress]) -> Option<Vec<SavedAddress>> {
        let (Self::Save(SavedAddress { label, .. }, _) | Self::Remove(label) | Self::Prefer(label)) = self;
        let (named, mut after): (Vec<_>, Vec<_>) =
            before.iter().cloned().partition(|one| one.label == *label);
        match self {
            Self::Save(new, Place::First) => after.insert(0, new.clone()),
            Self::Save(new, Place::Last) => after.push(new.clone()),
            Self::Remove(_) => {}
            Self::Prefer(_) => drop(after.splice(0..0, named)),
        }
        (after != before).then_some(after)
    }

    fn is_too_many(&self, book: &Addresses) -> bool {
        self.applied(&book.addresses).is_some_and(|after| after.len() > MOST)
    }
}

/// Makes one change of a book that others may change at the same time: on a conflict it is made to the book as it is then.
async fn changed(
    shop: &Shop,
    account: &SignedIn,
    mut book: Addresses,
    change: &Change,
) -> Result<(), CallError> {
    for last in [false, false, false, true] {
        let Some(addresses) = change.applied(&book.addresses) else { return Ok(()) };
        let if_version = book.version.take();
        let wanted = Addresses { addresses, if_version, ..Addresses::default() };
        match shop.peers.save_addresses(account.account_id, &wanted).await {
            Err(cause) if cause.code() == Code::Conflict && !last => {
                book = shop.peers.addresses(account.account_id).await?;
            }
            other => return other.map(drop),
        }
    }
    Ok(())
}

fn page(visitor: &Visitor, book: &Addresses, typed: &Typed, done: Option<&str>) -> Markup {
    html! {
        @if let Some(done) = done { (notice(Tone::Good, html! { p { (done) } })) }
        h2 { "Your addresses" }
        @if book.addresses.is_empty() {
            div.empty { p { "None yet. The first one fills in the checkout for you." } }
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
                    @if at > 0 {
                        form action="/account/addresses/prefer" method="post" {
                            (Frame::For(visitor).csrf())
                            input type="hidden" name="label" value=(saved.label);
                            button.link type="submit" aria-label={ "Use first: " (saved.label) } { "Use first" }
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
