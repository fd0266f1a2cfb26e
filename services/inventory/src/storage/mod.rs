//! Where stock and reservations are kept.

pub mod postgres;
pub mod seeding;
