//! Where orders and their events are kept.

pub mod outbox;
pub mod postgres;
pub mod rows;
