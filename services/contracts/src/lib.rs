//! `shop-contracts`.
