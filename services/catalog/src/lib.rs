//! The catalogue: categories, products, prices, search and pictures.
//!
//! Reads only; the range is seeded when the service starts. Answers come from Postgres through a Redis read-through
//! cache, and go on coming from Postgres when Redis is gone. It does not know stock.

pub mod cache;
pub mod http;
pub mod picture;
pub mod storage;
pub mod wiring;
