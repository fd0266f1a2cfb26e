//! Stock: levels, scarcest first; a product's movements; corrections with a reason.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::StaffRole;
use shop_contracts::inventory::{NewAdjustment, StockItem, StockLedger};
use shop_contracts::{OrderId, ProductId};
use shop_instrumentation::client::CallError;
use shop_instrumentation::ids;

use super::forms::{Field, Form, Kind, Refused, answer, typed};
use super::frame::csrf;
use super::member::{Staff, StaffForm};
use super::{PageError, Shop, frame, products, see_other};
use crate::border::{PathId, QueryFields};
use crate::form::Typed;
use crate::view::{Tone, notice, pager};

const LAST_PAGE: u32 = 10_000;
const ADJUST: &str = "adjust";
/// As inventory takes them.
const MAX_DELTA: i64 = 100_000;
const LONGEST_NOTE: usize = 500;
const ONLY_MORE: &str = "delivery";
const ONLY_FEWER: [&str; 2] = ["damage", "theft"];
const REASONS: [(&str, &str); 5] = [
    ("delivery", "A delivery came"),
    ("count", "Counted anew"),
    ("damage", "Damaged"),
    ("theft", "Stolen or lost"),
    ("other", "Something else"),
];

/// A page of stock with the products' names.
pub(super) struct Named {
    pub items: Vec<(StockItem, Option<String>)>,
    pub page: u32,
    pub has_more: bool,
}

/// Stock with names; a name is missing where the catalogue does not know the product or does not answer.
pub(super) async fn named(shop: &Shop, page: u32) -> Result<Named, CallError> {
    let stock = shop.peers.staff_stock(page).await?;
    let ids: Vec<ProductId> = stock.items.iter().map(|item| item.product_id).collect();
    let mut names: HashMap<ProductId, String> = match shop.peers.products(&ids).await {
        Ok(products) => products.into_iter().map(|product| (product.id, product.name)).collect(),
        Err(cause) => {
            tracing::warn!(error = %cause, "names of products are unavailable");
            HashMap::new()
        }
    };
    let items = stock.items.into_iter().map(|item| {
        let name = names.remove(&item.product_id);
        (item, name)
    });
    Ok(Named { items: items.collect(), page: stock.page, has_more: stock.has_more })
}

/// Whether it runs out: less than a quarter of what the supplier fills up to.
pub(super) fn is_low(item: &StockItem) -> bool {
    item.available * 4 < item.target
}

pub(super) async fn list(
    State(shop): State<Shop>,
    staff: Staff,
    query: QueryFields,
) -> Result<Response, PageError> {
    let (words, number) = (products::words(&query), query.page(LAST_PAGE));
    let found =
        if words.is_empty() { all(&shop, number).await? } else { matching(&shop, &words, number).await? };
    let body = html! {
        h1 { "Stock" }
        p.lead { "Scarcest first" @if !words.is_empty() { " on each page" } ", measured against what the supplier fills up to." }
        (products::search("/staff/stock", &words))
        (found)
    };
    Ok(frame::page(&staff, frame::Part::Stock, "Stock", body))
}

/// A page of everything.
async fn all(shop: &Shop, number: u32) -> Result<Markup, CallError> {
    let page = named(shop, number).await?;
    Ok(html! {
        @if page.items.is_empty() { div.empty { p { "This page of the list is empty." } } } @else { (table(&page.items)) }
        nav.pager aria-label="Pages" {
            @if page.page > 1 { a href={ "/staff/stock?page=" (page.page - 1) } rel="prev" { "← Scarcer" } }
            @if page.has_more { a href={ "/staff/stock?page=" (page.page + 1) } rel="next" { "More →" } }
        }
    })
}

/// A page of the products that the catalogue finds by these words, scarcest first.
async fn matching(shop: &Shop, words: &str, number: u32) -> Result<Markup, CallError> {
    let page = shop.peers.list(&products::listing(words, number)).await?;
    if page.items.is_empty() {
        return Ok(html! { div.empty { p { "No product matches." } } });
    }
    let ids: Vec<ProductId> = page.items.iter().map(|item| item.id).collect();
    let stock = shop.peers.stock_of(&ids).await?;
    let name = |id: ProductId| {
        page.items.iter().find(|product| product.id == id).map(|product| product.name.clone())
    };
    let named = stock.items.into_iter().map(|item| {
        let name = name(item.product_id);
        (item, name)
    });
    let items: Vec<_> = named.collect();
    let link = |number| format!("/staff/stock?page={number}&q={}", urlencoding::encode(words));
    Ok(html! { (table(&items)) (pager(&page, link)) })
}

/// Levels as a table.
pub(super) fn table(items: &[(StockItem, Option<String>)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Stock" {
            table {
                thead { tr { th { "Thing" } th.num { "Available" } th.num { "Set aside" } th.num { "Filled up to" } } }
                tbody {
                    @for (item, name) in items {
                        tr {
                            td { a href={ "/staff/stock/" (item.product_id) } { @match name { Some(name) => (name), None => (item.product_id) } } }
                            td.num.scarce[is_low(item)] { (item.available) }
                            td.num { (item.held) }
                            td.num { (item.target) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) async fn show(
    State(shop): State<Shop>,
    staff: Staff,
    PathId(id): PathId,
    query: QueryFields,
) -> Result<Response, PageError> {
    let done = !query.get("done").is_empty();
    render(&shop, &staff, ProductId::new(id), query.page(LAST_PAGE), None, done).await
}

pub(super) async fn adjust(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Clerk)?;
    let id = ProductId::new(id);
    let key = form.key()?;
    let mut typed = typed(&form, &["delta", "reason", "note"]);
    let refused = async |refused: Refused| render(&shop, &form.staff, id, 1, Some(&refused), false).await;
    let available = item(&shop, id).await.ok().flatten().map(|item| item.available);
    let Some(delta) = checked(&mut typed, available) else {
        return refused(Refused::wrong(ADJUST, typed)).await;
    };
    let request = NewAdjustment {
        actor: form.staff.member.username.clone(),
        delta,
        reason: typed.value("reason").to_owned(),
        note: typed.value("note").to_owned(),
    };
    match shop.peers.adjust_stock(&key, id, &request).await {
        Ok(_) => Ok(see_other(&format!("/staff/stock/{id}?done=adjust"))),
        Err(cause) => refused(Refused::by_service(ADJUST, typed, cause)?).await,
    }
}

/// The level of one product, if inventory knows it.
async fn item(shop: &Shop, id: ProductId) -> Result<Option<StockItem>, CallError> {
    let found = shop.peers.stock_of(&[id]).await.inspect_err(|cause| {
        tracing::warn!(error = %cause, "level of a product is unavailable");
    })?;
    Ok(found.items.into_iter().find(|item| item.product_id == id))
}

/// Why pieces moved, in the words of the form that moves them.
fn moved(reason: &str) -> Cow<'_, str> {
    let by_itself = [
        ("opening", "At the beginning"),
        ("reserved", "Set aside for an order"),
        ("released", "Not needed for an order"),
        ("expired", "Set aside for too long"),
        ("cancelled", "Of a cancelled order"),
        ("returned", "Sent back"),
    ];
    let known = REASONS.iter().chain(&by_itself).find(|(known, _)| *known == reason);
    known.map_or_else(|| Cow::Owned(reason.replace('_', " ")), |(_, words)| Cow::Borrowed(*words))
}

/// What happens to a level that is low, corrected or not.
fn refilled(target: i64) -> String {
    format!(
        "Once it runs low, the supplier fills it up to {target} again, after a correction as well: that is a delivery of its own."
    )
}

/// How many pieces more or fewer; nothing when that is wrong, with what is wrong at each field.
fn checked(typed: &mut Typed, available: Option<i64>) -> Option<i64> {
    let delta = typed.value("delta").trim_start_matches('+').parse::<i64>().ok();
    let reason = typed.value("reason").to_owned();
    let wrong = match (delta, available) {
        (None, _) => Some("Say how many pieces more (12) or fewer (-3).".to_owned()),
        (Some(0), _) => Some("Say how many pieces more or fewer: not 0.".to_owned()),
        (Some(delta), _) if !(-MAX_DELTA..=MAX_DELTA).contains(&delta) => {
            Some("At most 100,000 pieces more or fewer at once.".to_owned())
        }
        (Some(1..), _) if ONLY_FEWER.contains(&reason.as_str()) => {
            Some("What is damaged, stolen or lost makes it fewer: say -3, not 3.".to_owned())
        }
        (Some(..0), _) if reason == ONLY_MORE => {
            Some("A delivery makes it more: say 12, not -12.".to_owned())
        }
        (Some(delta), Some(available)) if available + delta < 0 => {
            Some(format!("Only {available} are available: at most -{available}."))
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        typed.wrong("delta", wrong);
    }
    if !REASONS.iter().any(|(known, _)| *known == reason) {
        typed.wrong("reason", "Choose why.");
    }
    if typed.value("note").len() > LONGEST_NOTE {
        typed.wrong("note", "Too long: some 500 characters at most.");
    }
    delta.filter(|_| typed.is_fine())
}

async fn render(
    shop: &Shop,
    staff: &Staff,
    id: ProductId,
    page: u32,
    refused: Option<&Refused>,
    done: bool,
) -> Result<Response, PageError> {
    let ids = [id];
    let (ledger, product, item) =
        tokio::join!(shop.peers.stock_ledger(id, page), shop.peers.products(&ids), item(shop, id));
    let ledger = ledger?;
    if matches!(item, Ok(None)) && ledger.entries.is_empty() {
        return Err(PageError::NotFound);
    }
    let item = item.ok().flatten();
    let product = product.ok().and_then(|found| found.into_iter().next());
    let name = product.as_ref().map_or_else(|| id.to_string(), |product| product.name.clone());
    let body = html! {
        p.crumbs { a href="/staff/stock" { "Stock" } " / " (name) }
        h1 { (name) }
        @if let Some(refused) = refused { (refused.notice()) }
        @if done {
            (notice(Tone::Good, html! { p {
                "The level is corrected" @if let Some(item) = &item { ": " (item.available) " are available now" } "."
            } }))
        }
        @if let Some(product) = &product { p { a href={ "/staff/products/" (product.slug) } { "Name, description and price" } } }
        (level(item.as_ref()))
        @if staff.may(StaffRole::Clerk) { (form(staff, id, refused)) }
        h2 { "Movements" }
        @if let Some(item) = &item { p.hint { (refilled(item.target)) } }
        @if ledger.entries.is_empty() { p.hint { "Nothing has moved yet." } } @else { (movements(id, &ledger)) }
    };
    let page = frame::page(staff, frame::Part::Stock, &name, body);
    Ok(answer(refused, page))
}

/// What there is of it, and where.
fn level(item: Option<&StockItem>) -> Markup {
    let Some(item) = item else {
        return notice(Tone::Bad, html! { p { "How many there are is not known just now." } });
    };
    html! {
        dl.levels {
            div { dt { "Available" } dd { (item.available) } }
            div { dt { "Set aside for orders" } dd { (item.held) } }
            div { dt { "In the house" } dd { (item.available + item.held) } }
            div { dt { "Filled up to" } dd { (item.target) } }
        }
    }
}

fn form(staff: &Staff, id: ProductId, refused: Option<&Refused>) -> Markup {
    let form = Form { name: ADJUST, refused };
    let line = |name, label, longest, kind, required| {
        form.field(&Field { name, label, longest, kind, value: "", required })
    };
    html! {
        form #adjust-form.card.filters action={ "/staff/stock/" (id) } method="post" novalidate data-once="Correcting…" {
            (csrf(staff))
            input type="hidden" name="key" value=(ids::new_id().simple());
            (line("delta", "Pieces more or fewer", 8, Kind::Pieces, true))
            div.field {
                label for=(form.id("reason")) { "Why" }
                select id=(form.id("reason")) name="reason" aria-invalid=[form.error("reason").map(|_| "true")] { @for (value, label) in REASONS { option value=(value) selected[form.chosen("reason") == value] { (label) } } }
            }
            (line("note", "In words", LONGEST_NOTE, Kind::Line, false))
            button.button.small type="submit" { "Correct the level" }
        }
    }
}

/// The random end of an order's id, as its number shows it: ids of one hour begin alike.
fn end_of_number(order: OrderId) -> String {
    let hex = order.uuid().simple().to_string().to_uppercase();
    format!("{}-{}", &hex[20..26], &hex[26..])
}

fn movements(id: ProductId, ledger: &StockLedger) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Movements" {
            table.stack {
                thead { tr { th { "When" } th.num { "Pieces" } th { "Why" } th { "Who" } th { "In words" } } }
                tbody {
                    @for entry in &ledger.entries {
                        tr {
                            td { (entry.at.format("%-d %b %Y, %H:%M:%S")) }
                            td.num { strong { @if entry.delta > 0 { "+" } (entry.delta) } }
                            td { (moved(&entry.reason)) }
                            td data-label="by" { (entry.actor) }
                            td.wide { @if let Some(order) = entry.order_id { a href={ "/staff/orders/" (order) } { "Order …" (end_of_number(order)) } " " } (entry.note) }
                        }
                    }
                }
            }
        }
        nav.pager aria-label="Pages" {
            @if ledger.page > 1 { a href={ "/staff/stock/" (id) "?page=" (ledger.page - 1) } rel="prev" { "← Newer" } }
            @if ledger.has_more { a href={ "/staff/stock/" (id) "?page=" (ledger.page + 1) } rel="next" { "Older →" } }
        }
    }
}
