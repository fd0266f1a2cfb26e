//! The table of who may call what (`registry/access.toml`). What it does not list nobody may call.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::Method;
use serde::Deserialize;

const SOURCE: &str = include_str!("../../registry/access.toml");

/// Every service of the shop.
pub const SERVICES: [&str; 7] =
    ["storefront", "catalog", "identity", "inventory", "orders", "payments", "notifications"];

/// One route and its callers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The service that has it.
    pub service: String,
    /// HTTP method; `*` is any. `GET` includes `HEAD`.
    pub method: String,
    /// As axum writes it; `*` is every path of a service.
    pub path: String,
    /// Services that may call it, or `public` alone: no token is asked for.
    pub callers: Vec<String>,
}

/// What the table says about one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anybody, without a token.
    Public,
    /// These services.
    Callers(&'static [String]),
    /// Nobody.
    Denied,
}

/// The rows of one service, to look up calls in.
#[derive(Clone)]
pub struct Table {
    rows: HashMap<&'static str, Vec<&'static Route>>,
}

#[derive(Deserialize)]
struct File {
    route: Vec<Route>,
}

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let file: File = toml::from_str(SOURCE).expect("the embedded table is valid: a unit test parses it");
    file.route
});

/// The rows of one service.
pub fn routes_of(service: &str) -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(move |route| route.service == service)
}

impl Route {
    /// Whether anybody may call it without a token.
    pub fn is_public(&self) -> bool {
        self.callers.iter().any(|caller| caller == "public")
    }

    /// Whether the row covers a whole service.
    pub fn is_everything(&self) -> bool {
        self.path == "*"
    }
}

impl Table {
    /// The rows of `service`.
    pub fn of(service: &str) -> Self {
        let mut rows: HashMap<&'static str, Vec<&'static Route>> = HashMap::new();
        for route in routes_of(service) {
            rows.entry(route.path.as_str()).or_default().push(route);
        }
        Self { rows }
    }

    /// Whether every route of the service is public: then nothing needs to be looked up.
    pub fn is_all_public(&self) -> bool {
        self.rows.contains_key("*")
    }

    /// Who may call `path` (a route's pattern) with `method`.
    pub fn rule(&self, method: &Method, path: &str) -> Rule {
        let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
        let rows = self.rows.get(path).or_else(|| self.rows.get("*"));
        let row = rows.and_then(|rows| rows.iter().find(|row| row.method == method || row.method == "*"));
        match row {
            None => Rule::Denied,
            Some(row) if row.is_public() => Rule::Public,
            Some(row) => Rule::Callers(&row.callers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_is_well_formed_and_stands_once() {
        let mut seen = BTreeSet::new();
        for route in ROUTES.iter() {
            assert!(SERVICES.contains(&route.service.as_str()), "{route:?}");
            assert!(seen.insert((&route.service, &route.method, &route.path)), "twice: {route:?}");
            assert!(!route.callers.is_empty(), "{route:?}");
            let known = route.callers.iter().all(|caller| SERVICES.contains(&caller.as_str()));
            assert!(known || route.callers == ["public"], "{route:?}");
            assert!(!route.callers.contains(&route.service), "calls itself: {route:?}");
            let everything = route.is_everything() && route.method == "*" && route.is_public();
            let one = route.path.starts_with('/')
                && ["GET", "POST", "PUT", "DELETE", "PATCH"].contains(&route.method.as_str());
            assert!(everything || one, "{route:?}");
        }
    }

    #[test]
    fn staff_routes_are_the_storefronts_alone() {
        let staff: Vec<_> = ROUTES.iter().filter(|route| route.path.contains("/staff/")).collect();
        assert!(!staff.is_empty());
        assert!(staff.iter().all(|route| route.callers == ["storefront"]));
    }

    #[test]
    fn unlisted_route_or_method_is_denied() {
        let orders = Table::of("orders");
        assert!(matches!(orders.rule(&Method::POST, "/v1/orders"), Rule::Callers(_)));
        assert_eq!(orders.rule(&Method::PATCH, "/v1/orders"), Rule::Denied);
        assert_eq!(orders.rule(&Method::GET, "/v1/secrets"), Rule::Denied);
        assert!(matches!(orders.rule(&Method::HEAD, "/v1/orders/{id}"), Rule::Callers(_)));
        assert_eq!(Table::of("storefront").rule(&Method::GET, "/anything"), Rule::Public);
        assert_eq!(Table::of("notifications").rule(&Method::GET, "/anything"), Rule::Denied);
    }
}
