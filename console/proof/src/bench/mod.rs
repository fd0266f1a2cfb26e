//! What the console's stores cost beside their peers: the same bytes go to one server after the other, then the same
//! questions.
//!
//! Cost is the CPU time of the server's process as Linux counts it, so that the sender beside it does not blur it.
//! Latencies do suffer from a busy machine; the load average is printed with them. Nothing here judges by an exit code:
//! a goal that is missed is a line in a table.

mod ask;
mod bounds;
mod compare;
mod goal;
pub mod logs;
mod machine;
pub mod metrics;
mod noise;
mod outcome;
mod pipe;
mod push;
mod table;
mod take;
pub mod traces;

pub use machine::told;
