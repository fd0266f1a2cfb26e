//! The checkout saga: reserve, authorise, confirm, capture; walked back by void and release.

pub mod drive;
pub mod step;

pub use drive::Saga;
pub use step::{Progress, Step};
