//! `shop-storefront`.
