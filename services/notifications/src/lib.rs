//! Notifications: tells shoppers by mail what became of their orders and accounts.
//!
//! What must always hold: an event on the stream becomes one mail, however often it is delivered and whoever dies
//! meanwhile. An entry is acknowledged only when its mail is remembered as sent; who sends holds a lease on the event,
//! which is extended for as long as sending takes, and stops sending when it is lost;
//! the same event always makes the same mail, under the same name, so that the one gap that remains (death between
//! handing over and remembering) repeats a mail that the receiving side knows already. What no try can handle is put
//! aside, never dropped. No address is logged or kept in the database.

pub mod compose;
pub mod deliver;
pub mod event;
pub mod event_stream;
pub mod lease;
mod mailbox;
pub mod mailers;
pub mod openapi;
pub mod quota;
pub mod storage;
pub mod telemetry;
pub mod wiring;
pub mod workers;
