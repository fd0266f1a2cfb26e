//! Where identity keeps what it knows.

pub mod accounts;
pub mod address_versions;
pub mod addresses;
pub mod carts;
pub mod confirmations;
pub mod deletions;
pub mod outbox;
pub mod registrations;
pub mod resets;
pub mod sessions;
pub mod staff;
pub mod staff_members;

/// The migrations of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
