//! Traces: search, and one trace as a waterfall.

mod facets;
mod logs;
mod search;
mod span;
mod trace;
pub mod waterfall;

pub use self::{search::TracesPage, trace::TracePage};
