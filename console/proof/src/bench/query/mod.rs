//! Latencies of a fixed set of queries over HTTP.

mod latency;
mod set;

pub use latency::{Measured, measure};
pub use set::{Query, SET, Shape};
