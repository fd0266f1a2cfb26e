//! Orders in the back office: the list, one order, and what can be done with it.

pub(super) mod actions;
pub(super) mod detail;
mod history;
pub(super) mod list;
mod standing;
