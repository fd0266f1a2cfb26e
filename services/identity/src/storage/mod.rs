//! Where accounts and sessions are kept.

pub mod accounts;
pub mod sessions;

/// The migrations of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
