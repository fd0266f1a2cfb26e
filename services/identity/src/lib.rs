//! `shop-identity`.
