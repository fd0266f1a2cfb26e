//! Latencies of a fixed set of queries over HTTP.

mod latency;
mod set;

pub use latency::{Latencies, measure_set};
pub use set::{Query, SET, Shape};
