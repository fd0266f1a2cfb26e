//! `shop-catalog`.
