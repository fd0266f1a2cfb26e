//! What a press of the order button does, apart from pages and calls. Pure.

mod attempt;

pub use attempt::{Age, Charge, Done, OrdersAnswer, Progress, Seen, Settled, Unsettled, Verdict};
