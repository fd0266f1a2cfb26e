//! Kinds of pages, as labels: few, and never chosen by a browser.

use axum::http::StatusCode;

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// The front.
    Home,
    /// A department.
    Category,
    /// Search.
    Search,
    /// A product.
    Product,
    /// The cart.
    Cart,
    /// The checkout.
    Checkout,
    /// An order, or how to find one.
    Order,
    /// The account, logging in and registering.
    Account,
    /// Any other page.
    Other,
    /// A page that says what went wrong.
    Error,
}

impl PageKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Home,
        Self::Category,
        Self::Search,
        Self::Product,
        Self::Cart,
        Self::Checkout,
        Self::Order,
        Self::Account,
        Self::Other,
        Self::Error,
    ];

    /// As a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Category => "category",
            Self::Search => "search",
            Self::Product => "product",
            Self::Cart => "cart",
            Self::Checkout => "checkout",
            Self::Order => "order",
            Self::Account => "account",
            Self::Other => "other",
            Self::Error => "error",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The kind of the page that a route answered so; nothing for what is no shopper's page.
    pub fn of(route: Option<&str>, status: StatusCode) -> Option<Self> {
        let first =
            route.map_or("", |route| route.trim_start_matches('/').split('/').next().unwrap_or_default());
        let kind = match (route, first) {
            (_, "staff" | "assets" | "pictures" | "rum") => return None,
            (Some("/"), _) => Self::Home,
            (_, "c") => Self::Category,
            (_, "search") => Self::Search,
            (_, "p") => Self::Product,
            (_, "cart") => Self::Cart,
            (_, "checkout") => Self::Checkout,
            (_, "orders") => Self::Order,
            (_, "account" | "login" | "register" | "forgot-password" | "reset-password") => Self::Account,
            _ => Self::Other,
        };
        Some(if status.is_client_error() || status.is_server_error() { Self::Error } else { kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_have_a_kind_and_what_is_no_shopper_s_page_has_none() {
        let of = |route| PageKind::of(route, StatusCode::OK).map(PageKind::as_str);
        assert_eq!(of(Some("/")), Some("home"));
        assert_eq!(of(Some("/p/{slug}")), Some("product"));
        assert_eq!(of(Some("/orders/{id}/cancel")), Some("order"));
        for account in ["/login", "/register/confirm", "/forgot-password", "/reset-password"] {
            assert_eq!(of(Some(account)), Some("account"), "{account}");
        }
        assert_eq!(of(None), Some("other"));
        for none in ["/staff/orders", "/assets/{file}", "/pictures/{file}", "/rum"] {
            assert_eq!(of(Some(none)), None, "{none}");
        }
        assert_eq!(PageKind::of(Some("/p/{slug}"), StatusCode::NOT_FOUND), Some(PageKind::Error));
        assert!(PageKind::ALL.iter().all(|kind| PageKind::parse(kind.as_str()) == Some(*kind)));
    }
}
