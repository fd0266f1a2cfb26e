//! Where orders, their events and their history are kept.

pub mod address_digests;
pub mod by_cart;
pub mod change;
pub mod give_backs;
pub mod history;
pub mod insert;
pub mod load;
pub mod named;
pub mod outbox;
pub mod postgres;
pub mod privacy;
pub mod rows;
pub mod search;
pub mod vouchers;
