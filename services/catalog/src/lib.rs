//! The catalogue: categories, products, prices, search and pictures.
//!
//! The range is seeded when the service starts; staff changes names, descriptions and prices. Answers come from Postgres
//! through a Redis read-through cache: from Postgres when Redis is gone, from the cache, stale, when Postgres is gone. It
//! does not know stock.

pub mod cache;
pub mod http;
pub mod picture;
pub mod storage;
pub mod wiring;
