//! How pages look: the frame around them and the parts that several share. Pure functions from data to markup.

mod frame;
mod head;
pub mod listed;
mod parts;
pub mod structured;
mod sums;

pub use frame::{Frame, Page};
pub use head::Head;
pub use parts::{Tone, field, ids, notice, pager, picture, price, stock_line, summary_lines, tiles};
pub use sums::{delivery_price, order_sums, promise, sums, sums_with, tax_lines};
