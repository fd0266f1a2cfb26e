//! `shop-testkit`.
