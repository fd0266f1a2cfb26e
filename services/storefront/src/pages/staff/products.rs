//! Products: found by words, changed by managers, with what was changed before.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::catalog::{EditProduct, ExpectedProduct, Product, ProductHistory};
use shop_contracts::identity::StaffRole;
use shop_contracts::{Currency, Money};
use shop_instrumentation::problem::Code;

use super::forms::{Field, Form, Kind, Refused, answer, typed};
use super::frame::csrf;
use super::member::{Staff, StaffForm};
use super::orders::actions::minor_units;
use super::{PageError, Shop, frame, grouping, see_other};
use crate::border::{QueryFields, Slug};
use crate::form::Typed;
use crate::peers::Listing;
use crate::view::{Tone, notice, pager, price};

const LAST_PAGE: u32 = 10_000;
const LONGEST_WORDS: usize = 200;
const EDIT: &str = "edit";
/// As the catalogue takes them.
const LONGEST_NAME: usize = 120;
const LONGEST_DESCRIPTION: usize = 2_000;
const LONGEST_NOTE: usize = 500;
const MAX_PRICE_MINOR: i64 = 100_000_000;
/// What the page showed goes along with what was typed.
const SHOWN_NAME: &str = "shown_name";
const SHOWN_DESCRIPTION: &str = "shown_description";
const SHOWN_PRICE: &str = "shown_price";
const FIELDS: [&str; 7] =
    ["name", "description", "price", "note", SHOWN_NAME, SHOWN_DESCRIPTION, SHOWN_PRICE];

/// The words that products are looked for by.
pub(super) fn words(query: &QueryFields) -> String {
    let words: String = query.get("q").chars().filter(|c| !c.is_control()).take(LONGEST_WORDS).collect();
    words.trim().to_owned()
}

/// A page of what the catalogue finds by these words; without any, of everything.
pub(super) fn listing(words: &str, page: u32) -> Listing {
    Listing {
        words: (!words.is_empty()).then(|| words.to_owned()),
        page,
        per_page: 24,
        ungrouped: true,
        ..Listing::default()
    }
}

/// The form that looks for products by words.
pub(super) fn search(action: &str, words: &str) -> Markup {
    html! {
        form.filters action=(action) method="get" role="search" {
            div.field { label for="q" { "Words" } input #q name="q" value=(words) maxlength=(LONGEST_WORDS); }
            button.button.small type="submit" { "Find" }
        }
    }
}

pub(super) async fn list(
    State(shop): State<Shop>,
    staff: Staff,
    query: QueryFields,
) -> Result<Response, PageError> {
    let words = words(&query);
    let listing = listing(&words, query.page(LAST_PAGE));
    let (departments, page) = tokio::join!(shop.peers.categories(), shop.peers.list(&listing));
    let page = page?;
    let department = |slug: &str| {
        departments
            .iter()
            .find(|one| one.slug == slug)
            .map_or_else(|| slug.to_owned(), |one| one.name.clone())
    };
    let body = html! {
        h1 { "Products" }
        (search("/staff/products", &words))
        @if page.items.is_empty() { div.empty { p { "No product matches." } } } @else {
            div.scroll tabindex="0" role="region" aria-label="Products" {
                table {
                    thead { tr { th { "Name" } th { "Maker" } th { "Department" } th.num { "Price" } } }
                    tbody {
                        @for item in &page.items {
                            tr {
                                td { a href={ "/staff/products/" (item.slug) } { (item.name) } }
                                td { (item.maker) } td { (department(&item.category)) } td.num { (price(item.price)) }
                            }
                        }
                    }
                }
            }
        }
        (pager(&page, |number| format!("/staff/products?page={number}&q={}", urlencoding::encode(&words))))
    };
    Ok(frame::page(&staff, frame::Part::Products, "Products", body))
}

pub(super) async fn show(
    State(shop): State<Shop>,
    staff: Staff,
    slug: Slug,
    query: QueryFields,
) -> Result<Response, PageError> {
    render(&shop, &staff, &slug, None, !query.get("done").is_empty()).await
}

pub(super) async fn save(
    State(shop): State<Shop>,
    slug: Slug,
    form: StaffForm,
) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Manager)?;
    let product = shop.peers.product(slug.as_str()).await?;
    let mut typed = typed(&form, &FIELDS);
    let refused = async |refused: Refused| render(&shop, &form.staff, &slug, Some(&refused), false).await;
    let Some(price) = checked(&mut typed, product.price.currency) else {
        return refused(Refused::wrong(EDIT, typed)).await;
    };
    let shown = Shown::of(&typed, &product);
    let request = changes(&form.staff, &typed, &shown, price);
    if request.name.is_none() && request.description.is_none() && request.price.is_none() {
        let text = "Not done: everything is as it was.".to_owned();
        return refused(Refused { text, ..Refused::wrong(EDIT, typed) }).await;
    }
    match shop.peers.edit_product(product.id, &request).await {
        Ok(_) => Ok(see_other(&format!("/staff/products/{}?done=edit", slug.as_str()))),
        Err(cause) => {
            if cause.code() == Code::Conflict {
                said_by_others(&mut typed, &request, &shop.peers.product(slug.as_str()).await?);
            }
            refused(Refused::by_service(EDIT, typed, cause)?).await
        }
    }
}

/// What the page showed when it was opened.
struct Shown {
    name: String,
    description: String,
    price: Money,
}

impl Shown {
    /// From the form; a form from before pages said what they showed stands on the product as it is.
    fn of(typed: &Typed, product: &Product) -> Self {
        let text = |field, now: &str| match typed.value(field) {
            "" => now.to_owned(),
            shown => shown.to_owned(),
        };
        let price = typed.value(SHOWN_PRICE).parse().map(|minor| Money::new(minor, product.price.currency));
        Self {
            name: text(SHOWN_NAME, &product.name),
            description: text(SHOWN_DESCRIPTION, &product.description),
            price: price.unwrap_or(product.price),
        }
    }
}

/// The price, when every field is right; otherwise each wrong one is marked.
fn checked(typed: &mut Typed, currency: Currency) -> Option<Money> {
    let price = minor_units(typed.value("price")).filter(|minor| (1..=MAX_PRICE_MINOR).contains(minor));
    if price.is_none() {
        typed.wrong("price", "Enter a price from 0.01 to 1,000,000.00, like 12.50.");
    }
    for (field, most) in [("name", LONGEST_NAME), ("description", LONGEST_DESCRIPTION)] {
        if !(1..=most).contains(&typed.value(field).chars().count()) {
            typed.wrong(field, format!("Enter 1 to {most} characters."));
        }
    }
    if typed.value("note").len() > LONGEST_NOTE {
        typed.wrong("note", "Too long: some 500 characters at most.");
    }
    price.filter(|_| typed.is_fine()).map(|minor| Money::new(minor, currency))
}

/// Only what differs from what was shown, and that it was shown so: what is not sent stays as it is, and what somebody else
/// changed meanwhile is not set back.
fn changes(staff: &Staff, typed: &Typed, shown: &Shown, price: Money) -> EditProduct {
    let changed = |field, before: &str| {
        let now = typed.value(field);
        (now != before.trim()).then(|| now.to_owned())
    };
    let name = changed("name", &shown.name);
    let description = changed("description", &shown.description);
    let price = (price != shown.price).then_some(price);
    let expected = ExpectedProduct {
        name: name.as_ref().map(|_| shown.name.clone()),
        description: description.as_ref().map(|_| shown.description.clone()),
        price: price.map(|_| shown.price),
    };
    EditProduct {
        actor: staff.member.username.clone(),
        name,
        description,
        price,
        note: typed.value("note").to_owned(),
        expected: Some(expected),
    }
}

/// After a conflict: each field that was to be changed and is another by now says what it is, and what was not touched is
/// shown as it is now, so that saving once more changes what was meant and nothing else.
fn said_by_others(typed: &mut Typed, request: &EditProduct, now: &Product) {
    let expected = request.expected.clone().unwrap_or_default();
    typed.set(SHOWN_NAME, now.name.clone()).set(SHOWN_DESCRIPTION, now.description.clone());
    typed.set(SHOWN_PRICE, now.price.amount_minor.to_string());
    let meanwhile =
        |now: &str| format!("Somebody else made this “{now}” meanwhile. Saving again replaces that.");
    match expected.name {
        Some(shown) if shown.trim() != now.name.trim() => typed.wrong("name", meanwhile(&now.name)),
        Some(_) => {}
        None => {
            typed.set("name", now.name.clone());
        }
    }
    match expected.description {
        Some(shown) if shown.trim() != now.description.trim() => {
            typed.wrong("description", meanwhile(&now.description));
        }
        Some(_) => {}
        None => {
            typed.set("description", now.description.clone());
        }
    }
    match expected.price {
        Some(shown) if shown != now.price => typed.wrong("price", meanwhile(&price(now.price))),
        Some(_) => {}
        None => {
            typed.set("price", plain(now.price));
        }
    }
}

/// An amount as it is typed.
fn plain(money: Money) -> String {
    format!("{}.{:02}", money.amount_minor / 100, money.amount_minor % 100)
}

pub(super) async fn render(
    shop: &Shop,
    staff: &Staff,
    slug: &Slug,
    refused: Option<&Refused>,
    done: bool,
) -> Result<Response, PageError> {
    let product = shop.peers.product(slug.as_str()).await?;
    let history = shop.peers.product_history(product.id).await;
    if let Err(cause) = &history {
        tracing::warn!(error = %cause, "history of a product is unavailable");
    }
    let groups = grouping::choosable(shop, staff, &product).await;
    let body = html! {
        p.crumbs { a href="/staff/products" { "Products" } " / " (product.name) }
        h1 { (product.name) }
        @if let Some(refused) = refused { (refused.notice()) }
        @if done { (notice(Tone::Good, html! { p { "Saved. The shop shows it within a few seconds." } })) }
        p { a href={ "/p/" (product.slug) } { "In the shop" } " · " a href={ "/staff/stock/" (product.id) } { "Stock" } }
        @if staff.may(StaffRole::Manager) { (form(staff, &product, refused)) } @else { p.prose { (product.description) } p { strong { (price(product.price)) } } }
        (grouping::section(staff, &product, &groups, refused))
        h2 { "Changes" }
        (changed(history.ok().as_ref()))
    };
    let page = frame::page(staff, frame::Part::Products, &product.name, body);
    Ok(answer(refused, page))
}

fn form(staff: &Staff, product: &Product, refused: Option<&Refused>) -> Markup {
    let form = Form { name: EDIT, refused };
    let field = |name, label: &str, longest, kind, value: &str, required| {
        form.field(&Field { name, label, longest, kind, value, required })
    };
    let (price, price_minor) = (plain(product.price), product.price.amount_minor.to_string());
    html! {
        form #edit-form.card action={ "/staff/products/" (product.slug) } method="post" novalidate data-once="Saving…" {
            (csrf(staff))
            // What was refused is held against what its page showed, not against what is there by now.
            @for (name, now) in [(SHOWN_NAME, &product.name), (SHOWN_DESCRIPTION, &product.description), (SHOWN_PRICE, &price_minor)] {
                input type="hidden" name=(name) value=(match form.chosen(name) { "" => now.as_str(), shown => shown });
            }
            (field("name", "Name", LONGEST_NAME, Kind::Line, &product.name, true))
            (field("description", "Description", LONGEST_DESCRIPTION, Kind::Lines, &product.description, true))
            (field("price", &format!("Price of one, {}", product.price.currency), 12, Kind::Amount, &price, true))
            (field("note", "Why", LONGEST_NOTE, Kind::Line, "", false))
            button.button type="submit" { "Save" }
        }
    }
}

fn changed(history: Option<&ProductHistory>) -> Markup {
    html! {
        @match history {
            None => (notice(Tone::Bad, html! { p { "The changes cannot be shown just now." } })),
            Some(history) if history.changes.is_empty() => p.hint { "Never changed." },
            Some(history) => ol.history {
                @for change in &history.changes {
                    li {
                        time { (change.at.format("%-d %b %Y, %H:%M:%S")) } " " strong { (change.field) } " by " (change.actor)
                        p.hint { del { (change.before) } " → " ins { (change.after) } @if !change.note.is_empty() { " · " (change.note) } }
                    }
                }
            },
        }
    }
}
