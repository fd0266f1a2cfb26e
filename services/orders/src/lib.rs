//! Orders: the checkout saga and the outbox.
//!
//! What must always hold: an accepted order is never lost and never doubled. Each step is written before it is taken,
//! every remote call of it can be repeated, and whoever finds an order without an owner carries on from the written
//! step. An event leaves in the transaction that made it true.

pub mod aftersale;
pub mod clients;
pub mod http;
pub mod place;
pub mod ports;
pub mod saga;
pub mod storage;
pub mod telemetry;
pub mod tell_again;
pub mod vouchers;
pub mod wiring;
pub mod workers;
