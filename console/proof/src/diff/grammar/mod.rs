//! Random queries: their tree, its two spellings, and who draws them.

mod aggregations;
mod calls;
mod expr;
mod generator;
mod invalid;
mod listing;
mod moment;
mod operators;
mod render;
mod requests;
mod selectors;

pub use expr::{Expr, Grouping, INEXACT, Matcher, When};
pub use generator::{Asked, Generator};
pub use listing::Listing;
pub use moment::Moment;
pub use render::{Dialect, Style};
pub use requests::Request;
