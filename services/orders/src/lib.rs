//! `shop-orders`.
