//! Payments: holds, takes and gives back money, through a provider.
//!
//! What must always hold: an order is charged at most once, whatever is repeated, in whatever order. Card data never
//! comes here; a token does. It does not know what an order is made of.

pub mod authorise;
pub mod http;
pub mod provider;
pub mod storage;
pub mod telemetry;
pub mod wiring;
