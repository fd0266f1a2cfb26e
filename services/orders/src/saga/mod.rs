//! The checkout saga: reserve, authorise, confirm, capture; walked back by abandon, void and release.

pub mod age;
pub mod drive;
pub mod step;

pub use age::AgeLimits;
pub use drive::Saga;
pub use step::{Progress, Reason, Review, Step};
