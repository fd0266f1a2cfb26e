//! Products: found by words, changed by managers, with what was changed before.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::Money;
use shop_contracts::catalog::{EditProduct, Product, ProductHistory};
use shop_contracts::identity::StaffRole;
use shop_instrumentation::client::CallError;

use super::frame::csrf;
use super::member::{Staff, StaffForm};
use super::orders::actions::minor_units;
use super::{PageError, Shop, frame, see_other};
use crate::border::{QueryFields, Slug};
use crate::pages::with_status;
use crate::peers::Listing;
use crate::view::{Tone, notice, pager, price};

const LAST_PAGE: u32 = 10_000;
const LONGEST_WORDS: usize = 200;

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

pub(super) async fn show(State(shop): State<Shop>, slug: Slug, staff: Staff) -> Result<Response, PageError> {
    render(&shop, &staff, &slug, None).await
}

pub(super) async fn save(
    State(shop): State<Shop>,
    slug: Slug,
    form: StaffForm,
) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Manager)?;
    let product = shop.peers.product(slug.as_str()).await?;
    let refused = async |status: u16, text: String| {
        let page = render(&shop, &form.staff, &slug, Some((Tone::Bad, text))).await?;
        Ok(with_status(StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), page))
    };
    let Some(minor) = minor_units(&form.text("price")) else {
        return refused(422, "The price must look like 12.50 and be more than nothing.".to_owned()).await;
    };
    let request = changes(&form, &product, minor);
    if request.name.is_none() && request.description.is_none() && request.price.is_none() {
        return refused(422, "Nothing was changed: everything is as it was.".to_owned()).await;
    }
    match shop.peers.edit_product(product.id, &request).await {
        Ok(_) => Ok(see_other(&format!("/staff/products/{}", slug.as_str()))),
        Err(CallError::Problem { status: status @ (409 | 422), detail, errors, .. }) => {
            let said = errors
                .into_iter()
                .next()
                .map_or(detail, |wrong| format!("{}: {}", wrong.field, wrong.detail));
            refused(status, format!("Not done: {said}")).await
        }
        Err(cause) => Err(cause.into()),
    }
}

/// Only what differs: what is not sent stays as it is.
fn changes(form: &StaffForm, product: &Product, price_minor: i64) -> EditProduct {
    let (name, description) = (form.text("name"), form.text("description"));
    EditProduct {
        actor: form.staff.member.username.clone(),
        name: (name != product.name).then_some(name),
        description: (description != product.description).then_some(description),
        price: (price_minor != product.price.amount_minor)
            .then_some(Money::new(price_minor, product.price.currency)),
        note: form.text("note"),
    }
}

async fn render(
    shop: &Shop,
    staff: &Staff,
    slug: &Slug,
    message: Option<(Tone, String)>,
) -> Result<Response, PageError> {
    let product = shop.peers.product(slug.as_str()).await?;
    let history = shop.peers.product_history(product.id).await;
    if let Err(cause) = &history {
        tracing::warn!(error = %cause, "history of a product is unavailable");
    }
    let body = html! {
        p.crumbs { a href="/staff/products" { "Products" } " / " (product.name) }
        h1 { (product.name) }
        @if let Some((tone, text)) = message { (notice(tone, html! { p { (text) } })) }
        p { a href={ "/p/" (product.slug) } { "In the shop" } " · " a href={ "/staff/stock/" (product.id) } { "Stock" } }
        @if staff.may(StaffRole::Manager) { (form(staff, &product)) } @else { p { (product.description) } p { strong { (price(product.price)) } } }
        h2 { "Changes" }
        (changed(history.ok().as_ref()))
    };
    Ok(frame::page(staff, frame::Part::Products, &product.name, body))
}

fn form(staff: &Staff, product: &Product) -> Markup {
    let minor = product.price.amount_minor;
    html! {
        form.card action={ "/staff/products/" (product.slug) } method="post" {
            (csrf(staff))
            div.field { label for="name" { "Name" } input #name name="name" required maxlength="120" value=(product.name) autocomplete="off"; }
            div.field { label for="description" { "Description" } textarea #description name="description" required maxlength="2000" rows="5" { (product.description) } }
            div.field { label for="price" { "Price of one, " (product.price.currency) } input #price name="price" inputmode="decimal" required maxlength="12" value={ (minor / 100) "." (format!("{:02}", minor % 100)) } autocomplete="off"; }
            div.field { label for="note" { "Why" } input #note name="note" maxlength="500" autocomplete="off"; }
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
