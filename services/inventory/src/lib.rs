//! `shop-inventory`.
