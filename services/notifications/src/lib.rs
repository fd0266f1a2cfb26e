//! `shop-notifications`.
