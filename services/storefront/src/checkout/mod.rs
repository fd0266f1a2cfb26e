//! What a press of the order button does, apart from pages and calls. Pure.

mod attempt;
mod open;

pub use attempt::{Age, Charge, Done, OrdersAnswer, Progress, Seen, Settled, Verdict};
pub use open::{ARRIVES_WITHIN_SECONDS, MOST_OPEN, Open};
