//! How pages look: the frame around them and the parts that several share. Pure functions from data to markup.

mod frame;
mod parts;

pub use frame::{Frame, Page};
pub use parts::{Tone, field, notice, pager, picture, price, stock_line, summary, tiles};
