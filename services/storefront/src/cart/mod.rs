//! A visitor's cart: what is in it, how it travels in its cookie, what an account keeps of it, and what it costs today.
//! Pure.

mod codec;
mod contents;
mod kept;
mod merge;
mod offer;
mod priced;

pub use contents::{Cart, CartId, CartLine, MAX_LINES, MAX_QUANTITY};
pub use kept::{KeptBy, Merged};
pub use offer::Offer;
pub use priced::{Line, Priced};
