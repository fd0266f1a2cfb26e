//! The frame of every page: head, header with search and cart, menu, footer.

use std::sync::Arc;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use shop_contracts::catalog::Category;
use shop_contracts::premises::CONTACT;

use super::head::Head;
use crate::assets::{ICON, RUM_SCRIPT, SCRIPT, STYLE};
use crate::visitor::{SignedIn, Visitor};

/// Stands for the visitor's part of the header in a page that is rendered once for all.
const VISITOR_SLOT: &str = "\u{1}visitor\u{1}";
/// Stands for the visitor's token in such a page.
const CSRF_SLOT: &str = "\u{1}csrf\u{1}";

/// For whom a page is rendered.
#[derive(Clone, Copy)]
pub enum Frame<'a> {
    /// For one visitor.
    For(&'a Visitor),
    /// Once for all: to be filled in with [`Page::fill`].
    Open,
    /// For somebody of whom nothing is known, as on error pages.
    Stranger,
}

/// A page that was rendered once for all: as it is for somebody of whom nothing is known, and where in it the places are
/// that are the visitor's own.
pub struct Page {
    plain: Arc<str>,
    gaps: Vec<(std::ops::Range<usize>, Gap)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Visitor,
    Csrf,
}

impl Frame<'_> {
    /// The hidden field that every form carries.
    pub fn csrf(&self) -> Markup {
        let token = match self {
            Self::For(visitor) => visitor.csrf.as_str(),
            Self::Open => CSRF_SLOT,
            Self::Stranger => "",
        };
        html! { input type="hidden" name="csrf" value=(token); }
    }

    fn visitor(&self) -> Markup {
        match self {
            Self::For(visitor) => {
                visitor_links(visitor.account.as_ref().map(SignedIn::first_name), visitor.cart_count())
            }
            Self::Open => PreEscaped(VISITOR_SLOT.to_owned()),
            Self::Stranger => visitor_links(None, 0),
        }
    }

    /// A whole page around `body` that tells nothing but its title.
    pub fn page(
        &self,
        title: &str,
        words: &str,
        menu: &[Category],
        here: Option<&str>,
        body: Markup,
    ) -> Markup {
        self.document(&Head::titled(title), words, menu, here, body)
    }

    /// A whole page around `body`.
    pub fn document(
        &self,
        head: &Head,
        words: &str,
        menu: &[Category],
        here: Option<&str>,
        body: Markup,
    ) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    (head.markup())
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="theme-color" media="(prefers-color-scheme: light)" content="#14263b";
                    meta name="theme-color" media="(prefers-color-scheme: dark)" content="#0d141c";
                    link rel="icon" type="image/svg+xml" href=(ICON.url);
                    link rel="stylesheet" href=(STYLE.url);
                    // First, so that it sees the errors of the other.
                    script src=(RUM_SCRIPT.url) defer {}
                    script src=(SCRIPT.url) defer {}
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    header.top {
                        div.wrap.bar {
                            a.mark href="/" aria-label="Quarterdeck, home" { (logo()) span { "Quarterdeck" } }
                            form.search role="search" action="/search" method="get" {
                                label.sr for="q" { "Search the shop" }
                                input #q type="search" name="q" value=(words) placeholder="Search rope, lamps, jackets…" autocomplete="off" maxlength="200";
                                button type="submit" aria-label="Search" { (glass()) }
                            }
                            (self.visitor())
                        }
                        @if !menu.is_empty() {
                            nav.menu aria-label="Departments" {
                                ul.wrap {
                                    @for category in menu {
                                        li { a href={ "/c/" (category.slug) } aria-current=[(here == Some(category.slug.as_str())).then_some("page")] { (category.name) } }
                                    }
                                }
                            }
                        }
                    }
                    main #main tabindex="-1" { (body) }
                    (footer())
                }
            }
        }
    }
}

impl Page {
    /// Fills the gaps of a page rendered with [`Frame::Open`] for somebody of whom nothing is known.
    pub fn new(markup: Markup) -> Self {
        let text = markup.into_string();
        let (mut plain, mut gaps) = (String::with_capacity(text.len()), Vec::new());
        let nobody = Frame::Stranger.visitor().into_string();
        for (at, part) in text.split('\u{1}').enumerate() {
            let gap = match (at % 2, part) {
                (1, "visitor") => Gap::Visitor,
                (1, "csrf") => Gap::Csrf,
                _ => {
                    plain.push_str(part);
                    continue;
                }
            };
            let start = plain.len();
            if gap == Gap::Visitor {
                plain.push_str(&nobody);
            }
            gaps.push((start..plain.len(), gap));
        }
        Self { plain: plain.into(), gaps }
    }

    /// The page for everybody of whom nothing is known.
    pub fn plain(&self) -> &Arc<str> {
        &self.plain
    }

    /// The page for one visitor.
    pub fn fill(&self, visitor: &Visitor) -> String {
        let mut page = String::with_capacity(self.plain.len() + 256);
        let mut from = 0;
        for (range, gap) in &self.gaps {
            page.push_str(&self.plain[from..range.start]);
            match gap {
                Gap::Csrf => page.push_str(&visitor.csrf),
                Gap::Visitor => page.push_str(&Frame::For(visitor).visitor().into_string()),
            }
            from = range.end;
        }
        page.push_str(&self.plain[from..]);
        page
    }
}

fn visitor_links(name: Option<&str>, count: u32) -> Markup {
    html! {
        div.you {
            @match name {
                Some(name) => a.you-link href="/account" { (person()) span { (name) } },
                None => a.you-link href="/login" { (person()) span { "Log in" } },
            }
            a.you-link.cart-link href="/cart" {
                (basket()) span { "Cart" } " "
                @if count > 0 { b.count { (count) span.sr { @if count == 1 { " piece" } @else { " pieces" } } } }
            }
        }
    }
}

fn footer() -> Markup {
    html! {
        footer.foot {
            div.wrap.foot-grid {
                div {
                    p.foot-mark { "Quarterdeck" }
                    p { "Ship chandlers. Things that work at sea, for people who look after them." }
                }
                div {
                    h2 { "Shop" }
                    ul {
                        li { a href="/" { "Home" } }
                        li { a href="/cart" { "Cart" } }
                        li { a href="/account" { "Your orders" } }
                        li { a href="/orders/lookup" { "Find an order" } }
                    }
                }
                div {
                    h2 { "Good to know" }
                    ul {
                        li { "Prices include VAT" }
                        li { a href="/orders/lookup" { "Sixty days to send things back" } }
                        li { "Demonstration shop: no card is charged" }
                        li { "Write to us: " a href={ "mailto:" (CONTACT) } { (CONTACT) } }
                    }
                }
            }
        }
    }
}

fn logo() -> Markup {
    PreEscaped(r#"<svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true"><circle cx="16" cy="16" r="14.5" fill="none" stroke="currentColor" stroke-width="2"/><path d="M16 6v20M8 11h16" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"/><path d="M7 17c1 6 5 9 9 9s8-3 9-9" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"/></svg>"#.to_owned())
}

fn glass() -> Markup {
    PreEscaped(r#"<svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true"><circle cx="8.5" cy="8.5" r="5.5" fill="none" stroke="currentColor" stroke-width="2"/><path d="m13 13 5 5" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></svg>"#.to_owned())
}

fn person() -> Markup {
    PreEscaped(r#"<svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true"><circle cx="10" cy="6.5" r="3.5" fill="none" stroke="currentColor" stroke-width="1.7"/><path d="M3 18c.6-4 3.4-6 7-6s6.4 2 7 6" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"/></svg>"#.to_owned())
}

fn basket() -> Markup {
    PreEscaped(r#"<svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true"><path d="M2 8h16l-1.6 9H3.6Z" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linejoin="round"/><path d="m6 8 3-5.5M14 8l-3-5.5" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"/></svg>"#.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_an_open_page_are_filled_for_nobody_and_for_somebody() {
        let markup = |frame: Frame<'_>| frame.page("T", "", &[], None, html! { form { (frame.csrf()) } });
        let page = Page::new(markup(Frame::Open));
        assert_eq!(page.gaps.len(), 2);
        assert_eq!(**page.plain(), markup(Frame::Stranger).into_string());
        let visitor =
            Visitor { csrf: "ab".repeat(32), cart: None, account: None, ended: None, guest_orders: vec![] };
        assert_eq!(page.fill(&visitor), markup(Frame::For(&visitor)).into_string());
    }
}
