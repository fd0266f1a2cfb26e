//! `shop-payments`.
