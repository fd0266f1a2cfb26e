//! What traces are made of: which service calls which.

/// OTLP's kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// What a span's attributes are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A request by HTTP: method and route.
    Http(&'static str, &'static str),
    /// A statement of a table.
    Postgres(&'static str),
    Redis(&'static str),
    Messaging(&'static str),
}

/// One span.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub service: &'static str,
    pub kind: Kind,
    /// In the recipe, before this one; the first step has none.
    pub parent: usize,
    /// Usually, microseconds, with everything below it.
    pub micros: u64,
    pub topic: Topic,
}

const fn step(service: &'static str, kind: Kind, parent: usize, micros: u64, topic: Topic) -> Step {
    Step { service, kind, parent, micros, topic }
}

use Kind::{Client, Consumer, Internal, Producer, Server};
use Topic::{Http, Messaging, Postgres, Redis};

const PRODUCT: [Step; 6] = [
    step("edge", Server, 0, 24_000, Http("GET", "/products/{id}")),
    step("storefront", Server, 0, 21_000, Http("GET", "/products/{id}")),
    step("storefront", Client, 1, 9_000, Http("GET", "/internal/products/{id}")),
    step("catalog", Server, 2, 8_000, Http("GET", "/internal/products/{id}")),
    step("catalog", Client, 3, 600, Redis("GET")),
    step("catalog", Client, 3, 5_000, Postgres("products")),
];

const SEARCH: [Step; 6] = [
    step("edge", Server, 0, 60_000, Http("GET", "/search")),
    step("storefront", Server, 0, 56_000, Http("GET", "/search")),
    step("storefront", Client, 1, 40_000, Http("GET", "/internal/search")),
    step("catalog", Server, 2, 38_000, Http("GET", "/internal/search")),
    step("catalog", Client, 3, 30_000, Postgres("products")),
    step("catalog", Internal, 3, 2_000, Messaging("ranking")),
];

const CART: [Step; 6] = [
    step("edge", Server, 0, 15_000, Http("POST", "/cart")),
    step("storefront", Server, 0, 12_000, Http("POST", "/cart")),
    step("storefront", Client, 1, 700, Redis("GET")),
    step("storefront", Client, 1, 800, Redis("SET")),
    step("storefront", Client, 1, 5_000, Http("GET", "/internal/stock/{id}")),
    step("inventory", Server, 4, 4_000, Http("GET", "/internal/stock/{id}")),
];

const CHECKOUT: [Step; 14] = [
    step("edge", Server, 0, 190_000, Http("POST", "/checkout")),
    step("storefront", Server, 0, 185_000, Http("POST", "/checkout")),
    step("storefront", Client, 1, 170_000, Http("POST", "/internal/orders")),
    step("orders", Server, 2, 165_000, Http("POST", "/internal/orders")),
    step("orders", Client, 3, 4_000, Postgres("orders")),
    step("orders", Client, 3, 14_000, Http("POST", "/internal/reservations")),
    step("inventory", Server, 5, 12_000, Http("POST", "/internal/reservations")),
    step("inventory", Client, 6, 6_000, Postgres("reservations")),
    step("orders", Client, 3, 120_000, Http("POST", "/internal/payments")),
    step("payments", Server, 8, 118_000, Http("POST", "/internal/payments")),
    step("payments", Client, 9, 100_000, Http("POST", "/v1/charges")),
    step("orders", Client, 3, 3_000, Postgres("outbox")),
    step("orders", Producer, 3, 900, Messaging("order-events")),
    step("notifications", Consumer, 12, 25_000, Messaging("order-events")),
];

/// Traces follow one another in this order.
pub const ROUND: [&[Step]; 4] = [&PRODUCT, &SEARCH, &CART, &CHECKOUT];
pub const SPANS_PER_ROUND: usize = PRODUCT.len() + SEARCH.len() + CART.len() + CHECKOUT.len();

/// Of a trace of the load.
pub fn of(trace: usize) -> &'static [Step] {
    ROUND[trace % ROUND.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_stand_before_their_children_and_take_longer() {
        for recipe in ROUND {
            for (at, step) in recipe.iter().enumerate().skip(1) {
                assert!(step.parent < at);
                // What is consumed later has its own time.
                assert!(step.kind == Kind::Consumer || step.micros < recipe[step.parent].micros);
            }
        }
    }
}
