//! Parts that several pages share.

use std::collections::HashSet;

use maud::{Markup, html};
use shop_contracts::catalog::{ProductPage, ProductSummary};
use shop_contracts::{Money, ProductId};

use super::listed;
use crate::cart::Priced;
use crate::form::Typed;

/// How serious a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something went well.
    Good,
    /// Something to know.
    Plain,
    /// Something to do something about.
    Bad,
}

/// `€1,299.00`.
pub fn price(money: Money) -> String {
    let plain = money.to_string();
    let Some((whole, cents)) = plain.split_once('.') else { return plain };
    let digits_from = whole.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    let (sign, digits) = whole.split_at(digits_from);
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{cents}")
}

/// A message in a box.
pub fn notice(tone: Tone, body: Markup) -> Markup {
    let (class, role) = match tone {
        Tone::Good => ("notice good", "status"),
        Tone::Plain => ("notice", "status"),
        Tone::Bad => ("notice bad", "alert"),
    };
    html! { div class=(class) role=(role) { (body) } }
}

/// A product's picture.
pub fn picture(slug: &str, version: &str, size: u32, lazy: bool) -> Markup {
    html! {
        img src={ "/pictures/" (slug) ".svg?v=" (version) } alt="" width=(size) height=(size)
            loading=[lazy.then_some("lazy")] decoding="async";
    }
}

/// Products as a grid of tiles, some of them sold out. The first few pictures are wanted at once.
pub fn tiles(items: &[ProductSummary], sold_out: &HashSet<ProductId>) -> Markup {
    html! {
        ul.tiles {
            @for (at, item) in items.iter().enumerate() {
                li.tile {
                    a href={ "/p/" (item.slug) } {
                        span.tile-picture { (picture(&item.slug, &item.picture_version, 300, at >= 8)) }
                        span.tile-maker { (item.maker) }
                        span.tile-name { (listed::name(item)) }
                        @if let Some(choices) = listed::choices(item) { span.tile-choices { (choices) } }
                        span.tile-price { (listed::price(item)) }
                        @if is_sold_out(item, sold_out) { span.tile-sold-out { "Sold out" } }
                    }
                }
            }
        }
    }
}

/// Of a group one is shown; others of it may be there.
fn is_sold_out(item: &ProductSummary, sold_out: &HashSet<ProductId>) -> bool {
    item.choices.is_none() && sold_out.contains(&item.id)
}

/// The products of tiles.
pub fn ids(items: &[ProductSummary]) -> Vec<ProductId> {
    items.iter().map(|item| item.id).collect()
}

/// Links to the other pages of a list; `link` makes the address of a page.
pub fn pager(page: &ProductPage, link: impl Fn(u32) -> String) -> Markup {
    let (here, last) = (page.page, page.pages());
    let shown: Vec<u32> = (1..=last).filter(|n| *n == 1 || *n == last || n.abs_diff(here) <= 1).collect();
    html! {
        @if last > 1 {
            nav.pager aria-label="Pages" {
                @if here > 1 { a href=(link(here - 1)) rel="prev" { "← Previous" } }
                ol {
                    @for (at, number) in shown.iter().copied().enumerate() {
                        @if at > 0 && number > shown[at - 1] + 1 { li.gap aria-hidden="true" { "…" } }
                        li { a href=(link(number)) aria-current=[(number == here).then_some("page")] { (number) } }
                    }
                }
                @if here < last { a href=(link(here + 1)) rel="next" { "Next →" } }
            }
        }
    }
}

/// What inventory says about one product.
pub fn stock_line(available: Option<u32>) -> Markup {
    html! {
        @match available {
            None => p.stock.unknown { "Stock is not known just now. We will tell you before you pay." },
            Some(0) => p.stock.out { "Sold out" },
            Some(few @ 1..=9) => p.stock.low { "Only " (few) " left" },
            Some(_) => p.stock.in { "In stock, leaves on the next working day" },
        }
    }
}

/// A labelled text field with its message.
pub fn field(
    typed: &Typed,
    name: &str,
    label: &str,
    kind: &str,
    autocomplete: &str,
    hint: Option<&str>,
) -> Markup {
    let error = typed.error(name);
    let hint_id = hint.map(|_| format!("{name}-hint"));
    let error_id = error.map(|_| format!("{name}-error"));
    let described =
        [hint_id.as_deref(), error_id.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    html! {
        div.field.wrong[error.is_some()] {
            label for=(name) { (label) }
            @if let Some(hint) = hint { p.hint id=[hint_id.as_deref()] { (hint) } }
            input id=(name) name=(name) type=(kind) autocomplete=(autocomplete) required maxlength=(longest(name))
                value=[(kind != "password").then(|| typed.value(name))]
                aria-invalid=[error.map(|_| "true")]
                aria-describedby=[(!described.is_empty()).then_some(described)];
            @if let Some(error) = error { p.error id=[error_id.as_deref()] { (error) } }
        }
    }
}

/// Characters at most, as the form's check counts them: nobody types what is refused afterwards.
fn longest(name: &str) -> usize {
    match name {
        "label" => 40,
        "postcode" => 16,
        "name" | "city" => 100,
        "address1" | "password" | "current" | "new" => 200,
        _ => 254,
    }
}

/// The lines of a cart beside a checkout.
pub fn summary_lines(cart: &Priced) -> Markup {
    html! {
        ul {
            @for line in &cart.lines {
                li {
                    span.summary-picture { (picture(&line.product.slug, &line.product.picture_version, 56, false)) }
                    span.summary-name { (line.product.name) @if line.quantity > 1 { small { " × " (line.quantity) } } }
                    span.summary-price { (price(line.total)) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shop_contracts::Currency;

    use super::*;

    #[test]
    fn prices_have_their_thousands_apart() {
        let euro = |minor| price(Money::new(minor, Currency::Eur));
        assert_eq!(euro(990), "€9.90");
        assert_eq!(euro(99_900), "€999.00");
        assert_eq!(euro(123_456_789), "€1,234,567.89");
        assert_eq!(euro(-129_900), "-€1,299.00");
    }

    #[test]
    fn pager_shows_the_ends_and_the_neighbours() {
        let page =
            ProductPage { items: vec![], page: 6, per_page: 10, total: 120, corrected: None, makers: vec![] };
        let html = pager(&page, |n| format!("?page={n}")).into_string();
        for number in [1, 5, 6, 7, 12] {
            assert!(html.contains(&format!("?page={number}\"")), "{html}");
        }
        assert!(!html.contains("?page=3\"") && html.matches('…').count() == 2);
    }
}
