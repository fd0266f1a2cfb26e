//! The shop as shoppers see it: HTML rendered here, forms that work without JavaScript, carts and sessions in Redis.
//!
//! It keeps nothing of its own beyond caches of a second. Prices come from the catalogue, stock from inventory; a page
//! that cannot be told truly says so. It never decides whether something can be sold: orders does.

pub mod assets;
pub mod cart;
pub mod form;
pub mod micro_cache;
pub mod pages;
pub mod peers;
pub mod store;
pub mod view;
pub mod visitor;
pub mod wiring;
