//! Wire types that the shop's processes exchange: ids, money, requests, answers and events.
//!
//! Plain data with serde, and with shape and bounds for the OpenAPI documents. What must always hold: a type here can be
//! sent by one version of a service and read by the previous one, so fields are only added, with a default. No behaviour
//! beyond parsing and arithmetic, no I/O, no clock.

pub mod catalog;
pub mod charges;
pub mod delivery;
pub mod events;
pub mod identity;
pub mod ids;
pub mod inventory;
pub mod mail_address;
pub mod money;
pub mod orders;
pub mod payments;
pub mod premises;
pub mod problem;
pub mod seed;
pub mod shown;
pub mod tax;
pub mod variants;
pub mod vouchers;

pub use ids::{AccountId, EventId, OrderId, PaymentId, ProductId, ReservationId, VariantGroupId};
pub use money::{Currency, Money, MoneyError};
pub use problem::{Code, ProblemBody};
