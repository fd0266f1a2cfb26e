//! The catalogue in Postgres: reading, searching, seeding.

mod products;
mod search;
mod seeding;

pub use products::{ListQuery, PgCatalog, PictureFacts};
pub use seeding::{migrate_and_seed, migrator};
