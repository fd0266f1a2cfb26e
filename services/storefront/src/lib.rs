//! The shop as shoppers see it: HTML rendered here, forms that work without JavaScript, carts and sessions in cookies that
//! only this service can read and make.
//!
//! It keeps nothing of its own beyond caches of a moment, and needs neither a database nor Redis. Prices come from the catalogue, stock from inventory; a page
//! that cannot be told truly says so. It never decides whether something can be sold: orders does.

pub mod assets;
pub mod border;
pub mod cart;
pub mod checkout;
pub mod encoding;
pub mod faults;
pub mod form;
pub mod keyring;
pub mod micro_cache;
pub mod pages;
pub mod peers;
pub mod public_url;
pub mod ready;
pub mod rum;
pub mod throttle;
pub mod view;
pub mod visitor;
pub mod wiring;
