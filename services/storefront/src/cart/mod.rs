//! A visitor's cart: what is in it, how it travels in its cookie, and what it costs today. Pure.

mod codec;
mod contents;
mod merge;
mod priced;

pub use contents::{Cart, CartId, CartLine, MAX_LINES, MAX_QUANTITY};
pub use priced::{Line, Priced};
