//! Products: found by words, changed by managers, with what was changed before.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::Money;
use shop_contracts::catalog::{EditProduct, Product, ProductHistory};
use shop_contracts::identity::StaffRole;

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

pub(super) async fn list(
    State(shop): State<Shop>,
    query: QueryFields,
    staff: Staff,
) -> Result<Response, PageError> {
    let words: String = query.get("q").chars().filter(|c| !c.is_control()).take(LONGEST_WORDS).collect();
    let words = words.trim().to_owned();
    let listing = Listing {
        words: (!words.is_empty()).then(|| words.clone()),
        page: query.page(LAST_PAGE),
        per_page: 24,
        ungrouped: true,
        ..Listing::default()
    };
    let page = shop.peers.list(&listing).await?;
    let body = html! {
        h1 { "Products" }
        form.filters action="/staff/products" method="get" role="search" {
            div.field { label for="q" { "Words" } input #q name="q" value=(words) maxlength=(LONGEST_WORDS); }
            button.button.small type="submit" { "Find" }
        }
        @if page.items.is_empty() { div.empty { p { "No product matches." } } } @else {
            div.scroll tabindex="0" role="region" aria-label="Products" {
                table {
                    thead { tr { th { "Name" } th { "Maker" } th { "Category" } th.num { "Price" } } }
                    tbody {
                        @for item in &page.items {
                            tr {
                                td { a href={ "/staff/products/" (item.slug) } { (item.name) } }
                                td { (item.maker) } td { (item.category) } td.num { (price(item.price)) }
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
    slug: Slug,
    query: QueryFields,
    staff: Staff,
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
    let mut typed = typed(&form, &["name", "description", "price", "note"]);
    let refused = async |refused: Refused| render(&shop, &form.staff, &slug, Some(&refused), false).await;
    let Some(minor) = minor_units(typed.value("price")) else {
        typed.wrong("price", "Enter a price like 12.50.");
        return refused(Refused::wrong(EDIT, typed)).await;
    };
    let request = changes(&form.staff, &typed, &product, minor);
    if request.name.is_none() && request.description.is_none() && request.price.is_none() {
        let text = "Not done: everything is as it was.".to_owned();
        return refused(Refused { text, ..Refused::wrong(EDIT, typed) }).await;
    }
    match shop.peers.edit_product(product.id, &request).await {
        Ok(_) => Ok(see_other(&format!("/staff/products/{}?done=edit", slug.as_str()))),
        Err(cause) => refused(Refused::by_service(EDIT, typed, cause)?).await,
    }
}

/// Only what differs: what is not sent stays as it is.
fn changes(staff: &Staff, typed: &Typed, product: &Product, price_minor: i64) -> EditProduct {
    let changed = |field, before: &str| {
        let now = typed.value(field);
        (now != before).then(|| now.to_owned())
    };
    EditProduct {
        actor: staff.member.username.clone(),
        name: changed("name", &product.name),
        description: changed("description", &product.description),
        price: (price_minor != product.price.amount_minor)
            .then_some(Money::new(price_minor, product.price.currency)),
        note: typed.value("note").to_owned(),
    }
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
        @if staff.may(StaffRole::Manager) { (form(staff, &product, refused)) } @else { p { (product.description) } p { strong { (price(product.price)) } } }
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
    let minor = product.price.amount_minor;
    let price = format!("{}.{:02}", minor / 100, minor % 100);
    html! {
        form #edit-form.card action={ "/staff/products/" (product.slug) } method="post" novalidate data-once="Saving…" {
            (csrf(staff))
            (field("name", "Name", 120, Kind::Line, &product.name, true))
            (field("description", "Description", 2_000, Kind::Lines, &product.description, true))
            (field("price", &format!("Price of one, {}", product.price.currency), 12, Kind::Amount, &price, true))
            (field("note", "Why", 500, Kind::Line, "", false))
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
