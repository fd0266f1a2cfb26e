//! Where stock, its movements and reservations are kept.

pub mod ledger;
pub mod postgres;
pub mod returns;
pub mod seeding;
pub mod staff;
