//! Payments: holds, takes and gives back money, through a provider.
//!
//! What must always hold: what is asked of the provider is written down before, and asked under a key that makes a
//! repeat the same call, so that an order is charged at most once, whatever is repeated, lost or cut off; an answer that
//! did not come is looked for until it is known. Card data never comes here; a token does, and is not kept. It does not
//! know what an order is made of.

pub mod abandon;
pub mod authorise;
pub mod calls;
pub mod http;
pub mod operation;
pub mod payments;
pub mod provider;
pub mod reconcile;
pub mod refund;
pub mod settle;
pub mod storage;
pub mod telemetry;
pub mod webhook;
pub mod wiring;
