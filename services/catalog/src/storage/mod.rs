//! The catalogue in Postgres: reading, searching, changing, seeding.

mod discovery;
mod edits;
mod list;
mod products;
mod search;
mod seeding;
mod spelling;

pub use edits::Edited;
pub use list::ListQuery;
pub use products::{PgCatalog, PictureFacts, ProductRef};
pub use seeding::{migrate_and_seed, migrator};
