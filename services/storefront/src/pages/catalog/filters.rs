//! The controls of a list: filters, order, what is filtered by, the pages. Plain forms and links; every state is an
//! address that can be shared and kept.

use std::collections::HashSet;

use maud::{Markup, html};
use shop_contracts::ProductId;
use shop_contracts::catalog::{ProductPage, Sort};

use crate::border::{Filter, ListQuery, price_text};
use crate::view::{pager, tiles};

/// Products on a page.
pub(super) const PER_PAGE: u32 = 24;

/// Controls, count, tiles and pages of what was found.
pub(super) fn results(
    path: &str,
    asked: &ListQuery,
    page: &ProductPage,
    sold_out: &HashSet<ProductId>,
) -> Markup {
    let first = u64::from(page.page.saturating_sub(1)) * u64::from(page.per_page) + 1;
    let last = first + page.items.len() as u64;
    html! {
        @if page.items.is_empty() {
            div.empty { p { "This page of the list is empty. " a href=(asked.address(path, 1)) { "Back to its beginning" } } }
        } @else {
            p.count-line { @if page.pages() > 1 { (first) "–" (last - 1) " of " } (things(page.total)) }
            (tiles(&page.items, sold_out))
        }
        (pager(page, |number| asked.address(path, number)))
    }
}

/// Filters and order as one form. The button is there for those without JavaScript and for prices; the script sends the
/// form when something is chosen.
pub(super) fn controls(path: &str, asked: &ListQuery, page: &ProductPage) -> Markup {
    html! {
        form.filters action=(path) method="get" data-tidy data-send-on-select aria-label="Filter and sort" {
            @if let Some(words) = &asked.words { input type="hidden" name="q" value=(words); }
            @if asked.exact { input type="hidden" name="exact" value="1"; }
            (makers(asked, page))
            (price_field(asked, "from", "Price from", "€ 0"))
            (price_field(asked, "to", "Price to", "any"))
            div.filter {
                label for="sort" { "Sort by" }
                select #sort name="sort" {
                    @for sort in Sort::ALL { option value=(sort) selected[sort == asked.sort] { (sort_name(sort, asked)) } }
                }
            }
            button.button.quiet.small type="submit" { "Apply" }
            @for field in ["maker", "from", "to"] {
                @if let Some(error) = asked.typed.error(field) { p.error id={ (field) "-error" } { (error) } }
            }
        }
        (chips(path, asked))
    }
}

fn makers(asked: &ListQuery, page: &ProductPage) -> Markup {
    let chosen = asked.maker.as_deref();
    let is_listed = chosen.is_none_or(|maker| page.makers.iter().any(|known| known.maker == maker));
    if page.makers.len() < 2 && chosen.is_none() {
        return html! {};
    }
    html! {
        div.filter {
            label for="maker" { "Maker" }
            select #maker name="maker" {
                option value="" { "All makers" }
                // The filters may leave nothing of the maker that was chosen.
                @if let (Some(maker), false) = (chosen, is_listed) { option value=(maker) selected { (maker) " (0)" } }
                @for known in &page.makers {
                    option value=(known.maker) selected[chosen == Some(known.maker.as_str())] { (known.maker) " (" (known.count) ")" }
                }
            }
        }
    }
}

fn price_field(asked: &ListQuery, name: &'static str, label: &str, placeholder: &str) -> Markup {
    let is_wrong = asked.typed.error(name).is_some();
    let value = match name {
        _ if is_wrong => Some(asked.typed.value(name).to_owned()),
        "from" => asked.min_price.map(price_text),
        _ => asked.max_price.map(price_text),
    };
    html! {
        div.filter.wrong[is_wrong] {
            label for=(name) { (label) span.sr { ", in euros" } }
            input id=(name) name=(name) type="text" inputmode="decimal" autocomplete="off" maxlength="12"
                placeholder=(placeholder) value=[value]
                aria-invalid=[is_wrong.then_some("true")]
                aria-describedby=[is_wrong.then(|| format!("{name}-error"))];
        }
    }
}

fn sort_name(sort: Sort, asked: &ListQuery) -> &'static str {
    match sort {
        Sort::Relevance if asked.words.is_some() => "Best match",
        Sort::Relevance => "Our choice",
        Sort::PriceAsc => "Price, low to high",
        Sort::PriceDesc => "Price, high to low",
        Sort::Name => "Name",
    }
}

/// What the list is filtered by; each leads to the list without it.
fn chips(path: &str, asked: &ListQuery) -> Markup {
    let filters = asked.filters();
    if filters.is_empty() {
        return html! {};
    }
    html! {
        ul.chips.active aria-label="Active filters" {
            @for filter in &filters {
                li {
                    a href=(asked.without(*filter).address(path, 1)) aria-label={ "Remove filter: " (filter_name(*filter, asked)) } {
                        (filter_name(*filter, asked)) span aria-hidden="true" { "×" }
                    }
                }
            }
            @if filters.len() > 1 { li { a.all href=(asked.unfiltered().address(path, 1)) { "Clear all filters" } } }
        }
    }
}

fn filter_name(filter: Filter, asked: &ListQuery) -> String {
    let price = |minor: Option<i64>| price_text(minor.unwrap_or_default());
    match filter {
        Filter::Maker => asked.maker.clone().unwrap_or_default(),
        Filter::MinPrice => format!("From €{}", price(asked.min_price)),
        Filter::MaxPrice => format!("Up to €{}", price(asked.max_price)),
    }
}

/// `60 things`.
pub(super) fn things(total: u64) -> String {
    match total {
        1 => "1 thing".to_owned(),
        many => format!("{many} things"),
    }
}
