//! The catalogue in Postgres: reading, searching, changing, seeding.

mod discovery;
mod edits;
mod entries;
mod grouping;
mod list;
mod products;
mod rows;
mod search;
mod seeding;
mod spelling;
mod variants;

pub use edits::Edited;
pub use grouping::{Grouped, Renamed};
pub use list::ListQuery;
pub use products::{PgCatalog, PictureFacts, ProductRef};
pub use seeding::{migrate_and_seed, migrator};
