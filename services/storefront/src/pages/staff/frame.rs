//! The frame of the back office's pages: who is logged in, and where else to go.

use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use shop_contracts::identity::StaffRole;

use super::member::Staff;
use crate::assets::{ICON, SCRIPT, STAFF_STYLE, STYLE};

/// The parts of the back office.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Overview,
    Orders,
    Stock,
    Products,
    Vouchers,
    People,
}

/// A whole page. Never kept by anybody on the way.
pub(super) fn page(staff: &Staff, part: Part, title: &str, body: Markup) -> Response {
    document(title, menu(staff, Some(part)), body)
}

/// A page that is in none of the parts.
pub(super) fn outside(staff: &Staff, title: &str, body: Markup) -> Response {
    document(title, menu(staff, None), body)
}

/// A page for somebody who is not logged in.
pub(super) fn bare(title: &str, body: Markup) -> Response {
    document(title, html! {}, body)
}

fn menu(staff: &Staff, part: Option<Part>) -> Markup {
    let links = [
        (Part::Overview, "/staff", "Overview"),
        (Part::Orders, "/staff/orders", "Orders"),
        (Part::Stock, "/staff/stock", "Stock"),
        (Part::Products, "/staff/products", "Products"),
        (Part::Vouchers, "/staff/vouchers", "Vouchers"),
        (Part::People, "/staff/people", "People"),
    ];
    // Of no use to others.
    let shown = links.into_iter().filter(|(one, ..)| *one != Part::People || staff.may(StaffRole::Manager));
    html! {
        nav aria-label="Back office" {
            ul { @for (one, path, name) in shown { li { a href=(path) aria-current=[(Some(one) == part).then_some("page")] { (name) } } } }
        }
        form.who action="/staff/logout" method="post" {
            span { (staff.member.username) " · " (role_name(staff.member.role)) }
            (csrf(staff))
            button.button.quiet.small type="submit" { "Log out" }
        }
    }
}

/// The hidden field that every form carries.
pub(super) fn csrf(staff: &Staff) -> Markup {
    html! { input type="hidden" name="csrf" value=(staff.csrf); }
}

/// A role in words and in forms.
pub(super) const fn role_name(role: StaffRole) -> &'static str {
    match role {
        StaffRole::Viewer => "viewer",
        StaffRole::Clerk => "clerk",
        StaffRole::Manager => "manager",
    }
}

fn document(title: &str, nav: Markup, body: Markup) -> Response {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " · Quarterdeck back office" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                link rel="icon" type="image/svg+xml" href=(ICON.url);
                link rel="stylesheet" href=(STYLE.url);
                link rel="stylesheet" href=(STAFF_STYLE.url);
                script src=(SCRIPT.url) defer {}
            }
            body.staff {
                a.skip href="#main" { "Skip to content" }
                header.staff-top { div.wrap { a.staff-mark href="/staff" { "Back office" } (nav) } }
                main #main tabindex="-1" { div.wrap { (body) } }
            }
        }
    };
    let mut response = document.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
