//! `shop-instrumentation`.
